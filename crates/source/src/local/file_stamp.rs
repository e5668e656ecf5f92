//! File attributes that change with the content of a file.

use std::fmt;
use std::fs::Metadata;
use std::time::SystemTime;

/// The time of the last write; on Unix also the time of the last change of any attribute (ctime), which no
/// program can set back, and the inode, which another file of the same name does not have.
///
/// A write through a memory mapping moves neither time before `msync` or `munmap` (mmap(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    /// None if the file system stores no time.
    modified: Option<SystemTime>,
    /// ctime, in seconds and nanoseconds, and the inode.
    #[cfg(unix)]
    changed: (i64, i64, u64),
}

impl FileStamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        FileStamp {
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            changed: (metadata.ctime(), metadata.ctime_nsec(), metadata.ino()),
        }
    }
}

impl fmt::Display for FileStamp {
    /// Formats the same stamp as the same text, also in a journal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.modified.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let since = since.unwrap_or_default();
        write!(f, "modified {}.{:09}", since.as_secs(), since.subsec_nanos())?;
        #[cfg(unix)]
        {
            let (seconds, nanoseconds, inode) = self.changed;
            write!(f, ", changed {seconds}.{nanoseconds:09}, inode {inode}")?;
        }
        Ok(())
    }
}
