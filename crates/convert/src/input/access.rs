//! How layouts and the reader get bytes of the image.

use imgpush_source::{Source, SourceError};

use crate::error::ConvertError;

/// The bytes of an image.
pub(crate) trait Input: Send {
    /// Fills `space` with the bytes from `offset` on, and returns their number, which is smaller only at the
    /// end of the image.
    ///
    /// # Errors
    ///
    /// The source cannot be read, or is read once and these bytes have been released.
    fn read(&mut self, offset: u64, space: &mut [u8], reuse: Reuse) -> Result<usize, ConvertError>;

    /// The size of the image in bytes, if it is known.
    fn size(&self) -> Option<u64>;

    /// The source of the image.
    fn source(&self) -> &dyn Source;

    /// The source of the image.
    fn source_mut(&mut self) -> &mut dyn Source;

    /// Makes the next pass possible. Only called if the source can be rewound.
    fn to_start(&mut self) -> Result<(), ConvertError>;

    /// Checks the source. If it has to verify a checksum, the complete image is read, or what is left of it.
    fn finish(&mut self) -> Result<(), SourceError>;

    /// Whether parts of the image are in a temporary file.
    fn is_spooled(&self) -> bool {
        false
    }
}

/// Whether bytes are read again, which decides what a source that is read once keeps of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// Headers: they may be read again.
    Any,
    /// Tables and compressed clusters: their first and last sectors may belong to others, too. The length of a
    /// compressed cluster is known only in sectors.
    Edges,
    /// Clusters: the bytes are not read again.
    None,
}
