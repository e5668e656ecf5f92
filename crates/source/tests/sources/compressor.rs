//! Compression with the usual command-line tools.

use std::io::Write as _;
use std::process::{Command, Stdio};

use imgpush_test_support::left_out;

/// The data compressed by the tool; none without the tool, which is reported as left out.
pub(crate) fn compress(tool: &str, data: &[u8]) -> Option<Vec<u8>> {
    let module = match tool {
        "gzip" => "import gzip as m",
        "xz" => "import lzma as m",
        "bzip2" => "import bz2 as m",
        _ => "import compression.zstd as m",
    };
    let script = format!(
        "import sys; {module}; sys.stdout.buffer.write(m.compress(sys.stdin.buffer.read()))"
    );
    let compressed = filter(Command::new(tool).arg("-c"), data)
        .or_else(|| filter(Command::new("python3").args(["-c", &script]), data));
    if compressed.is_none() {
        left_out(&format!("{tool}: reading what it compresses"));
    }
    compressed
}

fn filter(command: &mut Command, data: &[u8]) -> Option<Vec<u8>> {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut input = child.stdin.take()?;
    let data = data.to_vec();
    let feeding = std::thread::spawn(move || input.write_all(&data));
    let output = child.wait_with_output().ok()?;
    let is_fed = feeding.join().unwrap().is_ok();
    (is_fed && output.status.success()).then_some(output.stdout)
}
