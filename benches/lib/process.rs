//! Running programs, and their time and memory. The figures are available on Linux only.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The results of a program.
pub struct Run {
    /// The time from its start to its end.
    pub wall: Duration,
    /// User and system time of all its threads, and of its children.
    pub cpu: Duration,
    /// Peak resident memory in KiB, as of a few milliseconds before the end.
    pub peak_kib: u64,
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// More than any of the programs needs.
const LIMIT: Duration = Duration::from_secs(300);

/// Runs a program. Its CPU time includes all children that end meanwhile, so run only one at a time.
///
/// # Panics
///
/// If it does not start, or does not end.
#[must_use]
pub fn run(command: &mut Command) -> Run {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let before = cpu_of_children();
    let start = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = reader(child.stdout.take().unwrap());
    let stderr = reader(child.stderr.take().unwrap());
    let mut peak_kib = 0;
    let mut turn = 0u32;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > LIMIT {
            child.kill().unwrap();
        }
        // The kernel keeps the peak value, so periodic reads miss only the end.
        if turn.is_multiple_of(8) {
            peak_kib = peak_kib.max(resident_peak(child.id()));
        }
        turn += 1;
        std::thread::sleep(Duration::from_millis(1));
    };
    let wall = start.elapsed();
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    Run { wall, cpu: cpu_of_children() - before, peak_kib, status, stdout, stderr }
}

/// Runs a program that must succeed.
///
/// # Panics
///
/// If it does not succeed.
pub fn succeed(command: &mut Command) -> Run {
    let run = run(command);
    assert!(run.status.success(), "{command:?}: {}\n{}{}", run.status, run.stdout, run.stderr);
    run
}

fn reader(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

/// User and system time of all children that have ended, to a hundredth of a second.
///
/// # Panics
///
/// Without `/proc`.
#[must_use]
pub fn cpu_of_children() -> Duration {
    ticks("self", [13, 14])
}

/// User and system time of a running process, to a hundredth of a second.
///
/// # Panics
///
/// If there is no process with this id.
#[must_use]
pub fn cpu_of(pid: u32) -> Duration {
    ticks(&pid.to_string(), [11, 12])
}

/// The running child processes of a process.
///
/// # Panics
///
/// Without `/proc`.
#[must_use]
pub fn children_of(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap();
    text.split_whitespace().map(|child| child.parse().unwrap()).collect()
}

fn ticks(process: &str, fields: [usize; 2]) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The third field follows the name, which may contain any character.
    let all: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let sum: u64 = fields.iter().map(|field| all[*field].parse::<u64>().unwrap()).sum();
    // On Linux, a tick is a hundredth of a second.
    Duration::from_millis(sum * 10)
}

fn resident_peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
