//! The partial file of a download, beside its destination.
//!
//! [`Download`](super::Download) opens it, and the thread of [`writer`](super::writer) writes it. Its name
//! contains the id of the image, and the data of an image never changes. So a download can resume from the
//! file of an earlier one, and two images with the same destination have different partial files. The file is
//! locked while it is written. It gets its final name after it is verified and synced to the disk.
//!
//! Before a rename or a deletion, the file at the path is compared with the open file. A link is not
//! followed, and another file at that path is neither resumed, nor published, nor deleted.
//!
//! Blocks of zeros become holes. The length of the file is still the position of the next byte, so the next
//! download knows where to resume.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use imgpush_source::Chunk;

use super::error::{DestinationError, PartialOutcome};
use super::file_id::FileId;
use super::run_files::RunFiles;
use crate::holes::without_holes;

/// Whether a downloaded file is sparse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sparse {
    /// Every block of 64 KiB, aligned in the file, that contains only zeros becomes a hole without disk
    /// space. A file system without holes writes the zeros itself.
    #[default]
    Auto,
    /// All bytes are written.
    Never,
}

/// An open partial file, locked if the file system supports locks.
#[derive(Debug)]
pub(crate) struct PartialFile {
    path: PathBuf,
    destination: PathBuf,
    overwrite: bool,
    sparse: Sparse,
    file: File,
    /// The position of the next byte.
    at: u64,
    /// The end of the file and the position of its cursor; less than `at` while trailing zeros are left out.
    end: u64,
    /// Whether the first write was prepared.
    is_prepared: bool,
}

