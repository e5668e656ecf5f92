//! The standard output. Every write of the program to it is one of these, so that none fails unnoticed.

use std::io::{ErrorKind, IsTerminal as _, Write};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::sync::oneshot;

/// The standard output, unbuffered. It keeps the first error of a write; after one it writes nothing more, so
/// that no gap is inside what was written.
#[derive(Debug)]
pub(crate) struct Stdout {
    state: Mutex<StdoutState>,
    is_terminal: bool,
}

#[derive(Debug)]
struct StdoutState {
    out: RawStdout,
    /// Whether the reader of a pipe has closed it: it has all that it wanted, which is no error.
    is_closed: bool,
    error: Option<std::io::Error>,
}

/// The file itself on Unix: the handle of the standard library takes writes to one that is not open for
/// writing as done.
#[cfg(unix)]
type RawStdout = std::fs::File;
#[cfg(not(unix))]
type RawStdout = std::io::Stdout;

#[cfg(unix)]
fn raw() -> std::io::Result<RawStdout> {
    use std::os::fd::AsFd as _;
    Ok(std::io::stdout().as_fd().try_clone_to_owned()?.into())
}

#[cfg(not(unix))]
fn raw() -> std::io::Result<RawStdout> {
    Ok(std::io::stdout())
}

impl Stdout {
    /// # Errors
    ///
    /// When the process may open no more files.
    pub(crate) fn new() -> std::io::Result<Self> {
        let state = StdoutState { out: raw()?, is_closed: false, error: None };
        Ok(Stdout { state: Mutex::new(state), is_terminal: std::io::stdout().is_terminal() })
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Writes all bytes. Returns false after an error or once the reader has closed the pipe. An error is kept for [`finish`](Stdout::finish).
    pub(crate) fn write(&self, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        if state.is_closed || state.error.is_some() {
            return false;
        }
        match write_all(&mut state.out, bytes) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                state.is_closed = true;
                false
            }
            Err(error) => {
                state.error = Some(error);
                false
            }
        }
    }

    /// Flushes what was written.
    ///
    /// # Errors
    ///
    /// The first one of all writes, and of this one. A pipe whose reader has closed it is none.
    pub(crate) fn finish(&self) -> std::io::Result<()> {
        let mut state = self.lock();
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        state.flush()
    }

    /// A writer for async tasks. A thread of its own writes, so that a reader that is slow holds up nothing
    /// else. Errors are those of the writer, and are not kept.
    ///
    /// # Errors
    ///
    /// When the system starts no more threads, or the process may open no more files.
    pub(crate) fn writer() -> std::io::Result<StdoutWriter> {
        let (requests, waiting) = mpsc::channel::<WriteRequest>();
        let mut out = raw()?;
        std::thread::Builder::new().name("imgpush-stdout".into()).spawn(move || {
            for WriteRequest { bytes, done } in waiting {
                let written = write_all(&mut out, &bytes);
                // The task may have been given up meanwhile.
                let _ = done.send(written.map(|()| bytes.len()));
            }
        })?;
        Ok(StdoutWriter { requests, pending: None })
    }

    fn lock(&self) -> MutexGuard<'_, StdoutState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StdoutState {
    /// Some file systems report a full disk only when the data goes to it.
    #[cfg(unix)]
    fn flush(&mut self) -> std::io::Result<()> {
        match self.out.metadata() {
            Ok(found) if found.is_file() && !self.is_closed => match self.out.sync_data() {
                // A file that is not open for writing, or a file system without a disk.
                Err(error) if matches!(error.kind(), ErrorKind::InvalidInput) => Ok(()),
                synced => synced,
            },
            _ => Ok(()),
        }
    }

    #[cfg(not(unix))]
    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Writes all bytes. Another process may have made the pipe non-blocking: then it is tried until it takes them.
fn write_all(out: &mut impl Write, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error),
        }
    }
    out.flush()
}

struct WriteRequest {
    bytes: Vec<u8>,
    done: oneshot::Sender<std::io::Result<usize>>,
}

/// The standard output for async tasks; see [`Stdout::writer`].
pub(crate) struct StdoutWriter {
    requests: mpsc::Sender<WriteRequest>,
    pending: Option<oneshot::Receiver<std::io::Result<usize>>>,
}

impl AsyncWrite for StdoutWriter {
    /// Ready when the bytes are written: nothing is buffered.
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let mut pending = match self.pending.take() {
            Some(pending) => pending,
            None => {
                let (done, pending) = oneshot::channel();
                // Without the thread the receiver fails below.
                let _ = self.requests.send(WriteRequest { bytes: bytes.to_vec(), done });
                pending
            }
        };
        match Pin::new(&mut pending).poll(cx) {
            Poll::Ready(written) => {
                Poll::Ready(written.unwrap_or_else(|_| Err(ErrorKind::BrokenPipe.into())))
            }
            Poll::Pending => {
                self.pending = Some(pending);
                Poll::Pending
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if self.pending.is_some() {
            ready!(self.as_mut().poll_write(cx, &[]))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.poll_flush(cx)
    }
}
