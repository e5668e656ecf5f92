//! The body that a sink receives: the data of a branch, as chunks or as the frames of an HTTP body.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use imgpush_source::Chunk;

use crate::progress::Progress;
use crate::timing::{SenderWatch, Step, Stopwatch};
use crate::transfer::branch::Branch;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Maximum bytes of one frame of a body.
///
/// uWSGI rejects an HTTP chunk that reaches 1 MiB with its framing; this is its default limit.
pub const FRAME_BYTES: usize = 512 << 10;

/// The error of an incomplete body: the source failed, or a gate has withheld the last chunk.
///
/// An HTTP client that gets it from a body closes the connection before the declared length is reached.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the source was not verified, so the end of the image is not sent")]
pub struct Cut;

/// All bytes of a source. They share the memory of the chunks that are hashed. The last chunk arrives only
/// after the source is verified.
///
/// A sink that sends by HTTP uses it as a [`http_body::Body`]; any other sink calls [`chunk`](Body::chunk).
pub struct Body {
    branch: Branch,
    /// The rest of the current chunk.
    chunk: Chunk,
    /// Remaining bytes, if the size is known.
    left: Option<u64>,
    ended: bool,
    meter: Arc<Meter>,
    watch: SenderWatch,
}

/// The progress of a body, shared with the time-outs and the progress events.
pub(crate) struct Meter {
    sent: AtomicU64,
    /// Time of the last request for a frame, in microseconds since `start`.
    moved: AtomicU64,
    /// Whether the connection is waiting for the source; then it is not idle because of the network.
    waiting: AtomicBool,
    ended: AtomicBool,
    start: Instant,
    progress: Arc<dyn Progress>,
    /// Records the times of the target.
    watch: Arc<Stopwatch>,
}

impl Meter {
    pub(crate) fn new(progress: Arc<dyn Progress>, watch: Arc<Stopwatch>) -> Arc<Self> {
        Arc::new(Meter {
            sent: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            start: Instant::now(),
            progress,
            watch,
        })
    }

    /// Returns the bytes handed to the connection.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether the last byte was handed to the connection.
    pub(crate) fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Returns how long the connection has accepted no data although data was available.
    pub(crate) fn idle(&self) -> Duration {
        if self.waiting.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        self.moved().elapsed()
    }

    /// Adds the time since the last frame, if the body was aborted before its end.
    pub(crate) fn stop(&self) {
        let moved = self.moved();
        if !self.ended() && moved > self.start {
            let is_waiting = self.waiting.load(Ordering::Relaxed);
            self.watch
                .add(if is_waiting { Step::WaitForData } else { Step::WaitForNetwork }, moved);
        }
    }

    fn moved(&self) -> Instant {
        self.start + Duration::from_micros(self.moved.load(Ordering::Relaxed))
    }

    fn touch(&self, now: Instant, waiting: bool) {
        let now = u64::try_from((now - self.start).as_micros()).unwrap_or(u64::MAX);
        self.moved.store(now, Ordering::Relaxed);
        self.waiting.store(waiting, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Body {
    pub(crate) fn new(branch: Branch, size: Option<u64>, meter: Arc<Meter>) -> Self {
        let watch = SenderWatch::new(&meter.watch);
        let chunk = Chunk::from(Bytes::new());
        let mut body = Body { branch, chunk, left: size, ended: false, meter, watch };
        if size == Some(0) {
            body.end();
        }
        body
    }

    /// Returns the remaining bytes, if the size is known.
    #[must_use]
    pub fn bytes_left(&self) -> Option<u64> {
        self.left
    }

    /// Returns the next bytes, at most [`FRAME_BYTES`]; `None` after the last.
    ///
    /// # Errors
    ///
    /// Returns [`Cut`] if the data is incomplete; the sink must discard it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no data is lost.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Cut> {
        let frame = poll_fn(|cx| http_body::Body::poll_frame(Pin::new(self), cx)).await;
        let data = |frame: Frame<Bytes>| frame.into_data().expect("there are no trailers");
        Ok(frame.transpose()?.map(data))
    }

    fn end(&mut self) {
        self.ended = true;
        self.meter.ended.store(true, Ordering::Relaxed);
        self.meter.watch.enter(Some(Step::WaitForAnswer));
    }

    /// The sender requests more data.
    fn touch(&mut self, waiting: bool) {
        let now = Instant::now();
        self.meter.touch(now, waiting);
        self.watch.asked(now, waiting);
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.chunk.is_empty() {
            let polled = self.branch.queue.poll_recv(cx);
            self.touch(polled.is_pending());
            match ready!(polled) {
                Some(chunk) => self.chunk = chunk,
                None if matches!(&*self.branch.end.borrow(), Some(Ok(_))) => {
                    self.end();
                    return Poll::Ready(None);
                }
                None => return Poll::Ready(Some(Err(Cut))),
            }
        } else {
            self.touch(false);
        }
        let frame = self.chunk.next_slice(FRAME_BYTES).unwrap_or_default();
        let length = frame.len() as u64;
        let sent = self.meter.sent.fetch_add(length, Ordering::Relaxed) + length;
        self.meter.progress.sent(sent);
        self.watch.sent(length);
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(length);
            if *left == 0 {
                self.end();
            }
        }
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
