//! Compressed files and similar, by the magic at their start. No machine boots from them. qemu and the image
//! service detect a raw disk.

use crate::detail::Details;
use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{le16, le32, le64};

/// A format whose files start with these bytes.
pub(crate) struct Compressed {
    magic: &'static [u8],
    is_archive: bool,
    describe: fn(&[u8], &mut Details),
}

impl Compressed {
    pub(crate) const fn new(magic: &'static [u8]) -> Self {
        Compressed { magic, is_archive: false, describe: |_, _| {} }
    }

    /// Declares that the format contains files.
    pub(crate) const fn of_files(self) -> Self {
        Compressed { is_archive: true, ..self }
    }

    /// Adds the details that its header has.
    pub(crate) const fn with_details(self, describe: fn(&[u8], &mut Details)) -> Self {
        Compressed { describe, ..self }
    }
}

impl Inspector for Compressed {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        stream.head.starts_with(self.magic).then(|| {
            let finding = if self.is_archive {
                Finding::fatal(FindingId::Archive, 0, "it is an archive of files, not a disk")
            } else {
                Finding::fatal(FindingId::Compressed, 0, COMPRESSED)
            };
            let mut seen = Seen::unprobed(0, self.magic.len()).with(finding);
            (self.describe)(stream.head, &mut seen.details);
            seen
        })
    }
}

const COMPRESSED: &str = "it is compressed; no machine can boot from it before decompression";

/// lzma, whose header has no magic: the usual properties, the size of a dictionary as lzma writes it, and the
/// size of the content, which may be unknown.
pub(crate) struct Lzma;

impl Inspector for Lzma {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let dictionary = le32(stream.head, 1)?;
        let size = le64(stream.head, 5)?;
        let is_power = |bytes: u32| bytes >= 4096 && bytes.is_power_of_two();
        // Powers of two, and the numbers in the middle between two of them.
        let is_usual =
            is_power(dictionary) || (dictionary % 3 == 0 && is_power(dictionary / 3 * 2));
        let is_header =
            stream.head.first() == Some(&0x5d) && is_usual && (size == u64::MAX || size < 1 << 48);
        is_header.then(|| {
            Seen::unprobed(0, 3).with(Finding::fatal(FindingId::Compressed, 0, COMPRESSED))
        })
    }
}

/// Adds the name of the file, if the header contains it (RFC 1952).
pub(crate) fn gzip(head: &[u8], details: &mut Details) {
    const HAS_EXTRA: u8 = 4;
    const HAS_NAME: u8 = 8;
    let Some(&flags) = head.get(3) else { return };
    let extra = match flags & HAS_EXTRA {
        0 => 0,
        _ => 2 + usize::from(le16(head, 10).unwrap_or_default()),
    };
    if flags & HAS_NAME != 0 {
        details.field("packed file", head.get(10 + extra..).unwrap_or_default());
    }
}

/// Adds the decompressed size, if the first frame contains it (RFC 8878).
pub(crate) fn zstd(head: &[u8], details: &mut Details) {
    let Some(&descriptor) = head.get(4) else { return };
    let is_single = descriptor & 0x20 != 0;
    let dictionary_bytes = match descriptor & 3 {
        3 => 4,
        bytes => usize::from(bytes),
    };
    let at = 5 + usize::from(!is_single) + dictionary_bytes;
    let size = match descriptor >> 6 {
        0 if is_single => head.get(at).map(|&size| size.into()),
        0 => None,
        1 => le16(head, at).map(|size| u64::from(size) + 256),
        2 => le32(head, at).map(u64::from),
        _ => le64(head, at),
    };
    if let Some(size) = size {
        details.bytes("unpacked size", size);
    }
}

/// Adds the name of the first file.
pub(crate) fn zip(head: &[u8], details: &mut Details) {
    let length = usize::from(le16(head, 26).unwrap_or_default());
    details.field("first member", head.get(30..30 + length).unwrap_or_default());
}
