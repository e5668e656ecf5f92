//! The file that the page is written to.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A page that cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportFileError {
    #[error("cannot write the report {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("the report {} would replace something that is no file", path.display())]
    NotAFile { path: PathBuf },
}

/// A place for a page, which has its name only when it is whole.
pub(crate) struct ReportFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl ReportFile {
    /// Makes sure that the page can be written there, and leaves what is there as it is.
    pub(crate) fn create(path: &Path) -> Result<Self, ReportFileError> {
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) || path.file_name().is_none()
        {
            return Err(ReportFileError::NotAFile { path: path.to_owned() });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = builder().tempfile_in(folder.unwrap_or(Path::new(".")));
        let file =
            file.map_err(|source| ReportFileError::Write { path: path.to_owned(), source })?;
        Ok(ReportFile { path: path.to_owned(), file })
    }

    /// Writes the page, and gives it its name.
    pub(crate) fn write(mut self, page: &str) -> Result<(), ReportFileError> {
        let path = self.path;
        let written = self.file.write_all(page.as_bytes());
        // Some file systems report a full disk only when the data goes to it.
        let written = written.and_then(|()| self.file.as_file().sync_all());
        let named = written.and_then(|()| self.file.persist(&path).map_err(|error| error.error));
        named.map(drop).map_err(|source| ReportFileError::Write { path, source })
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
