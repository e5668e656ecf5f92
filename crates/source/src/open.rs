//! Opening a file, a pipe, the standard input or an address.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{FileType, Metadata};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::address::shown_text;
use crate::blocking::off_runtime;
use crate::compression::{Compression, MAGIC_BYTES};
use crate::decompress::Decompressed;
use crate::error::SourceError;
use crate::file_name::{decompressed_name, file_name, image_name};
use crate::http::HttpOptions;
#[cfg(feature = "http")]
use crate::http::HttpSource;
use crate::local::FileSource;
#[cfg(all(target_os = "linux", feature = "mmap"))]
use crate::local::MappedSource;
use crate::source::{Peek, Source};
use crate::stream::ReaderSource;

/// Options for opening a source.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SourceOptions {
    /// Method of reading a file.
    pub io: Io,
    /// Whether gzip, xz, zstd and bzip2 are decompressed. They are recognised by their first bytes. Only one
    /// layer is decompressed.
    pub decompress: bool,
    /// The maximum size of a compressed source after decompression, in bytes; no limit by default.
    pub max_bytes: Option<u64>,
    /// The size that the source must have, compressed or not, in bytes.
    pub size: Option<u64>,
    /// Options of the requests for an address.
    pub http: HttpOptions,
}

/// The method of reading a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Io {
    /// Read into buffers of the pool.
    #[default]
    Read,
    /// Mapped into memory, without copying. Linux only. Compressed files, and sources that are not files,
    /// are read as by `Read`.
    Mmap,
}

impl Io {
    /// The value of the command-line option.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Io::Read => "read",
            Io::Mmap => "mmap",
        }
    }
}

impl std::fmt::Display for Io {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Opens a source by its name: `-` is the standard input, `http://…` and `https://…` are addresses, a pipe
/// or a character device is a stream, anything else is a file.
///
/// # Errors
///
/// [`SourceError`]: missing, not readable, a directory; the server is unreachable or refuses.
///
/// # Cancel safety
/// A source that is being opened is closed again.
pub async fn open(place: &Path, options: &SourceOptions) -> Result<Box<dyn Source>, SourceError> {
    let (place, options) = (place.to_owned(), options.clone());
    let name = shown(&place).to_string_lossy().into_owned();
    off_runtime(move || open_blocking(&place, &options))
        .await
        .map_err(|source| SourceError::NoThread { name, source })?
}

/// [`open`] for threads outside an async runtime.
///
/// # Errors
///
/// As [`open`].
///
/// # Panics
///
/// For an address, inside an async runtime.
pub fn open_blocking(
    place: &Path,
    options: &SourceOptions,
) -> Result<Box<dyn Source>, SourceError> {
    if place.as_os_str() == "-" {
        let source = options.sized(ReaderSource::new("standard input", std::io::stdin()));
        return options.decompressed(source, |source| Ok(Box::new(source)));
    }
    if let Some(address) = address(place) {
        return web(address, options);
    }
    let name = place.display().to_string();
    let failed = |source| SourceError::Open { name: name.clone(), source };
    let kind = std::fs::metadata(place).map_err(failed)?.file_type();
    if is_stream(kind) {
        let file = std::fs::File::open(place).map_err(failed)?;
        let source = options.sized(ReaderSource::new(name, file));
        return options.decompressed(source, |source| Ok(Box::new(source)));
    }
    let file = FileSource::open(place)?;
    if let (Some(expected), Some(found)) = (options.size, file.size())
        && expected != found
    {
        return Err(SourceError::Size { name, expected, found });
    }
    options.decompressed(file, |file| match options.io {
        Io::Read => Ok(Box::new(file)),
        Io::Mmap => mapped(file),
    })
}

/// Whether the name is an http or https address.
#[must_use]
pub fn is_address(place: &Path) -> bool {
    address(place).is_some()
}

/// The name for messages: an address without its secrets, anything else unchanged.
#[must_use]
pub fn shown(place: &Path) -> Cow<'_, OsStr> {
    match address(place) {
        Some(address) => Cow::Owned(shown_text(address).into()),
        None => Cow::Borrowed(place.as_os_str()),
    }
}

fn address(place: &Path) -> Option<&str> {
    let text = place.to_str()?;
    let (scheme, _) = text.split_once("://")?;
    let is_known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    is_known.then_some(text)
}

impl SourceOptions {
    /// Sets how a file is read.
    #[must_use]
    pub fn with_io(mut self, io: Io) -> Self {
        self.io = io;
        self
    }

    /// Sets whether a compressed source is decompressed.
    #[must_use]
    pub fn with_decompress(mut self, is_on: bool) -> Self {
        self.decompress = is_on;
        self
    }

