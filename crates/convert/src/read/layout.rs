//! What every format answers.

use crate::error::ConvertError;
use crate::input::Input;

/// The layout of a disk in its image.
pub(crate) trait Layout: Send {
    /// The size of the disk in bytes, as qemu presents it.
    fn size(&self) -> u64;

    /// The extent that begins at byte `guest` of the disk, which is smaller than the size. It is never empty,
    /// and may end after the disk.
    ///
    /// # Errors
    ///
    /// A table cannot be read, or an entry is invalid.
    fn extent(&mut self, guest: u64, input: &mut dyn Input) -> Result<Extent, ConvertError>;

    /// The size of the largest compressed cluster after decompression, in bytes; 0 if there are none.
    fn compressed_bytes(&self) -> u64 {
        0
    }

    /// Prepares for another pass from the start.
    fn restart(&mut self) {}

    /// Checks what follows the last extent, after all were read.
    ///
    /// # Errors
    ///
    /// The image contradicts what was read.
    fn finish(&mut self, input: &mut dyn Input) -> Result<(), ConvertError> {
        let _ = input;
        Ok(())
    }

    /// What the image has in addition to the disk.
    fn lost(&self) -> Lost {
        Lost::default()
    }
}

/// What an image has in addition to its disk, which a conversion loses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Internal snapshots, which may contain the state of a machine.
    pub(crate) snapshots: u32,
    /// Whether there are bitmaps of changed clusters.
    pub(crate) has_bitmaps: bool,
}

/// Contiguous bytes of the disk with the same kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Bytes of the disk.
    pub(crate) length: u64,
    /// Where they are.
    pub(crate) content: Content,
}

/// Where the bytes of an extent are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Zeros, since nothing was written there.
    Hole,
    /// Zeros that were written as such.
    Zero,
    /// At this offset in the image.
    Stored(u64),
    /// In a compressed cluster.
    Compressed(CompressedCluster),
}

/// A compressed cluster in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompressedCluster {
    /// Its offset in the image.
    pub(crate) host: u64,
    /// The maximum number of its bytes in the image. The compressed stream may end earlier, and the image may
    /// end after the stream.
    pub(crate) stored: u64,
    /// Its size after decompression, in bytes.
    pub(crate) unpacked: u64,
    /// Bytes of it before the extent.
    pub(crate) skip: u64,
    /// How it is compressed.
    pub(crate) codec: Codec,
}

/// A compression method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Raw deflate, whose output fills the cluster. What follows is ignored.
    Deflate,
    /// zlib with its header and checksum. The output may be shorter than the cluster.
    Zlib,
    /// zstd, whose output fills the cluster. What follows the frame is ignored.
    Zstd,
}

impl Extent {
    pub(crate) fn new(length: u64, content: Content) -> Self {
        Extent { length, content }
    }
}
