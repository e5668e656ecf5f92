//! Receives the data of an image in order, over one or several connections.
//!
//! Called by [`transfer`](super::transfer). A [`Connection`] receives a range of the image and resumes after
//! a failure. If several connections are faster, [`Segments`] of the image are fetched concurrently and
//! returned in order, so that the caller sees a single stream. If the service does not support ranges, or its
//! store gives no random reads, the first response shows that, and a single connection is used. This module
//! does not check whether all ranges belong to one image; the digests do.

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
    /// The position of the next byte to return.
    at: u64,
    pace: Pace,
    /// `None` before the first byte.
    way: Option<Route>,
    /// Data from a replaced route, to be returned first.
    before: VecDeque<Bytes>,
}

enum Route {
    /// One connection that fetches all the rest.
    Alone(Connection),
    Together(Segments),
}

impl Fetch {
    /// Creates a download over this number of connections, or over an automatic number. Sends no request yet.
    pub(crate) fn new(subject: FetchTarget, connections: Option<NonZeroUsize>) -> Self {
        let mut pace = Pace::new(connections, subject.pool.chunks());
        if subject.random_reads.are_refused() {
            pace.settle();
        }
        let subject = Arc::new(subject);
        Fetch { subject, at: 0, pace, way: None, before: VecDeque::new() }
    }

    /// Skips the first bytes, which begin with `start`. Must be called before anything is received.
    pub(crate) fn skip_to(&mut self, at: u64, start: Bytes) {
        self.at = at;
        if let Some(subject) = Arc::get_mut(&mut self.subject) {
            subject.start = start;
        }
        self.subject.tally.set(at);
    }

    /// Returns the number of requests.
    pub(crate) fn attempts(&self) -> u32 {
        self.subject.tally.requests()
    }

    /// Whether the received data is certainly wrong. A response of another length does not count: its data
    /// was not used, and it may come from a proxy.
    pub(crate) fn overran(&self) -> bool {
        matches!(&self.way, Some(Route::Alone(stretch)) if stretch.overran())
    }

    /// Returns the next chunk; `None` after the last byte. Chunks are full, with rare exceptions and except
    /// the last.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: another call continues, and [`leave`](Fetch::leave) returns the received data.
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
                    // It is returned in the next iteration, so that it is not lost if this call is cancelled.
                    self.before.push_back(chunk);
                    self.steer(bytes, begun).await;
                }
                Ok(None) if self.at == self.subject.size => return Ok(None),
                // All segments have ended, because the number of connections was reduced.
                Ok(None) => self.way = None,
                Err(stop) => self.recover(stop)?,
            }
        }
    }

    /// Returns all received data that was not returned yet, up to the first gap.
    pub(crate) fn leave(&mut self) -> impl Iterator<Item = Bytes> {
        let rest = match &mut self.way {
            Some(Route::Alone(stretch)) => stretch.leave(),
            Some(Route::Together(segments)) => segments.leave(),
            None => Vec::new(),
        };
        std::mem::take(&mut self.before).into_iter().chain(rest)
    }

    /// Falls back to a single connection. The failure may be caused by the number of connections.
    fn recover(&mut self, stop: FetchStop) -> Result<(), PullFailure> {
        let (failure, failures) = match (stop, &self.way) {
            (FetchStop::NoRanges, _) => (None, 0),
            (FetchStop::Failed(failure @ PullFailure::GaveUp { .. }), Some(Route::Together(_))) => {
                // One retry is left, because the service may need the pause to notice that the other
                // connections are closed.
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

    /// Changes the number of connections if that is due.
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

    /// Whether the service supports ranges. Checked before a working connection is replaced by several.
    async fn gives_ranges(&mut self) -> bool {
        let mut byte = Connection::last_byte(Arc::clone(&self.subject));
        let answer = timeout(RANGE_TIMEOUT, byte.next_chunk()).await;
        // The byte is received again with the rest.
        self.subject.tally.set(self.at);
        matches!(answer, Ok(Ok(Some(_))))
    }
}

/// Time-out of the check. The working connection receives nothing in the meantime.
const RANGE_TIMEOUT: Duration = Duration::from_secs(5);

/// Creates the route for the current number of connections.
fn way(subject: &Arc<FetchTarget>, pace: &Pace, at: u64) -> Route {
    match pace.connections() {
        1 => Route::Alone(Connection::rest(Arc::clone(subject), at, 0)),
        connections => {
            let bytes = pace.segment_chunks() * subject.pool.chunk_bytes();
            Route::Together(Segments::new(Arc::clone(subject), at, bytes as u64, connections))
        }
    }
}
