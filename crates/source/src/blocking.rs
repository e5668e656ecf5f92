//! Blocking work beside the async runtime.

use tokio::sync::oneshot;

/// Runs blocking work on a thread of its own, so that a read that hangs holds up neither the runtime
/// nor its end.
pub async fn off_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = oneshot::channel();
    std::thread::spawn(move || {
        // The caller may have given up meanwhile.
        let _ = done.send(work());
    });
    result.await.expect("the thread sends before it ends, and passes its panic on here")
}
