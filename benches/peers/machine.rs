//! The machine, and its other load.

use std::fs::read_to_string;

use imgpush_benches::process;
use imgpush_digest::Platform;

use crate::lab::Lab;
use crate::service::succeed;

/// The measured programs, and the machine.
pub(crate) fn heading(lab: &Lab) -> String {
    let info = read_to_string("/proc/cpuinfo").unwrap();
    let field = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim() == name).map_or("?", |(_, value)| value.trim())
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let versions = "import importlib.metadata as m\nfor name in ('openstacksdk', \
                    'python-openstackclient', 'python-glanceclient'): print(name, m.version(name))";
    let python = lab.python.join("python");
    let peers = succeed(lab.command(&python).args(["-c", versions])).stdout;
    let curl = succeed(lab.command("curl".as_ref()).arg("--version")).stdout;
    let curl: Vec<&str> = curl.split(' ').take(2).collect();
    format!(
        "{} family {} model {}, {cpus} CPUs, kernels {}\npeers: {}, {}\nload average before: {}",
        field("model name"),
        field("cpu family"),
        field("model"),
        Platform::detect().name(),
        peers.trim().replace('\n', ", "),
        curl.join(" "),
        read_to_string("/proc/loadavg").unwrap().trim()
    )
}

/// The CPU time of the machine so far, in ticks of a hundredth of a second.
pub(crate) struct Look {
    all: u64,
    idle: u64,
    stolen: u64,
    /// This process, and its finished children.
    own: u64,
}

impl Look {
    pub(crate) fn now() -> Self {
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
    pub(crate) fn until_now(&self) -> String {
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
