//! Glob patterns in file arguments that the shell did not expand.

use std::path::{Path, PathBuf};

use imgpush_engine::source::is_address;

/// A pattern cannot be expanded.
#[derive(Debug, thiserror::Error)]
pub(super) enum PatternError {
    #[error("{0} is not a valid file name pattern")]
    Syntax(String, #[source] ::glob::PatternError),
    #[error("no file matches {0}")]
    Nothing(String),
    #[error("cannot search for {0}")]
    Unreadable(String, #[source] ::glob::GlobError),
}

/// Replaces each pattern by the files that it matches, sorted by name. An argument that names an existing
/// file is not a pattern.
pub(super) fn expanded(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, PatternError> {
    let mut files = Vec::new();
    for argument in arguments {
        match pattern(argument) {
            Some(pattern) => files.extend(matches(pattern)?),
            None => files.push(argument.clone()),
        }
    }
    Ok(files)
}

fn pattern(argument: &Path) -> Option<&str> {
    let text = argument.to_str()?;
    let is_plain = !text.contains(['*', '?', '[']) || is_address(argument) || argument.exists();
    (!is_plain).then_some(text)
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, PatternError> {
    let found = ::glob::glob(pattern);
    let found = found.map_err(|source| PatternError::Syntax(pattern.to_owned(), source))?;
    let files: Result<Vec<_>, _> = found.collect();
    let files = files.map_err(|source| PatternError::Unreadable(pattern.to_owned(), source))?;
    if files.is_empty() {
        return Err(PatternError::Nothing(pattern.to_owned()));
    }
    Ok(files)
}
