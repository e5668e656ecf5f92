//! A temporary file with the clusters of the first pass, so that they are compressed only once.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use crc32fast::hash;

use super::cluster_map::{DataCluster, StoredSize};
use super::error::WriteError;
use super::fingerprint::Fingerprint;

/// Bytes of one access to the file.
const BUFFER_BYTES: usize = 1 << 20;

/// A file that is being written: clusters as they are stored in the image, one after the other. It has no name,
/// so nothing is left of it when the process ends.
pub(super) struct ClusterSpool {
    file: BufWriter<File>,
    folder: PathBuf,
}

/// The same file while it is read, from its start to its end.
pub(super) struct SpooledClusters {
    file: BufReader<File>,
    folder: PathBuf,
    cluster_bytes: usize,
    /// That of all clusters as they were written.
    expected: Fingerprint,
    /// That of the clusters so far.
    found: Fingerprint,
}

impl ClusterSpool {
    pub(super) fn create(folder: &Path) -> Result<Self, WriteError> {
        let file = tempfile::tempfile_in(folder).map_err(failed("create", folder))?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(ClusterSpool { file, folder: folder.to_owned() })
    }

    /// Appends the stored bytes of a cluster.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.file.write_all(bytes).map_err(failed("write", &self.folder))
    }

    /// Ends the writing. `expected` is the fingerprint of all clusters.
    pub(super) fn into_clusters(
        self,
        cluster_bytes: u64,
        expected: Fingerprint,
    ) -> Result<SpooledClusters, WriteError> {
        let ClusterSpool { file, folder } = self;
        let file = file.into_inner().map_err(|error| failed("write", &folder)(error.into_error()));
        let mut clusters = SpooledClusters {
            file: BufReader::with_capacity(BUFFER_BYTES, file?),
            folder,
            cluster_bytes: usize::try_from(cluster_bytes).unwrap_or(usize::MAX),
            expected,
            found: Fingerprint::default(),
        };
        clusters.restart()?;
        Ok(clusters)
    }
}

impl SpooledClusters {
    /// Makes the first cluster the next one.
    pub(super) fn restart(&mut self) -> Result<(), WriteError> {
        self.found = Fingerprint::default();
        self.file.seek(SeekFrom::Start(0)).map(drop).map_err(failed("read", &self.folder))
    }

    /// The stored bytes of the next cluster.
    pub(super) fn next(&mut self, cluster: DataCluster) -> Result<Bytes, WriteError> {
        let count = match cluster.size {
            StoredSize::Full => self.cluster_bytes,
            StoredSize::Compressed(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
        };
        let mut bytes = vec![0; count];
        self.file.read_exact(&mut bytes).map_err(failed("read", &self.folder))?;
        self.found.add(cluster.index, hash(&bytes));
        Ok(bytes.into())
    }

    /// Checks after the last cluster that the file had what was written.
    pub(super) fn finish(&self) -> Result<(), WriteError> {
        if self.found == self.expected {
            return Ok(());
        }
        let differs = std::io::Error::other("it has other data than was written");
        Err(failed("read", &self.folder)(differs))
    }
}

fn failed(during: &'static str, folder: &Path) -> impl FnOnce(std::io::Error) -> WriteError {
    move |source| WriteError::Spool { during, folder: folder.to_owned(), source }
}
