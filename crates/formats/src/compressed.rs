//! Compressed files and similar, by the magic at their start. No machine boots from them. qemu and the image
//! service detect a raw disk.

use crate::detail::Details;
use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{le16, le32, le64};

/// A format whose files start with these bytes.
pub(crate) struct Compressed {
    magic: &'static [u8],
    describe: fn(&[u8], &mut Details),
}

impl Compressed {
    pub(crate) const fn new(magic: &'static [u8]) -> Self {
        Compressed { magic, describe: |_, _| {} }
    }

    /// Adds the details that its header has.
    pub(crate) const fn with_details(self, describe: fn(&[u8], &mut Details)) -> Self {
        Compressed { describe, ..self }
    }
}

impl Inspector for Compressed {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        stream.head.starts_with(self.magic).then(|| {
            let text = "it is compressed; no machine can boot from it before decompression";
            let finding = Finding::fatal(FindingId::Compressed, 0, text);
            let mut seen = Seen::unprobed(0, self.magic.len()).with(finding);
            (self.describe)(stream.head, &mut seen.details);
            seen
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