    /// Limits the size of a compressed source after decompression, in bytes.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Sets the size that the source must have, compressed or not, in bytes. It marks the end of an address
    /// whose server does not report a size.
    #[must_use]
    pub fn with_size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// Sets how an address is read.
    #[must_use]
    pub fn with_http(mut self, http: HttpOptions) -> Self {
        self.http = http;
        self
    }

    /// The name that an image of this file gets by default, without opening the file: one with the extension of
    /// a compression format is taken for compressed. None for the standard input, and for an address, which may
    /// be redirected to another name.
    #[must_use]
    pub fn image_name(&self, place: &Path) -> Option<String> {
        if place.as_os_str() == "-" || is_address(place) {
            return None;
        }
        let file = file_name(&place.display().to_string())?;
        let plain = if self.decompress { decompressed_name(&file) } else { &file };
        Some(image_name(plain))
    }

    fn sized<R: std::io::Read + Send>(&self, source: ReaderSource<R>) -> ReaderSource<R> {
        match self.size {
            Some(bytes) => source.with_size(bytes),
            None => source,
        }
    }

    /// Decompresses the source if it is compressed and decompression is on; otherwise returns the result of
    /// `plain`.
    fn decompressed<S: Peek + 'static>(
        &self,
        mut source: S,
        plain: impl FnOnce(S) -> Result<Box<dyn Source>, SourceError>,
    ) -> Result<Box<dyn Source>, SourceError> {
        if !self.decompress {
            return plain(source);
        }
        let mut start = [0; MAGIC_BYTES];
        let count = source.peek(&mut start)?;
        let Some(compression) = start.get(..count).and_then(Compression::of) else {
            return plain(source);
        };
        tracing::info!(source = source.name(), %compression, "unpacking");
        let decompressed = Decompressed::new(Box::new(source), compression)?;
        Ok(Box::new(match self.max_bytes {
            Some(bytes) => decompressed.with_max_bytes(bytes),
            None => decompressed,
        }))
    }
}

#[cfg(feature = "http")]
fn web(address: &str, options: &SourceOptions) -> Result<Box<dyn Source>, SourceError> {
    let mut http = options.http.clone();
    if let Some(bytes) = options.size {
        http = http.with_size(bytes);
    }
    let source = HttpSource::open(address, &http)?;
    options.decompressed(source, |source| Ok(Box::new(source)))
}

#[cfg(not(feature = "http"))]
fn web(address: &str, _: &SourceOptions) -> Result<Box<dyn Source>, SourceError> {
    Err(SourceError::Unsupported { name: shown_text(address), feature: "http" })
}

#[cfg(all(target_os = "linux", feature = "mmap"))]
fn mapped(file: FileSource) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(MappedSource::new(file)?))
}

#[cfg(not(all(target_os = "linux", feature = "mmap")))]
#[expect(clippy::needless_pass_by_value, reason = "it is consumed where files can be mapped")]
fn mapped(file: FileSource) -> Result<Box<dyn Source>, SourceError> {
    if cfg!(target_os = "linux") {
        return Err(SourceError::Unsupported { name: file.name().to_owned(), feature: "mmap" });
    }
    let source = std::io::Error::other("files are mapped on Linux only");
    Err(SourceError::Open { name: file.name().to_owned(), source })
}

/// Returns whether a place is standard input, a pipe or a terminal: its data can be read only once.
#[must_use]
pub fn is_read_once(place: &Path) -> bool {
    let is_pipe = |found: Metadata| is_stream(found.file_type());
    place == Path::new("-") || std::fs::metadata(place).is_ok_and(is_pipe)
}

#[cfg(unix)]
fn is_stream(kind: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    kind.is_fifo() || kind.is_char_device()
}

#[cfg(not(unix))]
fn is_stream(_: FileType) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_image_is_known_before_its_source_is_opened() {
        let mut options = SourceOptions::default();
        for (place, is_decompressed, name) in [
            ("images/noble.qcow2", true, Some("noble")),
            ("images/noble.qcow2.xz", true, Some("noble")),
            ("images/noble.qcow2.xz", false, Some("noble.qcow2.xz")),
            ("https://h/a/noble.img", true, None),
            ("-", true, None),
        ] {
            options.decompress = is_decompressed;
            assert_eq!(options.image_name(Path::new(place)).as_deref(), name, "{place}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_secrets_and_a_file_unchanged() {
        for (place, name) in [
            ("https://user:hunter2@h:8443/a/b.img?sig=hunter2#hunter2", "https://h:8443/a/b.img?…"),
            ("HTTP://hunter2@h/b.img", "http://h/b.img"),
            ("https://user:hunter2@", "https://…"),
            ("./http://h/b.img", "./http://h/b.img"),
            ("disk.img", "disk.img"),
            ("-", "-"),
        ] {
            assert_eq!(&*shown(Path::new(place)), OsStr::new(name));
        }
    }
}
