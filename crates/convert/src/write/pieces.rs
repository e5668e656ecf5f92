//! The bytes of an image from start to end.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use imgpush_source::SourceError;

use super::compressors::EncodedCluster;
use super::error::WriteError;
use super::image::{Image, Position};
use super::pipeline::{PassSummary, Pipeline};

type Tables = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// The pieces of an image, in order: its tables, and the clusters that a second pass returns.
pub(super) struct Pieces {
    image: Arc<Image>,
    /// The clusters before the data.
    head: Tables,
    /// The position of the next data cluster.
    position: Position,
    /// Pieces that are ready.
    queue: VecDeque<Bytes>,
    /// The clusters after the data, once it has ended.
    tail: Option<Tables>,
}

impl Pieces {
    pub(super) fn new(image: &Arc<Image>) -> Self {
        Pieces {
            head: Box::new(std::iter::once(image.header()).chain(image.l1())),
            position: image.start(),
            image: Arc::clone(image),
            queue: VecDeque::new(),
            tail: None,
        }
    }

    /// The next piece; none at the end. The pieces after the data come only if the pass was like the first
    /// one.
    pub(super) fn next(
        &mut self,
        pipeline: &mut Pipeline,
        first_pass: PassSummary,
    ) -> Result<Option<Bytes>, WriteError> {
        if let Some(cluster) = self.head.next() {
            return Ok(Some(cluster.into()));
        }
        loop {
            if let Some(piece) = self.queue.pop_front() {
                return Ok(Some(piece));
            }
            match &mut self.tail {
                Some(tail) => return Ok(tail.next().map(Bytes::from)),
                None => self.read(pipeline, first_pass)?,
            }
        }
    }

    /// Adds the next data cluster to the queue, or begins the tail.
    fn read(&mut self, pipeline: &mut Pipeline, first_pass: PassSummary) -> Result<(), WriteError> {
        let before = self.position;
        let Position { allocator, cursor } = &mut self.position;
        let at = allocator.at();
        let found = pipeline.next(&mut |_| {})?;
        let expected = self.image.map.next(cursor);
        if found.as_ref().map(EncodedCluster::in_disk) != expected {
            return Err(changed(pipeline));
        }
        let Some(cluster) = found else {
            if pipeline.summary() != first_pass {
                return Err(changed(pipeline));
            }
            let start = self.image.area.start << self.image.geometry.cluster_bits;
            self.pad(at, start);
            self.tail = Some(Box::new(self.image.refcounts()));
            return Ok(());
        };
        let place = allocator.place(cluster.in_disk());
        let mut end = at;
        if let Some((_, offset)) = place.table {
            self.pad(at, offset);
            let table = self.image.l2(before);
            end = offset + table.len() as u64;
            self.queue.push_back(table.into());
        }
        self.pad(end, place.offset);
        self.queue.push_back(cluster.data.into_bytes());
        Ok(())
    }

    /// Adds zeros from one position up to another, less than a cluster.
    fn pad(&mut self, from: u64, to: u64) {
        let count = usize::try_from(to - from).unwrap_or(usize::MAX);
        if count > 0 {
            self.queue.push_back(vec![0; count].into());
        }
    }
}

fn changed(pipeline: &Pipeline) -> WriteError {
    SourceError::Changed { name: pipeline.source().name().to_owned() }.into()
}
