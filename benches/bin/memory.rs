//! The peak memory of whole pushes, each in a process of its own, into a service that throws the data
//! away. `cargo xtask memory` builds and runs it.
#![expect(clippy::print_stdout, reason = "this is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use imgpush_sandbox::{Sandbox, SandboxOptions};

/// What a push that arrived but was thrown away ends with: it cannot be verified.
const CANNOT_VERIFY: i32 = 26;

#[tokio::main]
async fn main() {
    let sandbox = Sandbox::start(SandboxOptions::default().with_discard()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full.raw");
    let mut out = File::create(&full).unwrap();
    let block: Vec<u8> = (0..1 << 20).map(|i: u32| (i % 251) as u8).collect();
    for _ in 0..1024 {
        out.write_all(&block).unwrap();
    }
    let sparse = folder.path().join("sparse.raw");
    File::create(&sparse).unwrap().set_len(64 << 30).unwrap();

    println!("| push | memory | peak | wall | MB/s |\n|---|---:|---:|---:|---:|");
    for (what, path, bytes) in
        [("1 GiB, full", &full, 1u64 << 30), ("64 GiB, sparse", &sparse, 64 << 30)]
    {
        for memory in ["40M", "64M"] {
            let url = sandbox.url().to_owned();
            let path = path.clone();
            let (peak, wall) =
                tokio::task::spawn_blocking(move || push(&path, &url, memory)).await.unwrap();
            let rate = u128::from(bytes) / 1000 / wall.as_millis().max(1);
            let (mib, seconds) = (peak / 1024, wall.as_secs_f64());
            println!("| {what} | {memory} | {mib} MiB | {seconds:.1} s | {rate} |");
        }
    }
    sandbox.shutdown().await;
}

/// Kibibytes resident at most, and the time it took.
fn push(file: &Path, url: &str, memory: &str) -> (u64, Duration) {
    let program = std::env::current_exe().unwrap().with_file_name("imgpush");
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(["push", "--quiet", "--os-auth-type", "none", "--os-endpoint", url])
        .args(["--memory", memory])
        .arg(file)
        .env_clear()
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        // The kernel keeps the highest value, so looking now and then misses nothing but the end.
        peak = peak.max(resident_peak(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let wall = start.elapsed();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(CANNOT_VERIFY), "{said}");
    (peak, wall)
}

fn resident_peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
