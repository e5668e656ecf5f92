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

use self::concurrency::ConnectionCount;
use self::connection::{Connection, FetchStop};
use self::segments::Segments;
pub(super) use self::target::{DATA, FetchTarget, TransferTally};
use crate::pull::error::PullFailure;

/// An image that is being received.
pub(crate) struct Fetch {
    target: Arc<FetchTarget>,
    /// The position of the next byte to return.
    at: u64,
    connection_count: ConnectionCount,
    /// `None` before the first byte.
    route: Option<Route>,
    /// Data from a replaced route, to be returned first.
    pending: VecDeque<Bytes>,
}

enum Route {
    /// One connection that fetches all the rest.
    Alone(Connection),
    Together(Segments),
}

impl Fetch {
    /// Creates a download over this number of connections, or over an automatic number. Sends no request yet.
    pub(crate) fn new(target: FetchTarget, connections: Option<NonZeroUsize>) -> Self {
        let mut connection_count = ConnectionCount::new(connections, target.pool.chunks());
        if target.random_reads.are_refused() {
            connection_count.use_one();
        }
        let target = Arc::new(target);
        Fetch { target, at: 0, connection_count, route: None, pending: VecDeque::new() }
    }

    /// Skips the first bytes, which begin with `start`. Must be called before anything is received.
    pub(crate) fn skip_to(&mut self, at: u64, start: Bytes) {
        self.at = at;
        if let Some(target) = Arc::get_mut(&mut self.target) {
            target.start = start;
        }
        self.target.tally.set(at);
    }

    /// Returns the number of requests.
    pub(crate) fn attempts(&self) -> u32 {
        self.target.tally.requests()
    }

    /// Whether the received data is certainly wrong. A response of another length does not count: its data
    /// was not used, and it may come from a proxy.
    pub(crate) fn overran(&self) -> bool {
        matches!(&self.route, Some(Route::Alone(connection)) if connection.overran())
    }

    /// Returns the next chunk; `None` after the last byte. Chunks are full, with rare exceptions and except
    /// the last.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: another call continues, and [`leave`](Fetch::leave) returns the received data.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, PullFailure> {
        loop {
            if let Some(chunk) = self.pending.pop_front() {
                return Ok(Some(chunk));
            }
            let started = Instant::now();
            let next = match self
                .route
                .get_or_insert_with(|| route(&self.target, &self.connection_count, self.at))
            {
                Route::Alone(connection) => connection.next_chunk().await,
                Route::Together(segments) => segments.next_chunk().await,
            };
            match next {
                Ok(Some(chunk)) => {
                    let bytes = chunk.len() as u64;
                    self.at += bytes;
                    // It is returned in the next iteration, so that it is not lost if this call is cancelled.
                    self.pending.push_back(chunk);
                    self.adjust_connections(bytes, started).await;
                }
                Ok(None) if self.at == self.target.size => return Ok(None),
                // All segments have ended, because the number of connections was reduced.
                Ok(None) => self.route = None,
                Err(stop) => self.recover(stop)?,
            }
        }
    }

    /// Returns all received data that was not returned yet, up to the first gap.
    pub(crate) fn leave(&mut self) -> impl Iterator<Item = Bytes> {
        let rest = match &mut self.route {
            Some(Route::Alone(connection)) => connection.leave(),
            Some(Route::Together(segments)) => segments.leave(),
            None => Vec::new(),
        };
        std::mem::take(&mut self.pending).into_iter().chain(rest)
    }

    /// Falls back to a single connection. The failure may be caused by the number of connections.
    fn recover(&mut self, stop: FetchStop) -> Result<(), PullFailure> {
        let (failure, failures) = match (stop, &self.route) {
            (FetchStop::NoRanges, _) => (None, 0),
            (FetchStop::Failed(failure @ PullFailure::GaveUp { .. }), Some(Route::Together(_))) => {
                // One retry is left, because the service may need the pause to notice that the other
                // connections are closed.
                (Some(failure), self.target.retry_policy.retries.saturating_sub(1))
            }
            (FetchStop::Failed(failure), _) => return Err(failure),
        };
        let why = failure
            .map_or("the service does not support range requests".to_owned(), |f| f.to_string());
        tracing::info!(
            image = self.target.id,
            at = self.at,
            "{why}; continuing with one connection"
        );
        self.connection_count.use_one();
        self.target.tally.set(self.at);
        self.route =
            Some(Route::Alone(Connection::rest(Arc::clone(&self.target), self.at, failures)));
        Ok(())
    }

    /// Changes the number of connections if that is due.
    async fn adjust_connections(&mut self, bytes: u64, started: Instant) {
        let left = self.target.size - self.at;
        let Some(connections) = self.connection_count.count(bytes, left, started, Instant::now())
        else {
            return;
        };
        let is_alone = matches!(self.route, Some(Route::Alone(_)));
        if is_alone && !self.supports_ranges().await {
            return self.connection_count.use_one();
        }
        tracing::info!(image = self.target.id, connections, "changing the number of connections");
        match &mut self.route {
            Some(Route::Together(segments)) => segments.set_connections(connections),
            Some(Route::Alone(connection)) => {
                let rest = connection.leave();
                self.at += rest.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
                self.pending.extend(rest);
                self.route = None;
            }
            None => {}
        }
    }

    /// Whether the service supports ranges. Checked before a working connection is replaced by several.
    async fn supports_ranges(&mut self) -> bool {
        let mut byte = Connection::last_byte(Arc::clone(&self.target));
        let answer = timeout(RANGE_TIMEOUT, byte.next_chunk()).await;
        // The byte is received again with the rest.
        self.target.tally.set(self.at);
        matches!(answer, Ok(Ok(Some(_))))
    }
}

/// Time-out of the check. The working connection receives nothing in the meantime.
const RANGE_TIMEOUT: Duration = Duration::from_secs(5);

/// Creates the route for the current number of connections.
fn route(target: &Arc<FetchTarget>, connection_count: &ConnectionCount, at: u64) -> Route {
    match connection_count.connections() {
        1 => Route::Alone(Connection::rest(Arc::clone(target), at, 0)),
        connections => {
            let bytes = connection_count.segment_chunks() * target.pool.chunk_bytes();
            Route::Together(Segments::new(Arc::clone(target), at, bytes as u64, connections))
        }
    }
}
