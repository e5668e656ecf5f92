//! The output of qemu-img for a file.

use std::path::Path;
use std::process::Command;

/// Whether and how qemu-img opens a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    As {
        format: String,
        size: u64,
    },
    /// The reason.
    Refused(String),
}

/// `qemu-img info` of a file, with a given format or with the one that qemu detects.
pub(crate) fn info(path: &Path, format: Option<&str>) -> Opened {
    let mut command = Command::new("qemu-img");
    command.args(["info", "-U", "--output", "json"]);
    format.iter().for_each(|format| _ = command.args(["-f", format]));
    let output = command.arg(path).output().unwrap();
    let parsed = serde_json::from_slice::<serde_json::Value>(&output.stdout);
    let parsed = parsed.ok().and_then(|info| {
        let format = info["format"].as_str()?.to_owned();
        Some(Opened::As { format, size: info["virtual-size"].as_u64()? })
    });
    let error = || Opened::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    parsed.unwrap_or_else(error)
}
