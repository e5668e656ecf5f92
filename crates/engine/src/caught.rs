//! Panics in the work on one image.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use imgpush_source::panic_message;

/// Runs the work on one image. A panic in it is an error with its message, so that the others go on.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    // After a panic the work is only cleaned up and reported. What it shares with others, they take from locks
    // that are consistent between any two statements.
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| panic_message(panic.as_ref()))
}
