//! The core for measurements, and its clock. On systems other than Linux the scheduler chooses the core and
//! only the wall clock is available, so their figures are rough.

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    use rustix::time::{ClockId, clock_gettime};

    /// CPU time of the process, including all threads, since the pipeline has several.
    ///
    /// # Panics
    ///
    /// Never on Linux.
    #[must_use]
    pub fn time() -> Duration {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    }

    /// Pins this thread, and the threads and processes that it starts, to the last allowed core.
    ///
    /// # Panics
    ///
    /// If the kernel forbids it.
    pub fn pin() {
        let allowed = sched_getaffinity(None).unwrap();
        let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu));
        let mut only = CpuSet::new();
        only.set(last.unwrap());
        sched_setaffinity(None, &only).unwrap();
    }

    /// Moves this thread to all cores but the one it was pinned to. Returns false if there is no other.
    ///
    /// # Panics
    ///
    /// If the kernel forbids the query.
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

/// The model name of the processor, and its family, which is more precise.
#[must_use]
pub fn model() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim() == name).map_or("?", |(_, value)| value.trim()).to_owned()
    };
    format!("{} family {} model {}", field("model name"), field("cpu family"), field("model"))
}
