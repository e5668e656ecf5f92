//! The bytes of an image, in order, over as many connections as help.
//!
//! One connection is a [`Connection`]: it brings the image from some byte on, and goes on where it broke.
//! Where more help, [`Segments`] of the image are fetched side by side and handed on one after the other,
//! so that whoever takes the bytes never sees that there was more than one connection. A service that
//! knows no ranges, or whose store gives no random reads, is noticed by its first answer, and then there is
//! only one. Whether all pieces are of
//! one image is not asked here: the digests tell.

mod concurrency;
mod connection;
mod segments;
mod target;

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout;

use self::concurrency::Pace;
use self::connection::{Connection, FetchStop};
use self::segments::Segments;
pub(super) use self::target::{DATA, FetchTarget, TransferTally};
use crate::pull::error::PullFailure;

/// An image that is being received.
pub(crate) struct Fetch {
    subject: Arc<FetchTarget>,
    /// Bytes handed out, or left out.
    at: u64,
    pace: Pace,
    /// None before the first byte.
    way: Option<Route>,
    /// Received on a way that was left, and to be handed out first.
    before: VecDeque<Bytes>,
}

enum Route {
    /// One connection that brings all the rest.
    Alone(Connection),
    Together(Segments),
}

impl Fetch {
    /// Nothing is asked for yet. Over so many connections, or over as many as help.
    pub(crate) fn new(subject: FetchTarget, connections: Option<NonZeroUsize>) -> Self {
        let mut pace = Pace::new(connections, subject.pool.chunks());
        if subject.random_reads.are_refused() {
            pace.settle();
        }
        let subject = Arc::new(subject);
        Fetch { subject, at: 0, pace, way: None, before: VecDeque::new() }
    }

    /// Leaves out the first bytes, which begin with `start`; before anything is received.
    pub(crate) fn skip_to(&mut self, at: u64, start: Bytes) {
        self.at = at;
        if let Some(subject) = Arc::get_mut(&mut self.subject) {
            subject.start = start;
        }
        self.subject.tally.set(at);
    }

    /// Requests sent.
    pub(crate) fn attempts(&self) -> u32 {
        self.subject.tally.requests()
    }

    /// Whether the data that came is wrong for certain. An answer of another length is not: nothing of
    /// it was taken, and a proxy may have given it.
    pub(crate) fn overran(&self) -> bool {
        matches!(&self.way, Some(Route::Alone(stretch)) if stretch.overran())
    }

    /// The next chunk; none behind the last byte. It is full as a rule, unless it is the last.
    ///
    /// # Cancel safety
    ///
    /// No byte is lost: another call goes on, and [`leave`](Fetch::leave) gives what there is.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, PullFailure> {
        loop {
            if let Some(chunk) = self.before.pop_front() {
                return Ok(Some(chunk));
            }
            let begun = Instant::now();
            let next = match self.way.get_or_insert_with(|| way(&self.subject, &self.pace, self.at))
            {
                Route::Alone(stretch) => stretch.next_chunk().await,
                Route::Together(segments) => segments.next_chunk().await,
            };
            match next {
                Ok(Some(chunk)) => {
                    let bytes = chunk.len() as u64;
                    self.at += bytes;
                    // It is handed out by the next round, so that it is not lost while this waits.
                    self.before.push_back(chunk);
                    self.steer(bytes, begun).await;
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
            Some(Route::Alone(stretch)) => stretch.leave(),
            Some(Route::Together(segments)) => segments.leave(),
            None => Vec::new(),
        };
        std::mem::take(&mut self.before).into_iter().chain(rest)
    }

    /// What segments failed at may be their number: one connection has a last word.
    fn recover(&mut self, stop: FetchStop) -> Result<(), PullFailure> {
        let (failure, failures) = match (stop, &self.way) {
            (FetchStop::NoRanges, _) => (None, 0),
            (FetchStop::Failed(failure @ PullFailure::GaveUp { .. }), Some(Route::Together(_))) => {
                // It may take a pause until the service has noticed that the others are gone.
                (Some(failure), self.subject.patience.retries.saturating_sub(1))
            }
            (FetchStop::Failed(failure), _) => return Err(failure),
        };
        let why = failure.map_or("the service knows no ranges".to_owned(), |f| f.to_string());
        tracing::info!(image = self.subject.id, at = self.at, "{why}; one connection from here");
        self.pace.settle();
        self.subject.tally.set(self.at);
        self.way =
            Some(Route::Alone(Connection::rest(Arc::clone(&self.subject), self.at, failures)));
        Ok(())
    }

    /// Has another number of connections where the pace wants it.
    async fn steer(&mut self, bytes: u64, begun: Instant) {
        let left = self.subject.size - self.at;
        let Some(connections) = self.pace.count(bytes, left, begun, Instant::now()) else { return };
        let is_alone = matches!(self.way, Some(Route::Alone(_)));
        if is_alone && !self.gives_ranges().await {
            return self.pace.settle();
        }
        tracing::info!(image = self.subject.id, connections, "another number of connections");
        match &mut self.way {
            Some(Route::Together(segments)) => segments.set_connections(connections),
            Some(Route::Alone(stretch)) => {
                let rest = stretch.leave();
                self.at += rest.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
                self.before.extend(rest);
                self.way = None;
            }
            None => {}
        }
    }

    /// Whether a range can be had. One connection that works is not given up for several that do not.
    async fn gives_ranges(&mut self) -> bool {
        let mut byte = Connection::last_byte(Arc::clone(&self.subject));
        let answer = timeout(RANGE_TIMEOUT, byte.next_chunk()).await;
        // It comes again with the rest.
        self.subject.tally.set(self.at);
        matches!(answer, Ok(Ok(Some(_))))
    }
}

/// The working connection brings nothing meanwhile.
const RANGE_TIMEOUT: Duration = Duration::from_secs(5);

/// The way for as many connections as the pace has now.
fn way(subject: &Arc<FetchTarget>, pace: &Pace, at: u64) -> Route {
    match pace.connections() {
        1 => Route::Alone(Connection::rest(Arc::clone(subject), at, 0)),
        connections => {
            let bytes = pace.segment_chunks() * subject.pool.chunk_bytes();
            Route::Together(Segments::new(Arc::clone(subject), at, bytes as u64, connections))
        }
    }
}
