//! The machine, and its other load.

use std::fs::read_to_string;

use imgpush_digest::Platform;

use crate::process;

/// The CPU, and the kernels that hash on it.
#[must_use]
pub fn cpu() -> String {
    let info = read_to_string("/proc/cpuinfo").unwrap();
    let field = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim() == name).map_or("?", |(_, value)| value.trim())
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{} family {} model {}, {cpus} CPUs, kernels {}",
        field("model name"),
        field("cpu family"),
        field("model"),
        Platform::detect().name(),
    )
}

/// The load average line of the system.
#[must_use]
pub fn load() -> String {
    read_to_string("/proc/loadavg").unwrap().trim().to_owned()
}

/// The CPU time of the machine so far, in ticks of a hundredth of a second.
pub struct Look {
    all: u64,
    idle: u64,
    stolen: u64,
    /// This process, and its finished children.
    own: u64,
}

impl Look {
    /// The times so far.
    #[must_use]
    pub fn now() -> Self {
        let stat = read_to_string("/proc/stat").unwrap();
        let words = stat.lines().next().unwrap().split_whitespace().skip(1);
        // User, nice, system, idle, waiting for disks, interrupts, soft interrupts, stolen.
        let ticks: Vec<u64> = words.take(8).map(|word| word.parse().unwrap()).collect();
        let own = process::cpu_of(std::process::id()) + process::cpu_of_children();
        Look {
            all: ticks.iter().sum(),
            idle: ticks[3] + ticks[4],
            stolen: ticks[7],
            own: u64::try_from(own.as_millis() / 10).unwrap(),
        }
    }

    /// The CPU time of other processes since then.
    #[must_use]
    pub fn until_now(&self) -> String {
        let now = Look::now();
        let all = now.all - self.all;
        let percent = |ticks: u64| ticks * 100 / all.max(1);
        let stolen = now.stolen - self.stolen;
        let idle = now.idle - self.idle;
        let others = all.saturating_sub(idle + stolen + (now.own - self.own));
        format!(
            "other processes on this machine took {} % of the CPU time, and the hypervisor {} %\n",
            percent(others),
            percent(stolen)
        )
    }
}
