//! Threads that the system starts, or does not: a user or a container may have a limit of them.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Runtime};

/// More than that no network of a machine needs, TLS included.
const MOST_NETWORK_THREADS: usize = 4;

/// The async runtime, for the network alone: reading and hashing have threads of their own. Where the system
/// does not start its threads, it runs on the thread that waits for it.
///
/// # Errors
///
/// When the system has no more files for it.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    let threads = cores.min(MOST_NETWORK_THREADS);
    let runtime = if can_start(threads) { multi_thread(threads) } else { None };
    runtime.map_or_else(|| Builder::new_current_thread().enable_all().build(), Ok)
}

/// A runtime with this number of threads. Tokio panics if the first thread does not start, as when another process of
/// the user has taken the last one since they were counted.
fn multi_thread(threads: usize) -> Option<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).thread_name("imgpush-net").enable_all();
    let hook = std::panic::take_hook();
    // Nothing is to be said of it.
    std::panic::set_hook(Box::new(|_| {}));
    let built = std::panic::catch_unwind(AssertUnwindSafe(|| builder.build()));
    std::panic::set_hook(hook);
    built.ok()?.ok()
}

/// The error of a command that runs the embedded image service, where the system does not start the threads
/// for it: it reads and writes files on those of the runtime, which would wait for ever.
///
/// # Errors
///
/// When fewer threads can be started than it needs.
#[cfg(feature = "sandbox")]
pub(crate) fn for_sandbox() -> Result<(), String> {
    match can_start(SANDBOX_THREADS) {
        true => Ok(()),
        false => {
            Err(format!("the system cannot start the {SANDBOX_THREADS} threads of the service"))
        }
    }
}

/// Of each of a few connections one.
#[cfg(feature = "sandbox")]
const SANDBOX_THREADS: usize = 8;

/// Whether the system starts this number of threads at the same time.
pub(crate) fn can_start(threads: usize) -> bool {
    let start = |_| {
        let (end, wait) = mpsc::channel::<()>();
        // It waits until `end` is dropped.
        let thread = std::thread::Builder::new().spawn(move || _ = wait.recv())?;
        Ok::<(mpsc::Sender<()>, JoinHandle<()>), std::io::Error>((end, thread))
    };
    // All of those before the first that does not start.
    let started: Vec<_> = (0..threads).map_while(|number| start(number).ok()).collect();
    let count = started.len();
    for (end, thread) in started {
        drop(end);
        let _ = thread.join();
    }
    count == threads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_threads_start_and_end() {
        assert!(can_start(3));
        assert!(can_start(0));
    }
}
