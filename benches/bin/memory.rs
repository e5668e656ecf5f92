//! The peak memory of complete pushes, each in a separate process, to a service that discards the data.
//! `cargo xtask memory` builds and runs it.
#![expect(clippy::print_stdout, reason = "this is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::path::Path;
use std::process::Command;

use imgpush_benches::data;
use imgpush_benches::process::{Run, run};
use imgpush_sandbox::{Sandbox, SandboxOptions};

/// The exit code of a push to a service that discards data: the image cannot be verified.
const CANNOT_VERIFY: i32 = 26;

#[tokio::main]
async fn main() {
    let sandbox = Sandbox::start(SandboxOptions::default().with_discard()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full.raw");
    data::write(&full, 1024, |_| {});
    let sparse = folder.path().join("sparse.raw");
    data::sparse(&sparse, 64);

    println!("| push | memory | peak | wall | MB/s |\n|---|---:|---:|---:|---:|");
    for (what, path, bytes) in
        [("1 GiB, full", &full, 1u64 << 30), ("64 GiB, sparse", &sparse, 64 << 30)]
    {
        for memory in ["40M", "64M"] {
            let url = sandbox.url().to_owned();
            let path = path.clone();
            let run = tokio::task::spawn_blocking(move || push(&path, &url, memory)).await.unwrap();
            let rate = u128::from(bytes) / 1000 / run.wall.as_millis().max(1);
            let (mib, seconds) = (run.peak_kib / 1024, run.wall.as_secs_f64());
            println!("| {what} | {memory} | {mib} MiB | {seconds:.1} s | {rate} |");
        }
    }
    sandbox.shutdown().await;
}

fn push(file: &Path, url: &str, memory: &str) -> Run {
    let program = std::env::current_exe().unwrap().with_file_name("imgpush");
    let mut command = Command::new(program);
    command.args(["push", "--quiet", "--os-auth-type", "none", "--os-endpoint", url]);
    command.args(["--memory", memory]).arg(file).env_clear();
    let run = run(&mut command);
    assert_eq!(run.status.code(), Some(CANNOT_VERIFY), "{}", run.stderr);
    run
}
