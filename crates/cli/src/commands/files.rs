//! The files that arguments stand for.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// A file, or the error that hides which files a folder has.
pub(super) type FoundFile = Result<PathBuf, walkdir::Error>;

/// Each argument; for a folder the files below it, by name. Links are followed. What is neither a file
/// nor a folder counts only when it is named itself: reading a pipe that lies about would hang.
pub(super) fn find(arguments: &[PathBuf]) -> Vec<FoundFile> {
    arguments.iter().flat_map(|argument| below(argument)).collect()
}

fn below(argument: &Path) -> Vec<FoundFile> {
    if !argument.is_dir() {
        return vec![Ok(argument.to_owned())];
    }
    let entries = WalkDir::new(argument).follow_links(true).sort_by_file_name();
    let is_wanted = |entry: &walkdir::Result<walkdir::DirEntry>| {
        entry.as_ref().map_or(true, |entry| entry.file_type().is_file())
    };
    entries
        .into_iter()
        .filter(is_wanted)
        .map(|entry| entry.map(walkdir::DirEntry::into_path))
        .collect()
}
