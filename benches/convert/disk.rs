//! The disk to convert: a file system with real files.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use imgpush_benches::data;
use imgpush_benches::process::succeed;
use md5::Digest as _;

use crate::lab::Lab;

/// The same disk as raw bytes, and as compressed qcow2.
pub(crate) struct Disk {
    pub(crate) raw: PathBuf,
    pub(crate) zlib: PathBuf,
    pub(crate) zstd: PathBuf,
    /// The size of the disk.
    pub(crate) bytes: u64,
    data_bytes: u64,
    /// The argument for `null_glance`.
    pub(crate) known: String,
}

impl Disk {
    /// A disk of this size with this amount of files: three quarters programs of this machine, an eighth text,
    /// and the rest data that cannot be compressed.
    pub(crate) fn make(lab: &Lab, disk_mib: u64, data_mib: u64) -> Self {
        let (raw, zlib, zstd) =
            (lab.path("disk.raw"), lab.path("zlib.qcow2"), lab.path("zstd.qcow2"));
        let folder = lab.path("files");
        let data_bytes = fill(&folder, data_mib);
        let mut command = lab.command("mkfs.ext4");
        // Without random numbers and the time, so that the same files are the same disk.
        command.env("E2FSPROGS_FAKE_TIME", "1700000000");
        let id = "6d0a7c1e-2b3f-4f58-9a41-0c5e8d7b6a90";
        command.args(["-q", "-F", "-U", id, "-E"]).arg(format!("hash_seed={id},root_owner=0:0"));
        command.arg("-d").arg(&folder).arg(&raw).arg(format!("{disk_mib}M"));
        succeed(&mut command);
        std::fs::remove_dir_all(&folder).unwrap();
        lab.qemu_img(&["-f", "raw", "-O", "qcow2", "-c"], &raw, &zlib);
        let options = ["-f", "raw", "-O", "qcow2", "-c", "-o", "compression_type=zstd"];
        lab.qemu_img(&options, &raw, &zstd);
        let bytes = disk_mib << 20;
        let known = format!("{bytes}:{}:{}", digests(&raw), raw.display());
        Disk { raw, zlib, zstd, bytes, data_bytes, known }
    }

    pub(crate) fn description(&self) -> String {
        let size = |file: &Path| file.metadata().unwrap().len() >> 20;
        format!(
            "disk: ext4, {} MiB with {} MiB of files; as qcow2 {} MiB (zlib), {} MiB (zstd)",
            self.bytes >> 20,
            self.data_bytes >> 20,
            size(&self.zlib),
            size(&self.zstd)
        )
    }
}

/// Fills a folder, and returns the bytes of its files.
fn fill(folder: &Path, mib: u64) -> u64 {
    let all = mib << 20;
    std::fs::create_dir(folder).unwrap();
    let mut found = Vec::new();
    find("/usr".as_ref(), &mut found);
    found.sort();
    let mut copied = 0;
    for (number, (file, length)) in found.iter().enumerate() {
        if copied + length <= all * 3 / 4
            && std::fs::copy(file, folder.join(format!("program-{number}"))).is_ok()
        {
            copied += length;
        }
    }
    let text_bytes = all / 8;
    std::fs::write(folder.join("text"), text(text_bytes)).unwrap();
    // More if this machine has fewer programs.
    let rest_mib = (all - copied - text_bytes) >> 20;
    data::write(&folder.join("data"), rest_mib, |_| {});
    copied + text_bytes + (rest_mib << 20)
}

/// Regular files below a folder that can be read, with their sizes.
fn find(folder: &Path, found: &mut Vec<(PathBuf, u64)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            find(&entry.path(), found);
        } else if metadata.is_file() {
            found.push((entry.path(), metadata.len()));
        }
    }
}

/// Lines of a log, which compress well.
fn text(bytes: u64) -> String {
    let bytes = usize::try_from(bytes).unwrap();
    let mut text = String::with_capacity(bytes + 100);
    let mut state = 1u64;
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (number, word) =
            (state >> 40, ["started", "stopped", "reloaded"][(state >> 33) as usize % 3]);
        writeln!(
            text,
            "host-{} service[{number}]: unit {word} after {} ms",
            state >> 60,
            number % 977
        )
        .unwrap();
    }
    text
}

/// The digests that a service reports, by the plain crates.
fn digests(file: &Path) -> String {
    let mut file = File::open(file).unwrap();
    let (mut md5, mut sha512) = (md5::Md5::new(), sha2::Sha512::new());
    let mut block = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut block).unwrap();
        if count == 0 {
            return format!("{}:{}", hex(&md5.finalize()), hex(&sha512.finalize()));
        }
        md5.update(&block[..count]);
        sha512.update(&block[..count]);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
