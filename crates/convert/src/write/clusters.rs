//! Where the bytes of an image get its clusters from, after the first pass has found their sizes.

use bytes::Bytes;
use imgpush_digest::{Algorithm, Digests};
use imgpush_source::{Source, SourceError, SourceTimes};

use super::cluster_map::DataCluster;
use super::compressors::EncodedCluster;
use super::error::WriteError;
use super::pipeline::{PassSummary, Pipeline};
use super::spool::SpooledClusters;

/// The clusters of a disk that have data, as they are stored.
pub(super) enum Clusters {
    /// The raw source is read and compressed again.
    Again { pipeline: Pipeline, first_pass: PassSummary },
    /// The first pass has written them to a file. The source is not read any more.
    Spooled { spool: SpooledClusters, source: Box<dyn Source>, times: SourceTimes },
}

impl Clusters {
    pub(super) fn source(&self) -> &dyn Source {
        match self {
            Clusters::Again { pipeline, .. } => pipeline.source(),
            Clusters::Spooled { source, .. } => &**source,
        }
    }

    /// The times of the source, and of hashing its bytes here.
    pub(super) fn times(&mut self) -> SourceTimes {
        match self {
            Clusters::Again { pipeline, .. } => pipeline.times(),
            Clusters::Spooled { times, .. } => *times,
        }
    }

    /// Whether the raw source is read.
    pub(super) fn has_raw_bytes(&self) -> bool {
        matches!(self, Clusters::Again { .. })
    }

    /// Starts to hash the raw bytes, if they are read. Call it before the first cluster.
    pub(super) fn hash(&mut self, algorithms: &[Algorithm]) {
        match self {
            Clusters::Again { pipeline, .. } => pipeline.hash(algorithms),
            Clusters::Spooled { .. } => {}
        }
    }

    /// Checks that the part of the source that was read has not changed.
    pub(super) fn check(&mut self) -> Result<(), SourceError> {
        match self {
            Clusters::Again { pipeline, .. } => pipeline.source_mut().check(),
            // The image is that of the bytes that were read.
            Clusters::Spooled { .. } => Ok(()),
        }
    }

    /// Checks the source after the last cluster, and returns the digests of the raw bytes. One that is spooled
    /// was checked after the first pass.
    pub(super) fn finish(&mut self) -> Result<Digests, SourceError> {
        match self {
            Clusters::Again { pipeline, .. } => {
                let digests = pipeline.digests();
                pipeline.source_mut().finish(&digests)?;
                Ok(digests)
            }
            Clusters::Spooled { .. } => Ok(Digests::default()),
        }
    }

    /// Makes the first cluster the next one.
    pub(super) fn restart(&mut self) -> Result<(), WriteError> {
        match self {
            Clusters::Again { pipeline, .. } => pipeline.restart(),
            Clusters::Spooled { spool, .. } => spool.restart(),
        }
    }

    /// The stored bytes of the next cluster; none at the end.
    ///
    /// # Errors
    ///
    /// The next cluster is not the expected one; or the end is, but a cluster had other bytes in the first pass.
    pub(super) fn next(
        &mut self,
        expected: Option<DataCluster>,
    ) -> Result<Option<Bytes>, WriteError> {
        match self {
            Clusters::Again { pipeline, first_pass } => {
                let found = pipeline.next(&mut |_| {})?;
                let is_same = found.as_ref().map(EncodedCluster::in_disk) == expected;
                if !is_same || (found.is_none() && pipeline.summary() != *first_pass) {
                    let name = pipeline.source().name().to_owned();
                    return Err(SourceError::Changed { name }.into());
                }
                Ok(found.map(|cluster| cluster.data.into_bytes()))
            }
            Clusters::Spooled { spool, .. } => match expected {
                Some(cluster) => spool.next(cluster).map(Some),
                None => spool.finish().map(|()| None),
            },
        }
    }
}