impl PartialFile {
    /// Opens or creates the partial file of the image `id` of `size` bytes. A larger file cannot belong to
    /// that image and is truncated.
    pub(crate) fn open(
        destination: &Path,
        id: &str,
        size: u64,
        overwrite: bool,
    ) -> Result<Self, DestinationError> {
        let path = partial_path(destination, id);
        let failed = |source| DestinationError::Open { path: path.clone(), source };
        check_destination(destination, overwrite)?;
        let mut tries = OPEN_TRIES;
        let file = loop {
            // Through a link of that name, another file would be overwritten.
            if std::fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
                return Err(DestinationError::NotAFile { path });
            }
            let file = open_without_following(&path).map_err(failed)?;
            if !file.metadata().map_err(failed)?.is_file() {
                return Err(DestinationError::NotAFile { path });
            }
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(DestinationError::Busy { path }),
                // Without locks, two concurrent downloads of an image to one file are detected only when the
                // digests differ.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            // Another download may have renamed the file between the opening and the lock.
            tries -= 1;
            if FileId::is_at(&file, &path) || tries == 0 {
                break file;
            }
            check_destination(destination, overwrite)?;
        };
        if file.metadata().map_err(failed)?.len() > size {
            file.set_len(0).map_err(failed)?;
        }
        Ok(PartialFile {
            path,
            destination: destination.to_owned(),
            overwrite,
            sparse: Sparse::Never,
            file,
            at: 0,
            end: 0,
            is_prepared: false,
        })
    }

    /// Sets whether zeros become holes; by default they do not.
    pub(crate) fn with_sparse(self, sparse: Sparse) -> Self {
        PartialFile { sparse, ..self }
    }

    /// Returns its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its length in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.file.metadata().map_or(self.at, |metadata| metadata.len())
    }

    /// Reads the next existing bytes; 0 at the end, where writing continues.
    pub(crate) fn read(&mut self, space: &mut [u8]) -> Result<usize, DestinationError> {
        let mut filled = 0;
        while filled < space.len() {
            match self.file.read(&mut space[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    let at = self.at + filled as u64;
                    return Err(DestinationError::Read { path: self.path.clone(), at, source });
                }
            }
        }
        self.at += filled as u64;
        self.end = self.at;
        Ok(filled)
    }

    /// Writes the next bytes, and leaves out blocks of zeros.
    ///
    /// If two chunks share a block, each part is decided separately: the block becomes a hole if both are
    /// zeros.
    pub(crate) fn write(&mut self, chunk: &Chunk) -> Result<(), DestinationError> {
        if self.sparse == Sparse::Never {
            return chunk.slices().try_for_each(|slice| self.write_data(&slice));
        }
        self.prepare()?;
        if chunk.is_zeros() {
            self.at += chunk.len();
        } else {
            chunk.slices().try_for_each(|slice| self.write_blocks(&slice))?;
        }
        if self.at - self.end >= MAX_LEFT_OUT {
            self.set_length()?;
        }
        Ok(())
    }

    /// Writes everything but blocks of zeros.
    fn write_blocks(&mut self, chunk: &[u8]) -> Result<(), DestinationError> {
        let start = self.at;
        for part in without_holes(start, chunk) {
            self.at = start + part.start as u64;
            self.write_data(&chunk[part])?;
        }
        self.at = start + chunk.len() as u64;
        Ok(())
    }

    /// Truncates the file before the first write, so that blocks that are left out read as zeros even if
    /// another process ignores the lock.
    fn prepare(&mut self) -> Result<(), DestinationError> {
        if !self.is_prepared {
            self.file.set_len(self.at).map_err(|source| self.failed(source))?;
            self.is_prepared = true;
        }
        Ok(())
    }

    fn write_data(&mut self, data: &[u8]) -> Result<(), DestinationError> {
        if data.is_empty() {
            return Ok(());
        }
        self.seek_to_next()?;
        self.file.write_all(data).map_err(|source| self.failed(source))?;
        self.at += data.len() as u64;
        self.end = self.at;
        Ok(())
    }

    /// Extends the file by the zeros that were left out at its end.
    pub(crate) fn set_length(&mut self) -> Result<(), DestinationError> {
        if self.end < self.at {
            self.file.set_len(self.at).map_err(|source| self.failed(source))?;
        }
        self.seek_to_next()
    }

    fn seek_to_next(&mut self) -> Result<(), DestinationError> {
        if self.end < self.at {
            self.file.seek(SeekFrom::Start(self.at)).map_err(|source| self.failed(source))?;
            self.end = self.at;
        }
        Ok(())
    }

    /// Syncs the file to the disk.
    pub(crate) fn sync(&mut self) -> Result<(), DestinationError> {
        self.set_length()?;
        self.file.sync_all().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> DestinationError {
        write_error(&self.path.display().to_string(), self.at, source)
    }

    /// Discards its content.
    pub(crate) fn restart(&mut self) -> Result<(), DestinationError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|source| self.failed(source))?;
        (self.at, self.end, self.is_prepared) = (0, 0, false);
        Ok(())
    }

    /// Renames the file to its destination. An existing file is replaced only if `overwrite` is set, and if
    /// no other download of the run has written it.
    pub(crate) fn publish(&self, run: &RunFiles) -> Result<(), DestinationError> {
        let (partial_file, destination) = (&self.path, &self.destination);
        let mut files = run.lock();
        if files.has(destination) && !FileId::is_at(&self.file, destination) {
            return Err(DestinationError::OfThisRun { path: destination.clone() });
        }
        check_destination(destination, self.overwrite)?;
        if !self.is_in_place() {
            return Err(DestinationError::Replaced { path: partial_file.clone() });
        }
        let renamed = if self.overwrite {
            std::fs::rename(partial_file, destination).inspect(|()| self.remove_second_name())
        } else {
            rename_new(partial_file, destination)
        };
        renamed.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => DestinationError::Exists { path: destination.clone() },
            _ => DestinationError::Rename { path: destination.clone(), source },
        })?;
        if !FileId::is_at(&self.file, destination) {
            // Another file replaced the partial file during the rename.
            return Err(DestinationError::Replaced { path: partial_file.clone() });
        }
        files.add(destination);
        sync_folder(destination);
        Ok(())
    }

    /// Whether the file at the path is still the open one.
    fn is_in_place(&self) -> bool {
        FileId::is_at(&self.file, &self.path)
    }

    /// Removes the partial name of a file that has both names. A process that was killed during a rename can
    /// leave such a file, and renaming one name to the other then does nothing.
    fn remove_second_name(&self) {
        if self.is_in_place() {
            remove_superfluous(&self.path);
        }
    }

    /// Keeps the file for the next download; deletes it if it is empty.
    pub(crate) fn keep(self) -> PartialOutcome {
        if !self.is_in_place() {
            return PartialOutcome::Nothing;
        }
        match self.bytes() {
            0 => match self.remove() {
                PartialOutcome::Removed { .. } => PartialOutcome::Nothing,
                left => left,
            },
            bytes => PartialOutcome::Kept { path: self.path, bytes },
        }
    }

    /// Deletes the file.
    pub(crate) fn remove(self) -> PartialOutcome {
        if !self.is_in_place() {
            return PartialOutcome::Nothing;
        }
        match std::fs::remove_file(&self.path) {
            Ok(()) => PartialOutcome::Removed { path: self.path },
            Err(error) => PartialOutcome::Left { path: self.path, reason: error.to_string() },
        }
    }
}

