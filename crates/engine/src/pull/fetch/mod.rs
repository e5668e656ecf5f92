//! The bytes of an image, in order, over as many connections as help.
//!
//! One connection is a [`Stretch`]: it brings the image from some byte on, and goes on where it broke.
//! Where more help, [`Segments`] of the image are fetched side by side and handed on one after the other,
//! so that whoever takes the bytes never sees that there was more than one connection. A service that
//! knows no ranges is noticed by its first answer, and then there is only one. Whether all pieces are of
//! one image is not asked here: the digests tell.

mod concurrency;
mod connection;
mod segments;

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use imgpush_client::ImageClient;

use crate::error::Failure;
use crate::progress::Progress;
use concurrency::Pace;
use connection::{Stop, Stretch};
use imgpush_source::RetryPolicy;
use imgpush_source::pool::Pool;
use segments::Segments;

/// What messages call the data.
pub(crate) const DATA: &str = "the downloaded data";

/// What is fetched; all connections share it.
pub(crate) struct Subject {
    pub(crate) client: ImageClient,
    pub(crate) id: String,
    /// Bytes of the image.
    pub(crate) size: u64,
    pub(crate) prefer: Vec<String>,
    pub(crate) patience: RetryPolicy,
    /// Where all bytes that were received and not handed on are.
    pub(crate) pool: Pool,
    pub(crate) tally: Tally,
}

/// What all connections have done together.
pub(crate) struct Tally {
    progress: Arc<dyn Progress>,
    received: Mutex<Received>,
    requests: AtomicU32,
}

#[derive(Default)]
struct Received {
    bytes: u64,
    /// The most that was told: what is fetched a second time is not told again.
    told: u64,
}

impl Tally {
    pub(crate) fn new(progress: Arc<dyn Progress>) -> Self {
        Tally { progress, received: Mutex::default(), requests: AtomicU32::new(0) }
    }

    /// A request is sent.
    fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// So many more bytes are here.
    fn add(&self, bytes: u64) {
        self.change(|received| received + bytes);
    }

    /// So many bytes are here, whatever was counted before.
    fn set(&self, bytes: u64) {
        self.change(|_| bytes);
    }

    fn change(&self, change: impl FnOnce(u64) -> u64) {
        // Whole between any two statements; held while it is told, so that what is told only grows.
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.bytes = change(received.bytes);
        if received.bytes > received.told {
            received.told = received.bytes;
            self.progress.sent(received.bytes);
        }
    }
}

/// An image that is being received.
pub(crate) struct Fetch {
    subject: Arc<Subject>,
    /// Bytes handed out, or left out.
    at: u64,
    pace: Pace,
    /// None before the first byte.
    way: Option<Way>,
    /// Received on a way that was left, and to be handed out first.
    before: VecDeque<Bytes>,
}

enum Way {
    /// One connection that brings all the rest.
    Alone(Stretch),
    Together(Segments),
}

impl Fetch {
    /// Nothing is asked for yet. Over so many connections, or over as many as help.
    pub(crate) fn new(subject: Subject, connections: Option<NonZeroUsize>) -> Self {
        let pace = Pace::new(connections, subject.pool.chunks());
        let subject = Arc::new(subject);
        Fetch { subject, at: 0, pace, way: None, before: VecDeque::new() }
    }

    /// Leaves out the first bytes; before anything is received.
    pub(crate) fn skip_to(&mut self, at: u64) {
        self.at = at;
        self.subject.tally.set(at);
    }

    /// Requests sent.
    pub(crate) fn attempts(&self) -> u32 {
        self.subject.tally.requests()
    }

    /// Whether the data that came is wrong for certain. An answer of another length is not: nothing of
    /// it was taken, and a proxy may have given it.
    pub(crate) fn overran(&self) -> bool {
        matches!(&self.way, Some(Way::Alone(stretch)) if stretch.overran())
    }

    /// The next chunk; none behind the last byte. It is full as a rule, unless it is the last.
    ///
    /// # Cancel safety
    ///
    /// No byte is lost: another call goes on, and [`leave`](Fetch::leave) gives what there is.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(chunk) = self.before.pop_front() {
                return Ok(Some(chunk));
            }
            let begun = Instant::now();
            let next = match self.way.get_or_insert_with(|| way(&self.subject, &self.pace, self.at))
            {
                Way::Alone(stretch) => stretch.next_chunk().await,
                Way::Together(segments) => segments.next_chunk().await,
            };
            match next {
                Ok(Some(chunk)) => {
                    self.at += chunk.len() as u64;
                    self.steer(chunk.len() as u64, begun);
                    return Ok(Some(chunk));
                }
                Ok(None) if self.at == self.subject.size => return Ok(None),
                // All segments have ended, as fewer connections were wanted.
                Ok(None) => self.way = None,
                Err(stop) => self.recover(stop)?,
            }
        }
    }

    /// All that was received and not handed out, up to the first gap.
    pub(crate) fn leave(&mut self) -> impl Iterator<Item = Bytes> {
        let rest = match &mut self.way {
            Some(Way::Alone(stretch)) => stretch.leave(),
            Some(Way::Together(segments)) => segments.leave(),
            None => Vec::new(),
        };
        std::mem::take(&mut self.before).into_iter().chain(rest)
    }

    /// What segments failed at may be their number: one connection has a last word.
    fn recover(&mut self, stop: Stop) -> Result<(), Failure> {
        let (failure, failures) = match (stop, &self.way) {
            (Stop::NoRanges, _) => (None, 0),
            (Stop::Failed(failure @ Failure::GaveUp { .. }), Some(Way::Together(_))) => {
                // It may take a pause until the service has noticed that the others are gone.
                (Some(failure), self.subject.patience.retries.saturating_sub(1))
            }
            (Stop::Failed(failure), _) => return Err(failure),
        };
        let why = failure.map_or("the service knows no ranges".to_owned(), |f| f.to_string());
        tracing::info!(image = self.subject.id, at = self.at, "{why}; one connection from here");
        self.pace.settle();
        self.subject.tally.set(self.at);
        self.way = Some(Way::Alone(Stretch::rest(Arc::clone(&self.subject), self.at, failures)));
        Ok(())
    }

    /// Has another number of connections where the pace wants it.
    fn steer(&mut self, bytes: u64, begun: Instant) {
        let left = self.subject.size - self.at;
        let Some(connections) = self.pace.count(bytes, left, begun, Instant::now()) else { return };
        tracing::info!(image = self.subject.id, connections, "another number of connections");
        match &mut self.way {
            Some(Way::Together(segments)) => segments.set_connections(connections),
            Some(Way::Alone(stretch)) => {
                self.before.extend(stretch.leave());
                self.at += self.before.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
                self.way = None;
            }
            None => {}
        }
    }
}

/// The way for as many connections as the pace has now.
fn way(subject: &Arc<Subject>, pace: &Pace, at: u64) -> Way {
    match pace.connections() {
        1 => Way::Alone(Stretch::rest(Arc::clone(subject), at, 0)),
        connections => {
            let bytes = pace.segment_chunks() * subject.pool.chunk_bytes();
            Way::Together(Segments::new(Arc::clone(subject), at, bytes as u64, connections))
        }
    }
}
