//! `imgpush image stage`.

use std::io::IsTerminal as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use imgpush_client::{Error as ClientError, UploadOptions};
use imgpush_engine::pool::Pool;
use imgpush_engine::source::{self, Source};
use imgpush_engine::{FRAME_BYTES, Phase, SourceError};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{Failed, Verbs, failed_to};
use crate::args::image::StageArgs;
use crate::exit_code::{self, Code};
use crate::progress::{self, View};

/// Read ahead into as many chunks as cover a hiccup of the reader.
const MEMORY_BYTES: u64 = 16 << 20;
const QUEUE_CHUNKS: usize = 2;

impl Verbs<'_> {
    pub(super) async fn stage(&self, args: &StageArgs) -> Result<Code, Failed> {
        let file = args.file.as_deref().unwrap_or(Path::new("-"));
        if file.as_os_str() == "-" && std::io::stdin().is_terminal() {
            return Err(Failed::Usage {
                message: "there is nothing to stage".to_owned(),
                hint: Some("name a file with --file, or send data through a pipe".to_owned()),
            });
        }
        let source = source::open(file)?;
        if let (Some(given), Some(found)) = (args.size, source.size())
            && given != found
        {
            let message = format!("{} has {found} bytes, not {given}", source.name());
            return Err(Failed::Usage { message, hint: None });
        }
        let image = self.existing(&args.image).await?;
        let size = source.size().or(args.size);
        let view = progress::view(args.progress, false, self.printer);
        if let Some(size) = size {
            view.total(size);
        }
        view.phase(Phase::Sending);
        let meter = Arc::new(Meter::new(Arc::clone(&view)));
        let broken = Arc::new(Mutex::new(None));
        let body = StageBody::new(read(source, &broken), size, Arc::clone(&meter));
        let options = UploadOptions::sized(size);
        let staged = tokio::select! {
            staged = self.client.stage(image.id(), body, &options) => staged,
            () = meter.stalled(args.idle_timeout) => {
                return Err(Failed::Stalled { seconds: args.idle_timeout.as_secs() });
            }
        };
        // What broke the source broke the connection.
        if let Some(error) = broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(Failed::Source(error));
        }
        let staged = match staged {
            Err(ClientError::Transport { .. }) if meter.differs.load(Ordering::Relaxed) => {
                let message = format!("the data is not the {} bytes of --size", size.unwrap_or(0));
                return Err(Failed::Usage { message, hint: None });
            }
            staged => staged,
        };
        staged.map_err(failed_to(format!("stage {}", args.image)))?;
        Ok(exit_code::DONE)
    }
}

/// Reads on a thread of its own. The last chunk is kept back until the source has proved whole; a source
/// that breaks closes the queue short of its end.
fn read(
    mut source: Box<dyn Source>,
    broken: &Arc<Mutex<Option<SourceError>>>,
) -> mpsc::Receiver<Option<Bytes>> {
    let (sender, queue) = mpsc::channel(QUEUE_CHUNKS);
    let broken = Arc::clone(broken);
    std::thread::spawn(move || {
        let pool = Pool::within(MEMORY_BYTES);
        let mut tail: Option<Bytes> = None;
        let read = loop {
            match source.next_chunk(&pool) {
                Ok(Some(chunk)) => {
                    // Whoever sends may have ended; then nobody wants the rest.
                    if let Some(before) = tail.replace(chunk)
                        && sender.blocking_send(Some(before)).is_err()
                    {
                        return;
                    }
                }
                Ok(None) => break source.finish(),
                Err(error) => break Err(error),
            }
        };
        match read {
            Ok(()) => {
                let sent = tail.map_or(Ok(()), |tail| sender.blocking_send(Some(tail)));
                // The other side may know the size and not ask behind the last byte.
                let _ = sent.and_then(|()| sender.blocking_send(None));
            }
            Err(error) => *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error),
        }
    });
    queue
}

/// How far the body is, and whether it moves.
struct Meter {
    view: Arc<dyn View>,
    start: Instant,
    sent: AtomicU64,
    /// Milliseconds from `start` to the last frame.
    moved: AtomicU64,
    /// Whether the source is waited for, or all is sent: silence is not the network's then.
    excused: AtomicBool,
    /// Whether the data turned out to have another size than was said.
    differs: AtomicBool,
}

impl Meter {
    fn new(view: Arc<dyn View>) -> Self {
        Meter {
            view,
            start: Instant::now(),
            sent: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            excused: AtomicBool::new(false),
            differs: AtomicBool::new(false),
        }
    }

    fn touch(&self, excused: bool) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(now, Ordering::Relaxed);
        self.excused.store(excused, Ordering::Relaxed);
    }

    /// Returns when the connection took nothing for so long.
    async fn stalled(&self, longest: Duration) {
        loop {
            sleep(Duration::from_millis(500).min(longest)).await;
            let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
            let idle = self.start.elapsed().saturating_sub(moved);
            if idle > longest && !self.excused.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// Ends the connection short of what was announced.
#[derive(Debug, thiserror::Error)]
#[error("the source did not prove whole")]
struct Cut;

struct StageBody {
    queue: mpsc::Receiver<Option<Bytes>>,
    /// What is left of the chunk in hand.
    chunk: Bytes,
    /// Bytes still to come, where the total is known.
    left: Option<u64>,
    ended: bool,
    meter: Arc<Meter>,
}

impl StageBody {
    fn new(queue: mpsc::Receiver<Option<Bytes>>, size: Option<u64>, meter: Arc<Meter>) -> Self {
        StageBody { queue, chunk: Bytes::new(), left: size, ended: size == Some(0), meter }
    }

    fn cut(&mut self, differs: bool) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.meter.differs.store(differs, Ordering::Relaxed);
        Poll::Ready(Some(Err(Cut)))
    }
}

impl Body for StageBody {
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
            let polled = self.queue.poll_recv(cx);
            self.meter.touch(polled.is_pending());
            match ready!(polled) {
                Some(Some(chunk)) => self.chunk = chunk,
                Some(None) if self.left.is_some_and(|left| left > 0) => return self.cut(true),
                Some(None) => {
                    self.ended = true;
                    self.meter.touch(true);
                    return Poll::Ready(None);
                }
                None => return self.cut(false),
            }
        }
        let length = self.chunk.len().min(FRAME_BYTES);
        let frame = self.chunk.split_to(length);
        let length = length as u64;
        if self.left.is_some_and(|left| left < length) {
            return self.cut(true);
        }
        self.left = self.left.map(|left| left - length);
        self.ended = self.left == Some(0);
        self.meter.touch(self.ended);
        let sent = self.meter.sent.fetch_add(length, Ordering::Relaxed) + length;
        self.meter.view.sent(sent);
        if self.ended {
            self.meter.view.phase(Phase::Finishing);
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
