//! The size of an image that is not written.

use std::io;

use imgpush_source::{Source, is_zero};

use super::encoder::Encoder;
use super::error::WriteError;
use super::geometry::Geometry;
use super::options::WriteOptions;

/// Compresses single clusters of a disk, to estimate the size of its image.
pub(crate) struct Trial {
    encoder: Encoder,
    geometry: Geometry,
}

impl Trial {
    /// A trial for a disk of `bytes`, which is in `image`.
    ///
    /// # Errors
    ///
    /// The options are invalid, or the disk is too large for the size of clusters.
    pub(crate) fn new(
        image: &dyn Source,
        bytes: u64,
        options: &WriteOptions,
    ) -> Result<Self, WriteError> {
        options.check()?;
        let geometry = Geometry::new(bytes, options.cluster_bytes)
            .ok_or_else(|| WriteError::too_large(image, bytes, options.cluster_bytes))?;
        let encoder = Encoder::new(options).map_err(|source| failed(image, source))?;
        Ok(Trial { encoder, geometry })
    }

    pub(crate) fn cluster_bytes(&self) -> u64 {
        self.geometry.cluster_bytes()
    }

    /// The number of the L2 table for a cluster of the disk.
    pub(crate) fn table_of(&self, cluster: u64) -> u64 {
        cluster / self.geometry.l2_entries()
    }

    /// The bytes that a cluster takes in the image: none if it has only zeros.
    pub(crate) fn stored_bytes(
        &mut self,
        image: &dyn Source,
        cluster: Vec<u8>,
    ) -> Result<u64, WriteError> {
        if is_zero(&cluster) {
            return Ok(0);
        }
        let encoded =
            self.encoder.encode(cluster.into()).map_err(|source| failed(image, source))?;
        Ok(encoded.bytes().len() as u64)
    }

    /// The size of an image with this number of L2 tables and bytes of data; none if a table would exceed a
    /// limit of the format.
    pub(crate) fn image_bytes(&self, tables: u64, data: u64) -> Option<u64> {
        let head = 1 + self.geometry.l1_clusters();
        let data = data.div_ceil(self.cluster_bytes());
        let area = self.geometry.refcount_area(head.saturating_add(tables).saturating_add(data))?;
        Some(area.end() << self.geometry.cluster_bits)
    }
}

fn failed(image: &dyn Source, source: io::Error) -> WriteError {
    WriteError::Compress { name: image.name().to_owned(), source }
}
