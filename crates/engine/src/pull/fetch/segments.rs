//! Segments of an image that are fetched side by side and handed on one after the other.
//!
//! A segment is fetched by a task of its own, which hands on each chunk as it is full. As many segments
//! are begun as there may be connections, so the buffers that wait for their turn are those of the later
//! ones: [`Pace`](super::pace::Pace) sees to it that these leave some of the pool to the first, which
//! hence always comes further. A segment that breaks goes on where it broke, by itself.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Connection, FetchStop};
use super::target::FetchTarget;
use crate::pull::error::PullFailure;

/// The segments behind some byte. Dropping it closes all connections.
pub(super) struct Segments {
    subject: Arc<FetchTarget>,
    segment_bytes: u64,
    connections: usize,
    /// The first byte that no segment has.
    next: u64,
    /// Those begun and not handed on, in their order.
    begun: VecDeque<Segment>,
}

struct Segment {
    chunks: mpsc::UnboundedReceiver<Result<Bytes, FetchStop>>,
    /// Bytes to be handed on.
    left: u64,
    _task: AbortOnDropHandle<()>,
}

impl Segments {
    pub(super) fn new(
        subject: Arc<FetchTarget>,
        at: u64,
        segment_bytes: u64,
        connections: usize,
    ) -> Self {
        Segments { subject, segment_bytes, connections, next: at, begun: VecDeque::new() }
    }

    /// From the next segment on. With one, no segment is begun any more: a single connection does
    /// better with one request for all the rest.
    pub(super) fn set_connections(&mut self, connections: usize) {
        self.connections = connections;
    }

    /// The next chunk; none behind the last segment begun.
    ///
    /// # Cancel safety
    ///
    /// No byte is lost.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchStop> {
        loop {
            self.begin();
            let Some(first) = self.begun.front_mut() else { return Ok(None) };
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
                None => _ = self.begun.pop_front(),
            }
        }
    }

    /// All full chunks that are here, up to the first gap.
    pub(super) fn leave(&mut self) -> Vec<Bytes> {
        let mut chunks = Vec::new();
        for segment in &mut self.begun {
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

    fn begin(&mut self) {
        while self.connections > 1
            && self.begun.len() < self.connections
            && self.next < self.subject.size
        {
            let end = self.subject.size.min(self.next + self.segment_bytes);
            let (sender, chunks) = mpsc::unbounded_channel();
            let stretch = Connection::part(Arc::clone(&self.subject), self.next, end);
            let task = AbortOnDropHandle::new(tokio::spawn(fetch(stretch, sender)));
            self.begun.push_back(Segment { chunks, left: end - self.next, _task: task });
            self.next = end;
        }
    }
}

/// Hands on all chunks, and whatever came before a failure. Nobody listens to a segment that is dropped.
async fn fetch(mut stretch: Connection, chunks: mpsc::UnboundedSender<Result<Bytes, FetchStop>>) {
    loop {
        match stretch.next_chunk().await {
            Ok(Some(chunk)) => _ = chunks.send(Ok(chunk)),
            Ok(None) => return,
            Err(stop) => {
                for chunk in stretch.leave() {
                    let _ = chunks.send(Ok(chunk));
                }
                let _ = chunks.send(Err(stop));
                return;
            }
        }
    }
}
