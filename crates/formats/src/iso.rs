//! ISO 9660 (ECMA-119) and UDF (ECMA-167), by their volume descriptors from 32 KiB on.

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{be16, be32, bytes, le16, le32};

/// Where the first volume descriptor is.
pub(crate) const DESCRIPTORS: usize = 32 << 10;
/// Bytes of a descriptor.
pub(crate) const DESCRIPTOR_BYTES: usize = 2048;
/// Descriptors that are looked at; more do not fit the head.
const MOST_DESCRIPTORS: usize = 15;

/// A CD, as the image service knows one: by the first descriptor.
pub(crate) struct Iso;

impl Inspector for Iso {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let identifier = identifier(stream.head, 0)?;
        if !matches!(&identifier, b"CD001" | b"NSR02" | b"NSR03") {
            return None;
        }
        let at = DESCRIPTORS as u64;
        let mut seen = Seen::unprobed(at + 1, 5);
        let descriptor = stream.head.get(DESCRIPTORS..)?;
        if &identifier != b"CD001" || descriptor[0] != 1 {
            return Some(seen);
        }
        let (Some(blocks), Some(block)) = (le32(descriptor, 80), le16(descriptor, 128)) else {
            return Some(seen);
        };
        let both = be32(descriptor, 84) == Some(blocks) && be16(descriptor, 130) == Some(block);
        let text = "the sizes in the two byte orders differ";
        seen.warn(!both, FindingId::InconsistentSize, at + 80, text);
        let size = u64::from(blocks) * u64::from(block);
        if let Some(length) = stream.length
            && length != size
        {
            let text = format!("its volume has {size} bytes, the file {length}");
            seen.findings.push(if size > length {
                Finding::warning(FindingId::Truncated, at + 80, text)
            } else {
                // Hybrid CDs, those with sessions or an EFI partition appended.
                Finding::info(FindingId::InconsistentSize, at + 80, text)
            });
        }
        Some(seen)
    }
}

/// UDF of which the image service sees nothing, as its first descriptor is `BEA01`.
pub(crate) struct Udf;

impl Inspector for Udf {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        if Iso.inspect(stream).is_some() {
            return None;
        }
        let is_there = |id: &[u8; 5]| {
            (0..MOST_DESCRIPTORS).find(|&n| identifier(stream.head, n).as_ref() == Some(id))
        };
        is_there(b"BEA01")?;
        let n = is_there(b"NSR02").or_else(|| is_there(b"NSR03"))?;
        let text = "UDF alone; the image service takes it as raw, not as iso";
        let offset = (DESCRIPTORS + n * DESCRIPTOR_BYTES + 1) as u64;
        Some(Seen::unprobed(offset, 5).with(Finding::info(FindingId::NoPartition, offset, text)))
    }
}

fn identifier(head: &[u8], n: usize) -> Option<[u8; 5]> {
    bytes(head, DESCRIPTORS + n * DESCRIPTOR_BYTES + 1)
}
