//! The CPU time of `imgpush` commands without a cloud, in milliseconds per run. `cargo xtask bench start`
//! builds and runs it; it fails above [`MAX_MILLISECONDS`].
#![expect(clippy::print_stdout, reason = "this is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::process::{Command, ExitCode, Stdio};

use imgpush_benches::process::cpu_of_children;

const RUNS: u32 = 100;
/// Unnoticeable for a person, but relevant for scripts that run it often.
const MAX_MILLISECONDS: f64 = 20.0;

fn main() -> ExitCode {
    let program = std::env::current_exe().unwrap().with_file_name("imgpush");
    let mut slow = false;
    println!("| command | CPU ms |\n|---|---:|");
    for arguments in [
        &["--version"][..],
        &["--help"],
        &["push", "--help"],
        &["image", "--help"],
        &["image", "list", "--help"],
        &["image", "import", "-h"],
        &["image", "list", "--no-such-option"],
    ] {
        let before = cpu_of_children();
        for _ in 0..RUNS {
            let mut command = Command::new(&program);
            command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
            assert!(command.status().unwrap().code().is_some_and(|code| code == 0 || code == 2));
        }
        let milliseconds = (cpu_of_children() - before).as_secs_f64() * 1e3 / f64::from(RUNS);
        println!("| `imgpush {}` | {milliseconds:.1} |", arguments.join(" "));
        slow |= milliseconds >= MAX_MILLISECONDS;
    }
    ExitCode::from(u8::from(slow))
}
