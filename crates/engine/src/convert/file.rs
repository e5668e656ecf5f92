//! A conversion into a file.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgpush_convert::write::{WriteError, write_to};
use imgpush_source::pool::CHUNK_BYTES;
use imgpush_source::{Chunk, CustomError, Pool, Source, SourceError, catch_panic, off_runtime};
use serde::{Deserialize, Serialize};
use tempfile::TempPath;
use tokio_util::sync::CancellationToken;

use super::conversion::{Conversion, OutputFormat, ResultTooLarge};
use super::error::ConversionError;
use crate::holes::without_holes;
use crate::progress::{Phase, Progress};
use crate::resources::Hashing;

/// A file with the result of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConvertedFile {
    /// The format of the file.
    pub format: OutputFormat,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of the disk in it.
    pub virtual_size: u64,
}

/// Buffers for reading.
const CHUNKS: usize = 4;

impl Conversion {
    /// Writes the source in the new format to a file, which gets its name when it is complete. `progress` gets
    /// the size of the disk, and the bytes of it that were read.
    ///
    /// # Errors
    ///
    /// [`ConversionError`]; nothing is left then. An existing file is replaced only with `overwrite`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future removes what was written.
    pub async fn to_file(
        &self,
        source: Box<dyn Source>,
        destination: &Path,
        overwrite: bool,
        progress: Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Result<ConvertedFile, ConversionError> {
        let path = || destination.to_owned();
        let output = |source| ConversionError::Output { path: path(), source };
        match std::fs::symlink_metadata(destination) {
            Ok(found) if !found.is_file() => {
                return Err(ConversionError::NotAFile { path: path() });
            }
            Ok(_) if !overwrite => return Err(ConversionError::Exists { path: path() }),
            _ => {}
        }
        let written = self.to_temporary_file(source, destination, progress, cancel).await;
        let (written, part) = written?;
        let persisted =
            if overwrite { part.persist(destination) } else { part.persist_noclobber(destination) };
        match persisted {
            Ok(()) => Ok(written),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(ConversionError::Exists { path: path() })
            }
            Err(error) => Err(output(error.error)),
        }
    }

    /// Writes the source in the new format to a file beside the destination. It is removed when its path is
    /// dropped, also after an error or when the future is dropped.
    pub(crate) async fn to_temporary_file(
        &self,
        source: Box<dyn Source>,
        destination: &Path,
        progress: Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Result<(ConvertedFile, TempPath), ConversionError> {
        let path = || destination.to_owned();
        let output = |source| ConversionError::Output { path: path(), source };
        let (file, part) = create_beside(destination).map_err(output)?;
        let name = source.name().to_owned();
        let cancelled = cancel.child_token();
        let file = Output { file, cancel: cancelled, position: 0, max_bytes: self.max_bytes };
        // Stops the thread also when the future is dropped.
        let _stop = file.cancel.clone().drop_guard();
        let work = Work { conversion: self.clone(), file, destination: path(), progress };
        let written = off_runtime({
            let name = name.clone();
            move || catch_panic(&name, || work.run(source))
        });
        let no_thread = |source| SourceError::NoThread { name, source };
        let written = tokio::select! {
            written = written => written.map_err(no_thread)??,
            () = cancel.cancelled() => return Err(ConversionError::Interrupted),
        };
        Ok((written, part))
    }
}

/// Creates a file in the folder of the destination. It is removed when its path is dropped.
fn create_beside(destination: &Path) -> std::io::Result<(File, TempPath)> {
    let folder = match destination.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut prefix = destination.file_name().unwrap_or_default().to_owned();
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any new file; the system applies its mask.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    Ok(builder.tempfile_in(folder)?.into_parts())
}

/// The file, until the conversion is cancelled or the file would exceed its limit.
struct Output {
    file: File,
    cancel: CancellationToken,
    /// The position of the next write.
    position: u64,
    max_bytes: Option<u64>,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(std::io::Error::other("the conversion was cancelled"));
        }
        let end = self.position.saturating_add(bytes.len() as u64);
        if let Some(error) = ResultTooLarge::so_far(end, self.max_bytes) {
            return Err(std::io::Error::other(error));
        }
        let written = self.file.write(bytes)?;
        self.position += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.position = self.file.seek(to)?;
        Ok(self.position)
    }
}

/// What the thread of a conversion does.
struct Work {
    conversion: Conversion,
    file: Output,
    destination: PathBuf,
    progress: Arc<dyn Progress>,
}

impl Work {
    fn run(mut self, source: Box<dyn Source>) -> Result<ConvertedFile, ConversionError> {
        let name = source.name().to_owned();
        let mut raw = self.conversion.raw(source)?;
        if let Some(bytes) = raw.size() {
            self.progress.total(bytes);
        }
        self.progress.phase(Phase::Converting);
        let written = match self.conversion.to {
            OutputFormat::Raw => {
                self.conversion.check_size(&name, raw.size())?;
                let bytes = self.write_raw(&name, &mut *raw)?;
                ConvertedFile { format: OutputFormat::Raw, bytes, virtual_size: bytes }
            }
            OutputFormat::Qcow2 => {
                let mut count = |bytes| self.progress.sent(bytes);
                let write = &self.conversion.write;
                let written = write_to(raw, write, &mut self.file, &mut count);
                let written = written.map_err(|error| match error {
                    WriteError::Output(source) => self.output(&name, source),
                    other => other.into_source_error(&name).into(),
                })?;
                ConvertedFile {
                    format: OutputFormat::Qcow2,
                    bytes: written.bytes,
                    virtual_size: written.virtual_size,
                }
            }
        };
        self.conversion.check_size(&name, Some(written.bytes))?;
        self.file.file.sync_all().map_err(|source| self.output(&name, source))?;
        Ok(written)
    }

    /// Writes the bytes of the disk; blocks of zeros become holes.
    fn write_raw(&mut self, name: &str, source: &mut dyn Source) -> Result<u64, ConversionError> {
        let pool = Pool::new(CHUNKS, CHUNK_BYTES);
        let mut hasher = Hashing::of(1).hasher(source.wants().iter().copied());
        let mut bytes = 0;
        while let Some(chunk) = source.next_chunk(&pool)? {
            hasher.update(&chunk);
            let end = bytes + chunk.len();
            self.conversion.check_size_so_far(name, end)?;
            if let Chunk::Data(data) = &chunk {
                self.write_data(bytes, data).map_err(|source| self.output(name, source))?;
            }
            bytes = end;
            self.progress.sent(bytes);
        }
        source.finish(&hasher.finish())?;
        self.file.file.set_len(bytes).map_err(|source| self.output(name, source))?;
        Ok(bytes)
    }

    fn write_data(&mut self, at: u64, data: &[u8]) -> std::io::Result<()> {
        for part in without_holes(at, data) {
            self.file.seek(SeekFrom::Start(at + part.start as u64))?;
            self.file.write_all(&data[part])?;
        }
        Ok(())
    }

    /// The error of a write.
    fn output(&self, name: &str, source: std::io::Error) -> ConversionError {
        match source.downcast::<ResultTooLarge>() {
            Ok(error) => SourceError::from(CustomError::new(name, error)).into(),
            Err(source) => ConversionError::Output { path: self.destination.clone(), source },
        }
    }
}
