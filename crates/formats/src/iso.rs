//! ISO 9660 (ECMA-119) and UDF (ECMA-167), by their volume descriptors from 32 KiB on.

use crate::detail::Details;
use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{be16, be32, bytes, le16, le32, shown};

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
        tell(&mut seen.details, stream.head);
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

/// What the first descriptor says of the CD, and what it boots.
fn tell(details: &mut Details, head: &[u8]) {
    let first = &head[DESCRIPTORS..];
    for (name, at, length) in [
        ("volume", 40, 32),
        ("system", 8, 32),
        ("volume set", 190, 128),
        ("publisher", 318, 128),
        ("preparer", 446, 128),
        ("application", 574, 128),
    ] {
        details.field(name, first.get(at..at + length).unwrap_or_default());
    }
    if let Some(date) = first.get(813..829).filter(|date| date.iter().all(u8::is_ascii_digit)) {
        let part = |range: std::ops::Range<usize>| shown(&date[range]);
        let [year, month, day] = [part(0..4), part(4..6), part(6..8)];
        let [hour, minute, second] = [part(8..10), part(10..12), part(12..14)];
        details.text("created", format!("{year}-{month}-{day} {hour}:{minute}:{second}"));
    }
    if let Some(block) = le16(first, 128) {
        details.bytes("block size", block);
        if let Some(blocks) = le32(first, 80) {
            details.bytes("volume size", u64::from(blocks) * u64::from(block));
        }
    }
    let descriptor = |n: usize| head.get(DESCRIPTORS + n * DESCRIPTOR_BYTES..);
    let descriptors = || (0..MOST_DESCRIPTORS).filter_map(descriptor);
    let extensions = [
        (descriptors().any(|d| d[0] == 2 && d.get(88..90) == Some(b"%/")), "Joliet"),
        (descriptors().any(|d| matches!(d.get(1..6), Some(b"NSR02" | b"NSR03"))), "UDF"),
    ];
    let there = extensions.iter().filter(|(is_there, _)| *is_there);
    details.list("extensions", there.map(|(_, name)| (*name).to_owned()).collect());
    let boot =
        descriptors().find(|d| d[0] == 0 && d.get(7..30) == Some(b"EL TORITO SPECIFICATION"));
    let Some(catalog) = boot.and_then(|boot| le32(boot, 71)) else { return };
    // The first entry says for which firmware; it may lie behind what is kept.
    let at = usize::try_from(catalog).ok().and_then(|block| block.checked_mul(DESCRIPTOR_BYTES));
    let platform = at.and_then(|at| head.get(at..at + 2)).filter(|entry| entry[0] == 1);
    let platform = match platform.map(|entry| entry[1]) {
        Some(0) => " for PC firmware",
        Some(1) => " for PowerPC",
        Some(2) => " for Macintosh",
        Some(0xef) => " for UEFI",
        _ => "",
    };
    details.text("boot record", format!("El Torito{platform}, catalog at block {catalog}"));
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
