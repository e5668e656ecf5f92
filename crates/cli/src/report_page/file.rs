//! The file that the page is written to.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, PersistError};

/// A page that cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportFileError {
    #[error("cannot write the report {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot write the report {}: it is not a regular file", path.display())]
    NotAFile { path: PathBuf },
    #[error("the report {} already exists", path.display())]
    Exists { path: PathBuf },
}

impl ReportFileError {
    /// What to do next.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            ReportFileError::Exists { .. } => {
                Some("use --overwrite to replace it, or choose another name".to_owned())
            }
            _ => None,
        }
    }
}

/// The file of a page. It gets its name when the page is complete.
pub(crate) struct ReportFile {
    path: PathBuf,
    overwrite: bool,
    file: NamedTempFile,
}

impl ReportFile {
    /// Makes sure that the page can be written, and changes no existing file.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Self, ReportFileError> {
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) || path.file_name().is_none()
        {
            return Err(ReportFileError::NotAFile { path: path.to_owned() });
        }
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(ReportFileError::Exists { path: path.to_owned() });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = builder().tempfile_in(folder.unwrap_or(Path::new(".")));
        let file = file.map_err(|error| ReportFileError::Write {
            path: path.to_owned(),
            source: without_name(error),
        })?;
        Ok(ReportFile { path: path.to_owned(), overwrite, file })
    }

    /// Writes the page, and gives the file its name.
    pub(crate) fn write(mut self, page: &str) -> Result<(), ReportFileError> {
        let path = self.path;
        let written = self.file.write_all(page.as_bytes());
        // Some file systems report a full disk only when the data goes to it.
        let written = written.and_then(|()| self.file.as_file().sync_all());
        let named = written.and_then(|()| match self.overwrite {
            true => self.file.persist(&path).map(drop).map_err(|error| error.error),
            false => persist_new(self.file, &path),
        });
        named.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists if !self.overwrite => ReportFileError::Exists { path },
            _ => ReportFileError::Write { path, source },
        })
    }
}

/// Gives a file its name unless the name is taken.
fn persist_new(file: NamedTempFile, path: &Path) -> std::io::Result<()> {
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        // Some file systems can rename, but neither link nor refuse to replace: better a small race than no
        // report of a long push.
        Err(PersistError { error, file })
            if error.kind() != ErrorKind::AlreadyExists && path.symlink_metadata().is_err() =>
        {
            file.persist(path).map(drop).map_err(|error| error.error)
        }
        Err(PersistError { error, .. }) => Err(error),
    }
}

/// The error without the name of the temporary file, which the user has not chosen.
fn without_name(error: std::io::Error) -> std::io::Error {
    match error.to_string().split_once(" at path ") {
        Some((reason, _)) => std::io::Error::new(error.kind(), reason.to_owned()),
        None => error,
    }
}

/// A file that others may read as far as the user lets them, unlike other temporary ones.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".imgpush-report-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}
