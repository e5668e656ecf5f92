//! qemu-img and qemu-io.

use std::path::Path;
use std::process::{Command, Stdio};

/// The version whose results are expected.
const MAJOR: u32 = 10;

/// Whether a qemu-img of the expected version is installed.
pub(crate) fn is_installed() -> bool {
    let Ok(output) = Command::new("qemu-img").arg("--version").output() else { return false };
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_whitespace().find_map(|word| word.split('.').next()?.parse().ok());
    version.is_some_and(|version: u32| version >= MAJOR)
        && Command::new("qemu-io").arg("--version").output().is_ok()
}

/// Runs a program, and returns whether it succeeded.
pub(crate) fn run(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

/// Converts an image to raw, and returns whether that succeeded.
pub(crate) fn convert(format: &str, image: &Path, raw: &Path) -> bool {
    let (image, raw) = (image.to_str().unwrap(), raw.to_str().unwrap());
    run("qemu-img", &["convert", "-f", format, "-O", "raw", image, raw])
}

/// Runs commands of qemu-io on an image.
pub(crate) fn io(format: &str, image: &Path, commands: &[String]) -> bool {
    let mut arguments = vec!["-f", format];
    for command in commands {
        arguments.extend(["-c", command]);
    }
    arguments.push(image.to_str().unwrap());
    run("qemu-io", &arguments)
}
