//! The files that one run has written, so that no download replaces the file of another.
//!
//! [`partial_file`](super::partial_file) checks it before a rename.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::file_id::FileId;

/// The files that the downloads of a batch have written or kept.
///
/// Two names can refer to the same file: through a link, or on a file system that ignores case or Unicode
/// normalisation. So files are identified by [`FileId`], not by their names.
#[derive(Debug, Default)]
pub(crate) struct RunFiles(Mutex<HashSet<FileId>>);

impl RunFiles {
    /// Locks the set, so that no other download of the run renames its file.
    pub(super) fn lock(&self) -> RunFilesGuard<'_> {
        RunFilesGuard(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Held while a file gets its name, so that no other one gets it at the same time.
pub(super) struct RunFilesGuard<'a>(MutexGuard<'a, HashSet<FileId>>);

impl RunFilesGuard<'_> {
    /// Whether a download of the run has written the file at `path`.
    pub(super) fn has(&self, path: &Path) -> bool {
        FileId::at(path).is_some_and(|id| self.0.contains(&id))
    }

    /// Adds the file at `path`.
    pub(super) fn add(&mut self, path: &Path) {
        self.0.extend(FileId::at(path));
    }
}