/// Maximum number of trailing zeros that are not yet part of the length of the file; a killed process has to
/// download them again. They are collected because XFS flushes all data before each increase of the length.
const MAX_LEFT_OUT: u64 = 16 << 20;

/// Maximum number of attempts to open a file that is renamed during the opening. A file system that renumbers
/// its files on each access would otherwise cause an endless loop.
const OPEN_TRIES: u32 = 5;

/// Returns `disk.qcow2.<id>.part` beside `disk.qcow2`.
fn partial_path(destination: &Path, id: &str) -> PathBuf {
    let mut name = destination.file_name().map_or_else(OsString::new, ToOwned::to_owned);
    // The id comes from the service, which must not influence the path.
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    name.push(format!(".{}.part", id.chars().map(plain).collect::<String>()));
    destination.with_file_name(name)
}

/// Checks that the destination may be written.
pub(super) fn check_destination(
    destination: &Path,
    overwrite: bool,
) -> Result<(), DestinationError> {
    let path = || destination.to_owned();
    // A dangling link exists too.
    let Ok(itself) = std::fs::symlink_metadata(destination) else {
        return match destination.file_name() {
            Some(_) => Ok(()),
            None => Err(DestinationError::NotAFile { path: path() }),
        };
    };
    let is_file =
        itself.is_file() || std::fs::metadata(destination).is_ok_and(|target| target.is_file());
    match (is_file, overwrite) {
        (true, true) => Ok(()),
        (true, false) => Err(DestinationError::Exists { path: path() }),
        (false, _) => Err(DestinationError::NotAFile { path: path() }),
    }
}

/// Renames to a name that does not exist. A hard link never replaces another file, even if that is created at
/// the same time. On file systems without hard links, the existence is checked first.
fn rename_new(from: &Path, to: &Path) -> std::io::Result<()> {
    match std::fs::hard_link(from, to) {
        Ok(()) => {
            remove_superfluous(from);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        Err(_) if std::fs::symlink_metadata(to).is_ok() => Err(ErrorKind::AlreadyExists.into()),
        Err(_) => std::fs::rename(from, to),
    }
}

/// Deletes a partial file whose image already has its name. A failure only leaves a superfluous file, so it
/// is logged.
fn remove_superfluous(partial_file: &Path) {
    if let Err(error) = std::fs::remove_file(partial_file) {
        tracing::warn!("{} could not be removed: {error}", partial_file.display());
    }
}

/// Deletes the partial file of an earlier download if the destination already has the content of the image,
/// unless another process is writing it.
pub(crate) fn remove_partial_file(destination: &Path, id: &str) {
    let path = partial_path(destination, id);
    if std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file())
        && let Ok(file) = File::open(&path)
        && !matches!(file.try_lock(), Err(TryLockError::WouldBlock))
        && FileId::is_at(&file, &path)
    {
        remove_superfluous(&path);
    }
}

/// Converts an error of a write; a full disk has its own variant.
pub(crate) fn write_error(name: &str, at: u64, source: std::io::Error) -> DestinationError {
    let name = name.to_owned();
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            DestinationError::Full { name, at, source }
        }
        _ => DestinationError::Write { name, at, source },
    }
}

/// Opens or creates the file at this path without following a link. Opening a FIFO does not block.
fn open_without_following(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    options.open(path)
}

/// Returns the state of the partial file after a download that ended without a result. An empty file is
/// deleted.
pub(crate) fn remaining(destination: &Path, id: &str) -> PartialOutcome {
    let path = partial_path(destination, id);
    match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() && found.len() == 0 => {
            remove_superfluous(&path);
            PartialOutcome::Nothing
        }
        Ok(found) if found.is_file() => PartialOutcome::Kept { path, bytes: found.len() },
        _ => PartialOutcome::Nothing,
    }
}

