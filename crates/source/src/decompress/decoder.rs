//! The decoders of the compression formats, each around a compressed input.

use std::io::Read;

#[cfg(feature = "bzip2")]
use bzip2::bufread::MultiBzDecoder;
#[cfg(feature = "xz")]
use liblzma::bufread::XzDecoder;
#[cfg(feature = "xz")]
use liblzma::stream::{CONCATENATED, Error as XzError, Stream, TELL_UNSUPPORTED_CHECK};
#[cfg(feature = "zstd")]
use zstd::stream::read::Decoder as ZstdDecoder;

use super::gzip::Gzip;
use super::input::Input;
use crate::compression::Compression;
use crate::source::Source;

/// The maximum window of a decoder.
///
/// It is the default limit of zstd, and twice what `xz -9` needs. The window comes on top of the memory
/// budget: most files need 8 MiB.
pub(super) const DICTIONARY_BYTES: u64 = 1 << DICTIONARY_LOG;
const DICTIONARY_LOG: u32 = 27;
/// Memory that xz needs besides the dictionary.
#[cfg(feature = "xz")]
const XZ_BYTES: u64 = 1 << 20;

/// A decoder of one format around its compressed input.
pub(super) trait Decoder: Read + Send {
    fn input(&mut self) -> &mut Input;

    /// The source of the compressed bytes.
    fn source(&self) -> &dyn Source;

    /// Bytes after the compressed data that were ignored, once everything is read.
    fn ignored(&self) -> u64 {
        0
    }
}

impl Decoder for Gzip {
    fn input(&mut self) -> &mut Input {
        self.input()
    }

    fn source(&self) -> &dyn Source {
        self.source()
    }

    fn ignored(&self) -> u64 {
        self.ignored()
    }
}

#[cfg(feature = "xz")]
impl Decoder for XzDecoder<Input> {
    fn input(&mut self) -> &mut Input {
        self.get_mut()
    }

    fn source(&self) -> &dyn Source {
        &*self.get_ref().source
    }
}

#[cfg(feature = "zstd")]
impl Decoder for ZstdDecoder<'static, Input> {
    fn input(&mut self) -> &mut Input {
        self.get_mut()
    }

    fn source(&self) -> &dyn Source {
        &*self.get_ref().source
    }
}

#[cfg(feature = "bzip2")]
impl Decoder for MultiBzDecoder<Input> {
    fn input(&mut self) -> &mut Input {
        self.get_mut()
    }

    fn source(&self) -> &dyn Source {
        &*self.get_ref().source
    }
}

pub(super) fn decoder(compression: Compression, input: Input) -> std::io::Result<Box<dyn Decoder>> {
    Ok(match compression {
        Compression::Gzip => Box::new(Gzip::new(input)),
        #[cfg(feature = "xz")]
        Compression::Xz => {
            let flags = CONCATENATED | TELL_UNSUPPORTED_CHECK;
            let stream = Stream::new_stream_decoder(DICTIONARY_BYTES + XZ_BYTES, flags)?;
            Box::new(XzDecoder::new_stream(input, stream))
        }
        #[cfg(feature = "zstd")]
        Compression::Zstd => {
            let mut decoder = ZstdDecoder::with_buffer(input)?;
            decoder.window_log_max(DICTIONARY_LOG)?;
            Box::new(decoder)
        }
        #[cfg(feature = "bzip2")]
        Compression::Bzip2 => Box::new(MultiBzDecoder::new(input)),
        #[cfg(not(all(feature = "xz", feature = "zstd", feature = "bzip2")))]
        _ => return Err(std::io::ErrorKind::Unsupported.into()),
    })
}

/// Whether a decoder failed because the data needs a larger window than allowed.
pub(super) fn exceeds_memory(error: &std::io::Error) -> bool {
    #[cfg(feature = "xz")]
    if let Some(XzError::MemLimit) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return true;
    }
    // The crate zstd reports it only in this text.
    error.to_string().contains("too much memory")
}
