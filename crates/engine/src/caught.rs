//! Panics in the work on one image, used by `push` and `batch`.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use imgpush_source::panic_message;

/// Runs the work on one image. A panic becomes an error with the panic message, so that other images
/// continue.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    // After a panic the work is only cleaned up and reported. Shared state is behind locks, and is consistent
    // between any two statements.
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| panic_message(panic.as_ref()))
}
