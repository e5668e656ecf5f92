//! The bytes of an image from start to end.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::clusters::Clusters;
use super::error::WriteError;
use super::image::{Image, Position};

type Tables = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// The pieces of an image, in order: its tables and its clusters.
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

    /// The next piece; none at the end. The pieces after the data come only if the clusters were those of the
    /// first pass.
    pub(super) fn next(&mut self, clusters: &mut Clusters) -> Result<Option<Bytes>, WriteError> {
        if let Some(cluster) = self.head.next() {
            return Ok(Some(cluster.into()));
        }
        loop {
            if let Some(piece) = self.queue.pop_front() {
                return Ok(Some(piece));
            }
            match &mut self.tail {
                Some(tail) => return Ok(tail.next().map(Bytes::from)),
                None => self.read(clusters)?,
            }
        }
    }

    /// Adds the next data cluster to the queue, or begins the tail.
    fn read(&mut self, clusters: &mut Clusters) -> Result<(), WriteError> {
        let before = self.position;
        let Position { allocator, cursor } = &mut self.position;
        let at = allocator.at();
        let expected = self.image.map.next(cursor);
        let found = clusters.next(expected)?;
        let Some((cluster, bytes)) = expected.zip(found) else {
            let start = self.image.area.start << self.image.geometry.cluster_bits;
            self.pad(at, start);
            self.tail = Some(Box::new(self.image.refcounts()));
            return Ok(());
        };
        let place = allocator.place(cluster);
        let mut end = at;
        if let Some((_, offset)) = place.table {
            self.pad(at, offset);
            let table = self.image.l2(before);
            end = offset + table.len() as u64;
            self.queue.push_back(table.into());
        }
        self.pad(end, place.offset);
        self.queue.push_back(bytes);
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