/// Syncs the folder, so that the new name survives a power failure, if the system supports it.
pub(super) fn sync_folder(destination: &Path) {
    if cfg!(unix) {
        let folder = destination.parent().filter(|folder| !folder.as_os_str().is_empty());
        let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|open| open.sync_all());
        if let Err(error) = synced {
            tracing::debug!("the folder of {} cannot be synced: {error}", destination.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn the_partial_file_is_beside_the_destination_whatever_the_id() {
        let path = partial_path(Path::new("/images/noble.qcow2"), "a7f0-1");
        assert_eq!(path, Path::new("/images/noble.qcow2.a7f0-1.part"));
        let path = partial_path(Path::new("noble.qcow2"), "../../etc/x");
        assert_eq!(path, Path::new("noble.qcow2.______etc_x.part"));
    }

    #[test]
    fn a_file_created_in_the_meantime_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("disk");
        let mut partial_file = PartialFile::open(&destination, "id", 3, false).unwrap();
        partial_file.write(&Bytes::from_static(b"abc").into()).unwrap();
        std::fs::write(&destination, "other").unwrap();
        assert!(matches!(
            partial_file.publish(&RunFiles::default()),
            Err(DestinationError::Exists { .. })
        ));
        // Also without the check.
        let error = rename_new(partial_file.path(), &destination).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&destination).unwrap(), b"other");
        assert!(matches!(partial_file.keep(), PartialOutcome::Kept { bytes: 3, .. }));

        let partial_file = PartialFile::open(&destination, "id", 3, true).unwrap();
        partial_file.publish(&RunFiles::default()).unwrap();
        assert_eq!(std::fs::read(&destination).unwrap(), b"abc");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_path_that_is_not_a_regular_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for overwrite in [false, true] {
            let error = PartialFile::open(folder.path(), "id", 3, overwrite).unwrap_err();
            assert!(matches!(error, DestinationError::NotAFile { .. }), "{error}");
        }
        let error = PartialFile::open(&folder.path().join(".."), "id", 3, true).unwrap_err();
        assert!(matches!(error, DestinationError::NotAFile { .. }), "{error}");
        let error = PartialFile::open(&folder.path().join("none/disk"), "id", 3, true).unwrap_err();
        assert!(matches!(error, DestinationError::Open { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_the_partial_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (destination, victim) = (folder.path().join("disk"), folder.path().join("victim"));
        std::fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, partial_path(&destination, "id")).unwrap();
        let error = PartialFile::open(&destination, "id", 3, false).unwrap_err();
        assert!(matches!(error, DestinationError::NotAFile { .. }), "{error}");
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_created_between_the_check_and_the_opening_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (link, victim) = (folder.path().join("link"), folder.path().join("victim"));
        std::fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        assert!(open_without_following(&link).is_err());
    }

    #[test]
    fn another_file_at_the_path_is_neither_published_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("disk");
        for overwrite in [false, true] {
            let mut partial_file = PartialFile::open(&destination, "id", 3, overwrite).unwrap();
            partial_file.write(&Bytes::from_static(b"abc").into()).unwrap();
            let other = folder.path().join("other");
            std::fs::write(&other, "xyz").unwrap();
            std::fs::rename(&other, partial_file.path()).unwrap();
            let path = partial_file.path().to_owned();
            let error = partial_file.publish(&RunFiles::default()).unwrap_err();
            assert!(matches!(error, DestinationError::Replaced { .. }), "{error}");
            assert!(!destination.exists());
            assert_eq!(partial_file.remove(), PartialOutcome::Nothing);
            assert_eq!(std::fs::read(&path).unwrap(), b"xyz");
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn no_file_of_a_run_replaces_another_under_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let (one, run) = (folder.path().join("disk"), RunFiles::default());
        PartialFile::open(&one, "id-1", 3, true).unwrap().publish(&run).unwrap();
        let error = PartialFile::open(&one, "id-2", 3, true).unwrap().publish(&run).unwrap_err();
        assert!(matches!(error, DestinationError::OfThisRun { .. }), "{error}");
        // A download of another run may replace it.
        PartialFile::open(&one, "id-2", 3, true).unwrap().publish(&RunFiles::default()).unwrap();
    }

    #[test]
    fn two_downloads_do_not_write_one_partial_file() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("disk");
        let partial_file = PartialFile::open(&destination, "id", 3, false).unwrap();
        let error = PartialFile::open(&destination, "id", 3, false).unwrap_err();
        assert!(matches!(error, DestinationError::Busy { .. }), "{error}");
        PartialFile::open(&destination, "other", 3, false).unwrap();
        assert_eq!(partial_file.keep(), PartialOutcome::Nothing);
        PartialFile::open(&destination, "id", 3, false).unwrap();
    }

    #[test]
    fn a_larger_partial_file_is_truncated() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("disk");
        std::fs::write(partial_path(&destination, "id"), "abcd").unwrap();
        assert_eq!(PartialFile::open(&destination, "id", 4, false).unwrap().bytes(), 4);
        assert_eq!(PartialFile::open(&destination, "id", 3, false).unwrap().bytes(), 0);
    }

    #[test]
    fn a_full_disk_is_distinguished_from_other_errors() {
        let full = write_error("disk", 5, ErrorKind::StorageFull.into());
        assert_eq!(full.to_string(), "no space left to write disk after byte 5");
        let other = write_error("disk", 5, ErrorKind::BrokenPipe.into());
        assert!(matches!(other, DestinationError::Write { at: 5, .. }));
    }
}
