//! How an image is written.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::error::WriteError;

/// The compression of the clusters of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterCompression {
    /// Clusters are stored as they are.
    None,
    /// Deflate with a window of 4 KiB. Every reader of qcow2 supports it.
    #[default]
    Zlib,
    /// Zstandard, which is faster and smaller. qemu reads it from version 5.1 on.
    Zstd,
}

/// The options of an image.
///
/// ```
/// use imgpush_convert::write::{ClusterCompression, WriteOptions};
///
/// let options = WriteOptions::default().with_compression(ClusterCompression::Zstd).with_level(9);
/// assert_eq!(options.cluster_bytes, 64 << 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteOptions {
    /// The compression of clusters; zlib by default.
    pub compression: ClusterCompression,
    /// The level of the compression: 1 to 9 for zlib, 1 to 19 for zstd. By default a level that is fast and
    /// compresses about as well as `qemu-img convert -c`.
    pub level: Option<u32>,
    /// Bytes of a cluster: a power of two from 512 bytes to 2 MiB; 64 KiB by default.
    pub cluster_bytes: u64,
    /// The number of threads that compress; by default one for each CPU. It does not change the image.
    pub threads: Option<NonZeroUsize>,
    /// The folder for a temporary file with the compressed clusters, for an image whose size must be known
    /// before its first byte. The source is then read only once, and compressed only once. By default it is read
    /// and compressed twice. It does not change the image.
    pub spool: Option<PathBuf>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions {
            compression: ClusterCompression::default(),
            level: None,
            cluster_bytes: 64 << 10,
            threads: None,
            spool: None,
        }
    }
}

impl ClusterCompression {
    /// The highest level that can be selected; those of zstd above it need much memory on every thread.
    fn max_level(self) -> u32 {
        match self {
            ClusterCompression::None => u32::MAX,
            ClusterCompression::Zlib => 9,
            ClusterCompression::Zstd => 19,
        }
    }
}

impl WriteOptions {
    /// Sets the compression of clusters.
    #[must_use]
    pub fn with_compression(mut self, compression: ClusterCompression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets the level of the compression.
    #[must_use]
    pub fn with_level(mut self, level: u32) -> Self {
        self.level = Some(level);
        self
    }

    /// Sets the size of clusters, in bytes.
    #[must_use]
    pub fn with_cluster_bytes(mut self, bytes: u64) -> Self {
        self.cluster_bytes = bytes;
        self
    }

    /// Sets the number of threads that compress.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Sets the folder for a temporary file.
    #[must_use]
    pub fn with_spool(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spool = Some(folder.into());
        self
    }

    /// Checks that there is an image with these options.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        let bytes = self.cluster_bytes;
        if !bytes.is_power_of_two() || !(512..=2 << 20).contains(&bytes) {
            return Err(WriteError::ClusterSize { bytes });
        }
        let most = self.compression.max_level();
        match self.level.filter(|level| !(1..=most).contains(level)) {
            Some(level) => Err(WriteError::Level { level, most }),
            None => Ok(()),
        }
    }
}
