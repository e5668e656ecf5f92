//! The core that is measured on, and its clock. Elsewhere than on Linux the scheduler chooses the core
//! and the wall clock is all there is, so figures from there are rough.

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    use rustix::time::{ClockId, clock_gettime};

    /// CPU time of the process: of all threads, since the pipeline has several.
    ///
    /// # Panics
    ///
    /// Never on a Linux.
    #[must_use]
    pub fn time() -> Duration {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    }

    /// Keeps this thread, and those and the processes it will start, on the last core it may use.
    ///
    /// # Panics
    ///
    /// When the kernel forbids it.
    pub fn pin() {
        let allowed = sched_getaffinity(None).unwrap();
        let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu));
        let mut only = CpuSet::new();
        only.set(last.unwrap());
        sched_setaffinity(None, &only).unwrap();
    }

    /// Puts this thread on all cores but the one it was pinned to. False when there is no other.
    ///
    /// # Panics
    ///
    /// When the kernel forbids to ask.
    #[must_use]
    pub fn keep_away() -> bool {
        let pinned = sched_getaffinity(None).unwrap();
        let mut others = CpuSet::new();
        (0..CpuSet::MAX_CPU).filter(|cpu| !pinned.is_set(*cpu)).for_each(|cpu| others.set(cpu));
        sched_setaffinity(None, &others).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    pub fn time() -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    pub fn pin() {}

    pub fn keep_away() -> bool {
        true
    }
}

pub use system::{keep_away, pin, time};

/// What the processor calls itself, and its family, which tells more.
#[must_use]
pub fn model() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim() == name).map_or("?", |(_, value)| value.trim()).to_owned()
    };
    format!("{} family {} model {}", field("model name"), field("cpu family"), field("model"))
}
