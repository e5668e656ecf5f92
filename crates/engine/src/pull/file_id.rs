//! The identity of a file, independent of its name.
//!
//! [`partial_file`](super::partial_file) and [`run_files`](super::run_files) compare files with it.

use std::fs::File;
use std::path::Path;

/// The device and the inode of a file. On systems without them, a hash of the canonical path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId(u64, u64);

impl FileId {
    /// Returns the identity of the file at `path`, without following a link.
    #[cfg(unix)]
    pub(super) fn at(path: &Path) -> Option<Self> {
        std::fs::symlink_metadata(path).ok().as_ref().map(FileId::of)
    }

    #[cfg(unix)]
    fn of(found: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        FileId(found.dev(), found.ino())
    }

    /// Whether the open file is the one at `path`.
    #[cfg(unix)]
    pub(super) fn is_at(file: &File, path: &Path) -> bool {
        file.metadata().is_ok_and(|open| FileId::at(path) == Some(FileId::of(&open)))
    }

    #[cfg(not(unix))]
    pub(super) fn at(path: &Path) -> Option<Self> {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let path = path.canonicalize().ok()?;
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        Some(FileId(0, hasher.finish()))
    }

    #[cfg(not(unix))]
    pub(super) fn is_at(_: &File, path: &Path) -> bool {
        path.exists()
    }
}
