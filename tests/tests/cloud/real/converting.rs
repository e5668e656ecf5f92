//! A real Glance that decompresses and converts what is imported.
//!
//! `qemu-img convert` and `sha512sum` are the oracle for what it stored.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imgpush_scene::{RealCloud, Run, imgpush, pattern_file, sha512sum};
use imgpush_test_support::left_out;
use serde_json::Value;

use super::web::Web;

const CLOUD: &str = "testcloud-converting";

/// A virtual disk, and the SHA-512 of its raw bytes.
struct Disk {
    image: PathBuf,
    raw_sha512: String,
}

impl Disk {
    /// A disk in this format and variant; `None` without qemu-img.
    fn create(folder: &Path, format: &str, options: &[&str]) -> Option<Self> {
        if Command::new("qemu-img").arg("--version").output().is_err() {
            left_out("qemu-img: a Glance that converts");
            return None;
        }
        let (image, raw) = (folder.join(format!("disk.{format}")), folder.join("disk.raw"));
        let data = pattern_file(folder, "data.raw", 5 << 20);
        let qemu_img = |arguments: &[&str], from: &Path, to: &Path| {
            let mut command = Command::new("qemu-img");
            let status = command.arg("convert").args(arguments).args([from, to]).status();
            assert!(status.unwrap().success(), "{arguments:?}");
        };
        qemu_img(&[&["-f", "raw", "-O", format], options].concat(), &data, &image);
        qemu_img(&["-f", format, "-O", "raw"], &image, &raw);
        Some(Disk { image, raw_sha512: sha512sum(&raw) })
    }
}

fn run(command: &mut Command) -> Run {
    Run::of(command.output().unwrap())
}

/// Pushes by an import, and returns the report.
fn push(source: &str, stdin: Stdio, more: &[&str]) -> Value {
    let mut command = imgpush();
    command.args(["push", "--json", "--cloud", CLOUD, source]).args(more).stdin(stdin);
    let run = run(&mut command);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.json()
}

/// The image is the raw disk, for the program and for another client.
fn is_raw_view(cloud: &RealCloud, report: &Value, disk: &Disk) {
    assert_eq!(report["verified_by"], serde_json::json!(["raw-view"]), "{report}");
    assert_eq!(report["digests"]["sha512"], *disk.raw_sha512, "{report}");
    let shown = cloud.openstack(CLOUD, &["image", "show", report["id"].as_str().unwrap()]);
    assert_eq!((&shown["status"], &shown["disk_format"]), (&"active".into(), &"raw".into()));
    assert_eq!(shown["properties"]["os_hash_value"], *disk.raw_sha512);
}

#[test]
fn an_imported_disk_of_every_format_is_verified_against_its_raw_view() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    for (format, options, disk_format) in [
        ("qcow2", &["-c"][..], "qcow2"),
        ("vmdk", &["-o", "subformat=streamOptimized"], "vmdk"),
        ("vhdx", &[], "vhdx"),
        ("vdi", &[], "vdi"),
    ] {
        let Some(disk) = Disk::create(folder.path(), format, options) else { return };
        let image = disk.image.to_str().unwrap();
        let more = ["--via", "import", "--disk-format", disk_format];
        let report = push(image, Stdio::null(), &more);
        is_raw_view(&cloud, &report, &disk);
        let id = report["id"].as_str().unwrap();
        let mut verify = imgpush();
        let run = run(verify.args(["verify", "--cloud", CLOUD, id, "--file", image]));
        assert_eq!(run.code, Some(0), "{format}: {run:?}");
    }
}

#[test]
fn an_imported_disk_from_a_pipe_is_verified_against_its_raw_view() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::create(folder.path(), "qcow2", &["-c"]) else { return };
    let stdin = File::open(&disk.image).unwrap().into();
    let report = push("-", stdin, &["--via", "import", "--name", "piped-and-converted"]);
    is_raw_view(&cloud, &report, &disk);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_glance_downloads_is_verified_against_its_raw_view() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::create(folder.path(), "qcow2", &["-c"]) else { return };
    let web = Web::serving(std::fs::read(&disk.image).unwrap().leak()).await;
    let address = format!("{}/disk.qcow2", web.address);
    let report = push(&address, Stdio::null(), &["--via", "web-download"]);
    is_raw_view(&cloud, &report, &disk);
}

#[test]
fn a_disk_that_glance_decompresses_and_converts_is_verified_against_its_raw_view() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::create(folder.path(), "qcow2", &[]) else { return };
    let gzip = Command::new("gzip").arg("-k").arg(&disk.image).status();
    assert!(gzip.unwrap().success());
    let image = format!("{}.gz", disk.image.to_str().unwrap());
    let more = ["--via", "import", "--decompress", "never", "--disk-format", "qcow2"];
    let report = push(&image, Stdio::null(), &[&more[..], &["--force-format"]].concat());
    is_raw_view(&cloud, &report, &disk);
}

#[test]
fn a_second_run_into_a_glance_that_converts_sends_nothing() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::create(folder.path(), "qcow2", &["-c"]) else { return };
    let image = disk.image.to_str().unwrap();
    let more = ["--via", "import", "--name", "converted-once", "--if-exists", "skip"];
    let first = push(image, Stdio::null(), &more);
    is_raw_view(&cloud, &first, &disk);
    let second = push(image, Stdio::null(), &more);
    assert_eq!((&second["id"], &second["action"]), (&first["id"], &"skipped".into()), "{second}");
    assert_eq!(second["attempts"], 0, "{second}");
}
