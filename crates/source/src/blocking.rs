//! The border between blocking and async code.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Runs blocking work on a thread of its own, so that a read that hangs delays neither the runtime nor
/// its shutdown.
///
/// # Errors
///
/// When the system starts no more threads, or the work panics.
pub async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<T> {
    let (done, result) = oneshot::channel();
    std::thread::Builder::new().name("imgpush-work".into()).spawn(move || {
        // The caller may have been dropped in the meantime.
        let _ = done.send(work());
    })?;
    result.await.map_err(|_| std::io::Error::other("the thread ended by a panic"))
}

/// Runs a future to its end on this thread, in the context of a runtime that runs elsewhere.
///
/// Unlike [`Handle::block_on`] it may be called on a thread of a runtime, which it then blocks.
pub(crate) fn wait<T>(runtime: Option<&Handle>, future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let _context = runtime.map(Handle::enter);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
