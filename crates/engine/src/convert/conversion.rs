//! What is converted to what.

use imgpush_convert::write::{Qcow2Source, WriteOptions};
use imgpush_convert::{Converted, ReadOptions};
use imgpush_formats::Format;
use imgpush_source::{CustomError, Source, SourceError, catch_panic, off_runtime};

use crate::inspect::inspect_by_random_access;
use crate::named_enum::named_enum;
use crate::setters::setters;

named_enum! {
    /// The format that a conversion makes.
    pub enum OutputFormat {
        /// The bytes of the disk.
        Raw = "raw",
        /// A qcow2 of version 3, without the clusters that are zeros.
        Qcow2 = "qcow2",
    }
}

/// A conversion of disk images.
///
/// Sources with random access are inspected first: one that is no virtual disk, such as an ISO image, has the
/// bytes of the disk already. Others must be virtual disks, unless [`read.format`](ReadOptions::format) says
/// that they are raw.
///
/// ```
/// use imgpush_engine::source::{BytesSource, Source as _};
/// use imgpush_engine::{Conversion, OutputFormat};
///
/// # fn tour() -> Result<(), imgpush_engine::SourceError> {
/// let raw = Box::new(BytesSource::new("disk.raw", vec![7; 1 << 20]));
/// let image = Conversion::to(OutputFormat::Qcow2).source_blocking(raw)?;
/// let disk = Conversion::to(OutputFormat::Raw).source_blocking(image)?;
/// assert_eq!(disk.size(), Some(1 << 20));
/// # Ok(()) }
/// # tour().unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Conversion {
    /// The format of the result.
    pub to: OutputFormat,
    /// How virtual disks are read.
    pub read: ReadOptions,
    /// How a qcow2 is written.
    pub write: WriteOptions,
    /// The maximum size of the result in bytes. A small qcow2 can have a disk of any size. A file is not written
    /// beyond it. The temporary files in the folder of [`write.spool`](WriteOptions::spool) and
    /// [`read.spool`](ReadOptions::spool) are not limited.
    pub max_bytes: Option<u64>,
}

impl Conversion {
    /// A conversion with default options.
    #[must_use]
    pub fn to(format: OutputFormat) -> Self {
        let (read, write) = (ReadOptions::default(), WriteOptions::default());
        Conversion { to: format, read, write, max_bytes: None }
    }

    setters! {
        /// Sets how virtual disks are read.
        with_read(read: ReadOptions) = read;
        /// Sets how a qcow2 is written.
        with_write(write: WriteOptions) = write;
        /// Sets the maximum size of the result in bytes.
        with_max_bytes(max_bytes: u64) = Some(max_bytes);
    }

    /// Returns the source in the new format. For a qcow2 it reads the source once, and again for the data unless
    /// [`write.spool`](WriteOptions::spool) is set.
    ///
    /// # Errors
    ///
    /// The source cannot be read, or is refused; for a qcow2 without a spool, it can be read only once.
    pub async fn source(&self, source: Box<dyn Source>) -> Result<Box<dyn Source>, SourceError> {
        let (name, conversion) = (source.name().to_owned(), self.clone());
        let converted = {
            let name = name.clone();
            move || catch_panic(&name, || conversion.source_blocking(source))
        };
        off_runtime(converted).await.map_err(|source| SourceError::NoThread { name, source })?
    }

    /// [`source`](Conversion::source) for threads outside an async runtime.
    ///
    /// # Errors
    ///
    /// As [`source`](Conversion::source).
    pub fn source_blocking(&self, source: Box<dyn Source>) -> Result<Box<dyn Source>, SourceError> {
        let name = source.name().to_owned();
        let raw = self.raw(source)?;
        let result = match self.to {
            OutputFormat::Raw => raw,
            OutputFormat::Qcow2 => Qcow2Source::prepare(raw, &self.write, &mut |_| {})
                .map(|image| Box::new(image) as Box<dyn Source>)
                .map_err(|error| error.into_source_error(&name))?,
        };
        self.check_size(&name, result.size())?;
        Ok(result)
    }

    /// Checks the size of the result, as far as it is known.
    pub(super) fn check_size(&self, name: &str, bytes: Option<u64>) -> Result<(), SourceError> {
        match (bytes, self.max_bytes) {
            (Some(bytes), Some(limit)) if bytes > limit => {
                Err(CustomError::new(name, ResultTooLarge::Known { bytes, limit }).into())
            }
            _ => Ok(()),
        }
    }

    /// Checks the size of the part of the result that is known.
    pub(super) fn check_size_so_far(&self, name: &str, bytes: u64) -> Result<(), SourceError> {
        match ResultTooLarge::so_far(bytes, self.max_bytes) {
            Some(error) => Err(CustomError::new(name, error).into()),
            None => Ok(()),
        }
    }

    /// The bytes of the disk.
    pub(super) fn raw(&self, mut source: Box<dyn Source>) -> Result<Box<dyn Source>, SourceError> {
        let is_raw = match self.read.format {
            Some(format) => format == Format::Raw,
            None => inspect_by_random_access(&mut *source)?
                .is_some_and(|inspection| is_raw(inspection.format)),
        };
        if is_raw {
            return Ok(source);
        }
        let name = source.name().to_owned();
        let disk = Converted::new(source, &self.read);
        Ok(Box::new(disk.map_err(|error| error.into_source_error(&name))?))
    }
}

/// The result of a conversion has more bytes than allowed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResultTooLarge {
    #[error("the result of the conversion has {bytes} bytes, more than the limit of {limit}")]
    Known { bytes: u64, limit: u64 },
    /// The conversion stopped at the limit.
    #[error(
        "the result of the conversion has at least {bytes} bytes, more than the limit of {limit}"
    )]
    AtLeast { bytes: u64, limit: u64 },
}

impl ResultTooLarge {
    /// The error of a result that has at least this number of bytes; none if the limit allows them.
    pub(super) fn so_far(bytes: u64, limit: Option<u64>) -> Option<Self> {
        let limit = limit.filter(|limit| bytes > *limit)?;
        Some(ResultTooLarge::AtLeast { bytes, limit })
    }
}

/// Whether a file of this format has the bytes of the disk.
fn is_raw(format: Format) -> bool {
    matches!(
        format,
        Format::Raw | Format::Mbr | Format::Gpt | Format::Iso | Format::Udf | Format::FileSystem
    )
}
