//! A large batch, a tenth of which is damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use imgpush_scene::{Scene, Side, pattern_file, spawn};
use serde_json::Value;

use super::images::sparse;
use super::scene::{MIB, has_exactly, push, reports, scene, unique};

const JOBS: u64 = 8;
/// The maximum resident memory: 64 MiB, and 8 MiB for each concurrent image.
const BUDGET_KIB: u64 = (64 + 8 * JOBS) << 10;

/// A method of damaging an image, then its name, its exit code, and its message.
type Breakage = (fn(&Path), &'static str, u64, &'static str);

const BREAKAGES: [Breakage; 6] = [
    (truncated_qcow2, "qcow2", 12, "sha256"),
    (truncated_xz, "raw.xz", 10, "xz"),
    (|place| sparse(place, MIB), "raw", 12, "sha256"),
    (with_backing_file, "qcow2", 11, "backing file"),
    (|_| {}, "raw", 10, "No such file"),
    (|place| fs::create_dir(place).unwrap(), "raw", 10, "directory"),
];
/// Images whose entry in the list has another digest.
const WRONG_ENTRIES: [usize; 2] = [0, 2];

fn images(side: Side) -> usize {
    match side {
        Side::Sandbox => 300,
        Side::Real => 60,
    }
}

/// Most images are small; the average is about 2 MiB.
fn size(number: usize) -> u64 {
    let mib = match number % 100 {
        0 => 64,
        10 | 30 | 60 | 80 => 8,
        odd if odd % 5 == 1 => 2,
        _ => 1,
    };
    mib * MIB
}

pub(crate) fn damaged_images_do_not_affect_the_others(side: Side) {
    let scene = scene(side);
    let mut good = Vec::new();
    let mut broken: Vec<(PathBuf, &Breakage)> = Vec::new();
    for number in 0..images(side) {
        if number % 10 == 5 {
            let breakage = &BREAKAGES[number / 10 % BREAKAGES.len()];
            let place = scene.path(unique(&scene, &format!("{number:03}.{}", breakage.1)));
            breakage.0(&place);
            broken.push((place, breakage));
        } else {
            let place = scene.path(unique(&scene, &format!("{number:03}.raw")));
            sparse(&place, size(number));
            good.push(place);
        }
    }
    let mut files: Vec<_> =
        good.iter().chain(broken.iter().map(|(place, _)| place)).cloned().collect();
    files.sort();
    let list = list_of(&scene, &files, &broken);
    let jobs = JOBS.to_string();
    let options = ["--jobs", &jobs, "--checksum-file", list.to_str().unwrap()];
    let running = spawn(push(&scene, &files, &options));
    let pid = running.id();
    let watching = std::thread::spawn(move || peak_until_end(pid));
    let run = scene.ended(running);
    let peak_kib = watching.join().unwrap();

    assert_eq!(run.code, Some(27), "{run:?}");
    let (reports, batch) = reports(&run);
    assert_eq!(reports.len(), files.len(), "{run:?}");
    assert_eq!(batch["pushed"], good.len(), "{run:?}");
    assert_eq!(batch["failed"], broken.len(), "{run:?}");
    let report = |file: &str| {
        let found = reports.iter().find(|report| report["source"] == file);
        found.unwrap_or_else(|| panic!("nothing is said of {file}: {run:?}"))
    };
    for file in &good {
        let report = report(file.to_str().unwrap());
        assert_eq!(report["verified"], true, "{report}");
        assert_eq!(report["source_verified_by"], Value::from(vec!["sha256"]), "{report}");
    }
    for (file, (_, _, code, reason)) in &broken {
        let file = file.to_str().unwrap();
        let report = report(file);
        let error = &report["error"];
        assert_eq!(error["exit_code"], *code, "{report}");
        assert!(error["record"] == "none" || error["record"] == "removed", "{report}");
        assert!(error["causes"].to_string().contains(reason), "{reason}: {report}");
        let said = |line: &str| line.contains(file) && line.contains(reason);
        assert!(run.stderr.lines().any(said), "{file}: {reason}: {run:?}");
    }
    has_exactly(&scene, &good, "with broken ones between");
    assert!(peak_kib > 0, "nothing was measured");
    assert!(peak_kib <= BUDGET_KIB, "{} MiB resident", peak_kib >> 10);
}

/// The list of checksums of all images, computed by a program of the system.
fn list_of(scene: &Scene, files: &[PathBuf], broken: &[(PathBuf, &Breakage)]) -> PathBuf {
    let name = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
    let is_wrong = |file: &PathBuf| {
        let wrong = WRONG_ENTRIES.map(|at| BREAKAGES[at].3);
        broken.iter().any(|(place, breakage)| place == file && wrong.contains(&breakage.3))
    };
    let (right, wrong): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| file.is_file() && !is_wrong(file));
    let mut sums = Command::new("sha256sum");
    let sums = sums.args(right.into_iter().map(name)).current_dir(scene.folder.path()).output();
    let mut list = String::from_utf8(sums.unwrap().stdout).unwrap();
    for file in wrong {
        list.push_str(&format!("{}  {}\n", "0".repeat(64), name(file)));
    }
    scene.write("SHA256SUMS", list)
}

/// The peak resident memory of a process until it ends.
fn peak_until_end(pid: u32) -> u64 {
    let mut peak = 0;
    while let Some(found) = resident_peak(pid) {
        peak = found;
        std::thread::sleep(Duration::from_millis(10));
    }
    peak
}

fn resident_peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// A qcow2 with only its header. The service would accept it; only its published digest, which is that of the
/// complete file, shows that it is truncated.
fn truncated_qcow2(place: &Path) {
    fs::write(place, qcow2_header()).unwrap();
}

/// A compressed disk, truncated to half.
fn truncated_xz(place: &Path) {
    let decompressed = place.with_extension("");
    let name = decompressed.file_name().unwrap().to_str().unwrap();
    pattern_file(decompressed.parent().unwrap(), name, MIB);
    let mut xz = Command::new("xz");
    let compressed = xz.args(["-0", "-c"]).arg(&decompressed).stderr(Stdio::null()).output();
    let compressed = compressed.expect("xz, which every Debian has").stdout;
    fs::remove_file(decompressed).unwrap();
    fs::write(place, &compressed[..compressed.len() / 2]).unwrap();
}

/// A qcow2 that refers to another file of the machine that it runs on.
fn with_backing_file(place: &Path) {
    let name = b"/etc/passwd";
    let mut header = qcow2_header();
    header[8..16].copy_from_slice(&512u64.to_be_bytes());
    header[16..20].copy_from_slice(&(name.len() as u32).to_be_bytes());
    header[512..512 + name.len()].copy_from_slice(name);
    fs::write(place, header).unwrap();
}

/// The first cluster of a qcow2 of 1 MiB, without the tables that would follow.
fn qcow2_header() -> Vec<u8> {
    let mut header = vec![0; 1 << 16];
    let fields: [(usize, &[u8]); 9] = [
        (0, b"QFI\xfb"),
        (4, &3u32.to_be_bytes()),
        (20, &16u32.to_be_bytes()),
        (24, &MIB.to_be_bytes()),
        (36, &1u32.to_be_bytes()),
        (40, &(3u64 << 16).to_be_bytes()),
        (48, &(1u64 << 16).to_be_bytes()),
        (56, &1u32.to_be_bytes()),
        (100, &104u32.to_be_bytes()),
    ];
    for (at, bytes) in fields {
        header[at..at + bytes.len()].copy_from_slice(bytes);
    }
    header
}
