//! ISO 9660 (ECMA-119) and UDF (ECMA-167), detected by their volume descriptors from 32 KiB on.

use crate::detail::Details;
use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{be16, be32, bytes, le16, le32, shown};

/// The offset of the first volume descriptor.
pub(crate) const DESCRIPTORS: usize = 32 << 10;
/// Bytes of a descriptor.
pub(crate) const DESCRIPTOR_BYTES: usize = 2048;
/// Number of descriptors that are examined; more do not fit the head.
const MAX_DESCRIPTORS: usize = 15;

/// A CD as the image service detects it: by the first descriptor.
pub(crate) struct Iso;

impl Inspector for Iso {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let identifier = identifier(stream.head, 0)?;
        if !matches!(&identifier, b"CD001" | b"NSR02" | b"NSR03") {
            return None;
        }
        let at = DESCRIPTORS as u64;
        let mut seen = Seen::unprobed(at + 1, 5);
        let descriptor = descriptor(stream.head, 0)?;
        if &identifier != b"CD001" || !descriptor.starts_with(&[1]) {
            return Some(seen);
        }
        describe(&mut seen.details, stream.head, descriptor);
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
            let text = format!("its volume has {size} bytes, but the file has {length}");
            seen.findings.push(if size > length {
                Finding::warning(FindingId::Truncated, at + 80, text)
            } else {
                // Hybrid CDs, and CDs with several sessions or an appended EFI partition.
                Finding::info(FindingId::InconsistentSize, at + 80, text)
            });
        }
        Some(seen)
    }
}

/// The contents of the first descriptor, and the boot catalog.
fn describe(details: &mut Details, head: &[u8], first: &[u8]) {
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
    if bytes::<16>(first, 813).is_some_and(|date| date.iter().all(u8::is_ascii_digit)) {
        let part = |at, length| shown(first.get(at..at + length).unwrap_or_default());
        let [year, month, day] = [part(813, 4), part(817, 2), part(819, 2)];
        let [hour, minute, second] = [part(821, 2), part(823, 2), part(825, 2)];
        details.text("created", format!("{year}-{month}-{day} {hour}:{minute}:{second}"));
    }
    if let Some(block) = le16(first, 128) {
        details.bytes("block size", block);
        if let Some(blocks) = le32(first, 80) {
            details.bytes("volume size", u64::from(blocks) * u64::from(block));
        }
    }
    let descriptors = || (0..MAX_DESCRIPTORS).filter_map(|n| descriptor(head, n));
    let is_joliet = |d: &[u8]| d.starts_with(&[2]) && d.get(88..90) == Some(b"%/");
    let extensions = [
        (descriptors().any(is_joliet), "Joliet"),
        (descriptors().any(|d| matches!(d.get(1..6), Some(b"NSR02" | b"NSR03"))), "UDF"),
    ];
    let there = extensions.iter().filter(|(is_there, _)| *is_there);
    details.list("extensions", there.map(|(_, name)| (*name).to_owned()).collect());
    let is_boot =
        |d: &&[u8]| d.starts_with(&[0]) && d.get(7..30) == Some(b"EL TORITO SPECIFICATION");
    let Some(catalog) = descriptors().find(is_boot).and_then(|boot| le32(boot, 71)) else { return };
    // The first entry names the firmware; it may be after the kept part.
    let at = usize::try_from(catalog).ok().and_then(|block| block.checked_mul(DESCRIPTOR_BYTES));
    let platform = match at.and_then(|at| bytes(head, at)) {
        Some([1, 0]) => " for PC firmware",
        Some([1, 1]) => " for PowerPC",
        Some([1, 2]) => " for Macintosh",
        Some([1, 0xef]) => " for UEFI",
        _ => "",
    };
    details.text("boot record", format!("El Torito{platform}, catalog at block {catalog}"));
}

/// UDF that the image service does not detect, since its first descriptor is `BEA01`.
pub(crate) struct Udf;

impl Inspector for Udf {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        if Iso.inspect(stream).is_some() {
            return None;
        }
        let is_there = |id: &[u8; 5]| {
            (0..MAX_DESCRIPTORS).find(|&n| identifier(stream.head, n).as_ref() == Some(id))
        };
        is_there(b"BEA01")?;
        let n = is_there(b"NSR02").or_else(|| is_there(b"NSR03"))?;
        let text = "it is UDF without ISO 9660; the image service accepts it as raw, not as iso";
        let offset = (DESCRIPTORS + n * DESCRIPTOR_BYTES + 1) as u64;
        Some(Seen::unprobed(offset, 5).with(Finding::info(FindingId::NoPartition, offset, text)))
    }
}

/// A volume descriptor and the bytes after it; none if it was not read.
fn descriptor(head: &[u8], n: usize) -> Option<&[u8]> {
    head.get(DESCRIPTORS + n * DESCRIPTOR_BYTES..)
}

fn identifier(head: &[u8], n: usize) -> Option<[u8; 5]> {
    bytes(head, DESCRIPTORS + n * DESCRIPTOR_BYTES + 1)
}

#[cfg(test)]
mod tests {
    use super::{DESCRIPTOR_BYTES, DESCRIPTORS};
    use crate::{DetailValue, Detector, Format, Inspection};

    fn inspect(bytes: &[u8]) -> Inspection {
        let mut detector = Detector::new();
        detector.push(bytes);
        detector.finish()
    }

    const BOOT: &[u8] = b"\0CD001\x01EL TORITO SPECIFICATION";

    /// A CD with these descriptors and nothing after them.
    fn image(descriptors: &[&[u8]]) -> Vec<u8> {
        let mut image = vec![0; DESCRIPTORS];
        for descriptor in descriptors {
            image.extend_from_slice(descriptor);
            image.resize(image.len().next_multiple_of(DESCRIPTOR_BYTES), 0);
        }
        image
    }

    #[test]
    fn a_file_may_end_after_any_descriptor() {
        let (primary, boot) = (&b"\x01CD001"[..], BOOT);
        for descriptors in [&[primary][..], &[primary, boot], &[primary; 15]] {
            assert_eq!(inspect(&image(descriptors)).format, Format::Iso);
        }
        let udf = image(&[b"\0BEA01", b"\0NSR02"]);
        assert_eq!(inspect(&udf).matches[0].format, Format::Udf);
    }

    #[test]
    fn a_file_may_end_anywhere_in_its_descriptors() {
        let image = image(&[b"\x01CD001", BOOT, b"\x02CD001"]);
        for length in DESCRIPTORS..=image.len() {
            let is_there = length >= DESCRIPTORS + 6;
            assert_eq!(inspect(&image[..length]).format == Format::Iso, is_there, "{length}");
        }
    }

    #[test]
    fn the_boot_record_names_the_firmware() {
        let mut boot = [0; 75];
        boot[..30].copy_from_slice(BOOT);
        boot[71] = 18;
        let image = image(&[b"\x01CD001", &boot, b"\x01\xef"]);
        let details = inspect(&image).details;
        let record = details.iter().find(|detail| detail.name == "boot record");
        let text = "El Torito for UEFI, catalog at block 18".to_owned();
        assert_eq!(record.map(|detail| &detail.value), Some(&DetailValue::Text(text)));
    }
}
