//! The files that one run has written, so that none of them replaces another.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::file_id::FileId;

/// The files that the downloads of a batch have written or left as they were.
///
/// Two names can be one: a file system may tell no case, or no forms of an accent, and a link may lead to
/// another. So files are told apart by what they are, not by their names.
#[derive(Debug, Default)]
pub(crate) struct RunFiles(Mutex<HashSet<FileId>>);

impl RunFiles {
    /// Keeps other downloads of the run from naming a file.
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

    /// The file at `path` is one of the run.
    pub(super) fn add(&mut self, path: &Path) {
        self.0.extend(FileId::at(path));
    }
}
