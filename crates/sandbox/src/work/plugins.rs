//! Plugins of Glance that change the data of an import before it is stored.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::read::MultiGzDecoder;

/// Replaces the file by its decompressed data if it is gzip; other data stays unchanged.
pub(super) fn decompress(path: &Path) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let mut magic = [0; 2];
    let is_gzip = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    if !is_gzip {
        return Ok(());
    }
    file.rewind()?;
    let plain = path.with_extension("plain");
    std::io::copy(&mut MultiGzDecoder::new(file), &mut File::create(&plain)?)?;
    std::fs::rename(plain, path)
}

/// Converts the file, as Glance does: by `qemu-img`.
pub(super) fn convert(path: &Path, from: &str, to: &str) -> Result<(), String> {
    let converted = path.with_extension("converted");
    let qemu_name = |name| if name == "vhd" { "vpc" } else { name };
    let output = Command::new("qemu-img")
        .args(["convert", "-f", qemu_name(from), "-O", qemu_name(to)])
        .args([path, &converted])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("qemu-img: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    std::fs::rename(converted, path).map_err(|error| error.to_string())
}

/// Changes the last byte.
pub(super) fn damage(path: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    file.seek(SeekFrom::End(-1))?;
    file.write_all(&[!last[0]])
}
