//! Errors of writing an image.

use std::path::PathBuf;

use imgpush_source::{CustomError, ErrorKind, Source, SourceError};

use crate::error::kind_of_spool;

/// An image that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The raw source cannot be read, or changed between the passes over it.
    #[error(transparent)]
    Source(#[from] SourceError),

    /// The raw source can be read only once, and there is no [`spool`](super::WriteOptions::spool).
    #[error(
        "cannot convert {name} to qcow2: it can be read only once, and the conversion reads it twice; \
         use --spool DIR"
    )]
    ReadOnce {
        /// The source.
        name: String,
    },

    /// The raw disk is too large for clusters of this size.
    #[error(
        "cannot convert {name} to qcow2: a disk of {bytes} bytes is too large for clusters of {cluster_bytes} bytes"
    )]
    TooLarge {
        /// The source.
        name: String,
        /// Bytes of the disk.
        bytes: u64,
        /// Bytes of a cluster.
        cluster_bytes: u64,
    },

    /// The size of clusters is invalid.
    #[error("a cluster of {bytes} bytes is invalid: use a power of two from 512 to 2097152")]
    ClusterSize {
        /// Bytes of a cluster.
        bytes: u64,
    },

    /// The level of the compression is invalid.
    #[error("compression level {level} is invalid: use 1 to {most}")]
    Level {
        /// The level.
        level: u32,
        /// The highest level.
        most: u32,
    },

    /// The compressor failed, usually because memory is short.
    #[error("cannot compress {name}")]
    Compress {
        /// The source.
        name: String,
        /// Why.
        source: std::io::Error,
    },

    /// The temporary file with the compressed clusters cannot be used.
    #[error("cannot {during} the spool file in {}", .folder.display())]
    Spool {
        /// The operation that failed.
        during: &'static str,
        /// The folder of the file.
        folder: PathBuf,
        /// The cause.
        source: std::io::Error,
    },

    /// The image cannot be written to its file.
    #[error("cannot write the qcow2 image")]
    Output(#[source] std::io::Error),
}

impl WriteError {
    /// The class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            WriteError::Source(error) => error.kind(),
            WriteError::ClusterSize { .. }
            | WriteError::Level { .. }
            | WriteError::ReadOnce { .. }
            | WriteError::TooLarge { .. } => ErrorKind::Usage,
            WriteError::Spool { source, .. } => kind_of_spool(source),
            WriteError::Compress { .. } | WriteError::Output(_) => ErrorKind::Unexpected,
        }
    }

    /// An error of a disk that clusters of the selected size cannot hold.
    pub(super) fn too_large(source: &dyn Source, bytes: u64, cluster_bytes: u64) -> Self {
        let name = source.name().to_owned();
        WriteError::TooLarge { name, bytes, cluster_bytes }
    }

    /// Converts it to the error of the source with this name. Errors of the source itself stay unchanged.
    #[must_use]
    pub fn into_source_error(self, name: &str) -> SourceError {
        let kind = self.kind();
        match self {
            WriteError::Source(error) => error,
            other => CustomError::new(name, other).with_kind(kind).into(),
        }
    }
}
