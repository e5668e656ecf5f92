//! Panics in the tasks of a batch.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use imgpush_source::panic_message;

/// Runs the work of one task. A panic in it is an error with its message, so that the other tasks go on.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    // After a panic the task is only reported. What it shares with others, they take from locks that are
    // consistent between any two statements.
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| panic_message(panic.as_ref()))
}
