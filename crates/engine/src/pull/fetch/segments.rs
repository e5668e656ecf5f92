//! Segments of an image that are fetched concurrently and returned in order.
//!
//! A separate task fetches each segment and sends each full chunk. The number of started segments is the
//! number of connections, so waiting buffers belong to later segments.
//! [`ConnectionCount`](super::concurrency::ConnectionCount) limits their size, so that some buffers of the
//! pool remain for the first segment, which therefore always progresses. Each segment resumes by itself after
//! a failure.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Connection, FetchStop};
use super::target::FetchTarget;
use crate::pull::error::PullFailure;

/// The segments from some position on. Dropping it closes all connections.
pub(super) struct Segments {
    target: Arc<FetchTarget>,
    segment_bytes: u64,
    connections: usize,
    /// The first byte that is in no segment yet.
    next: u64,
    /// The started segments that are not completely returned, in their order.
    started: VecDeque<Segment>,
}

struct Segment {
    chunks: mpsc::UnboundedReceiver<Result<Bytes, FetchStop>>,
    /// Bytes that are not returned yet.
    left: u64,
    _task: AbortOnDropHandle<()>,
}

impl Segments {
    pub(super) fn new(
        target: Arc<FetchTarget>,
        at: u64,
        segment_bytes: u64,
        connections: usize,
    ) -> Self {
        Segments { target, segment_bytes, connections, next: at, started: VecDeque::new() }
    }

    /// Sets the number of connections from the next segment on. With one, no segment is started any more: a
    /// single connection needs only one request for all the rest.
    pub(super) fn set_connections(&mut self, connections: usize) {
        self.connections = connections;
    }

    /// Returns the next chunk; `None` after the last started segment.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no data is lost.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchStop> {
        loop {
            self.start_segments();
            let Some(first) = self.started.front_mut() else { return Ok(None) };
            match first.chunks.recv().await {
                Some(Ok(chunk)) => {
                    first.left -= chunk.len() as u64;
                    return Ok(Some(chunk));
                }
                Some(Err(stop)) => return Err(stop),
                None if first.left > 0 => {
                    let reason = "a connection has ended early".to_owned();
                    return Err(FetchStop::Failed(PullFailure::Panicked { reason }));
                }
                None => _ = self.started.pop_front(),
            }
        }
    }

    /// Returns all full chunks that are received, up to the first gap.
    pub(super) fn leave(&mut self) -> Vec<Bytes> {
        let mut chunks = Vec::new();
        for segment in &mut self.started {
            while let Ok(Ok(chunk)) = segment.chunks.try_recv() {
                segment.left -= chunk.len() as u64;
                chunks.push(chunk);
            }
            if segment.left > 0 {
                break;
            }
        }
        chunks
    }

    fn start_segments(&mut self) {
        while self.connections > 1
            && self.started.len() < self.connections
            && self.next < self.target.size
        {
            let end = self.target.size.min(self.next + self.segment_bytes);
            let (sender, chunks) = mpsc::unbounded_channel();
            let connection = Connection::range(Arc::clone(&self.target), self.next, end);
            let task = AbortOnDropHandle::new(tokio::spawn(fetch(connection, sender)));
            self.started.push_back(Segment { chunks, left: end - self.next, _task: task });
            self.next = end;
        }
    }
}

/// Sends all chunks of a segment, and the received data before a failure. Sending fails if the segment was
/// dropped.
async fn fetch(
    mut connection: Connection,
    chunks: mpsc::UnboundedSender<Result<Bytes, FetchStop>>,
) {
    loop {
        match connection.next_chunk().await {
            Ok(Some(chunk)) => _ = chunks.send(Ok(chunk)),
            Ok(None) => return,
            Err(stop) => {
                for chunk in connection.leave() {
                    let _ = chunks.send(Ok(chunk));
                }
                let _ = chunks.send(Err(stop));
                return;
            }
        }
    }
}
