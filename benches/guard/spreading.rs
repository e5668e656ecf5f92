//! Whether three algorithms of one stream use two cores: the CPU time of the busiest hashing thread, relative
//! to that of all.

use std::fs::read_to_string;
use std::num::NonZeroUsize;

use bytes::Bytes;
use imgpush_digest::Algorithm::{Md5, Sha256, Sha512};
use imgpush_digest::MultiHasher;
use imgpush_guard::kernels::pattern;

/// It is 0.7 with SHA extensions, 0.5 to 0.65 without, and 1 if one thread does everything.
const LIMIT: f64 = 0.85;

const CHUNK_BYTES: usize = 1 << 20;
const CHUNKS: usize = 256;

pub(crate) fn holds() -> bool {
    let Some(two) = NonZeroUsize::new(2) else { return false };
    let mut hasher = MultiHasher::new([Md5, Sha512, Sha256], two);
    let chunk = Bytes::from(pattern(CHUNK_BYTES));
    for _ in 0..CHUNKS {
        hasher.update(&chunk);
    }
    // Before the threads end; few chunks are left in their queues.
    let times = hashing_times();
    assert_eq!(hasher.finish().iter().count(), 3);
    if times.is_empty() {
        println!("NOT GUARDED: the CPU time of threads is known only on Linux");
        return true;
    }
    let busiest = times.iter().copied().fold(0.0, f64::max);
    let share = busiest / times.iter().sum::<f64>();
    println!(
        "MD5, SHA-512 and SHA-256 on two threads: the busiest has {share:.2} of the CPU time, at most {LIMIT}"
    );
    share <= LIMIT
}

/// The CPU time of each hashing thread, in nanoseconds.
fn hashing_times() -> Vec<f64> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let time = |task: std::fs::DirEntry| {
        let name = read_to_string(task.path().join("comm")).ok()?;
        let times = read_to_string(task.path().join("schedstat")).ok()?;
        let is_hashing = name.starts_with("imgpush-");
        times.split(' ').next()?.parse().ok().filter(|_| is_hashing)
    };
    tasks.filter_map(time).collect()
}
