//! Files in the folder of the service, without following symbolic links out of it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Opens a regular file.
pub(crate) fn open(path: &Path) -> std::io::Result<File> {
    refuse_link(path)?;
    File::open(path)
}

/// Reads a regular file.
pub(crate) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Creates or truncates a regular file.
pub(crate) fn create(path: &Path) -> std::io::Result<File> {
    refuse_link(path)?;
    File::create(path)
}

fn refuse_link(path: &Path) -> std::io::Result<()> {
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => {
            Err(std::io::Error::other(format!("{} is not a regular file", path.display())))
        }
        _ => Ok(()),
    }
}
