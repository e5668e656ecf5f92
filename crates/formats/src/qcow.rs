//! qcow version 1 (`block/qcow.c`): qemu supports it, the image service calls it an unsupported qcow2.

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{MAX_OFFSET, SECTOR, be32, be64, bytes};

/// qemu's limit for the name of a backing file.
const MAX_NAME_BYTES: u32 = 1023;

/// Version 1.
pub(crate) struct Qcow;

impl Inspector for Qcow {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let head = stream.head;
        if !head.starts_with(b"QFI\xfb") || be32(head, 4) != Some(1) {
            return None;
        }
        let text = "the image service does not accept qcow";
        let mut seen = Seen::new(0, 8).with(Finding::fatal(FindingId::ServiceUnsupported, 4, text));
        let Some(head) = &stream.header::<48>() else { return Some(seen.cut_off(stream)) };
        let (Some(backing), Some(backing_bytes), Some(size), Some(bits), Some(crypt), Some(l1)) = (
            be64(head, 8),
            be32(head, 16),
            be64(head, 24),
            bytes::<2>(head, 32),
            be32(head, 36),
            be64(head, 40),
        ) else {
            return Some(seen.cut_off(stream));
        };
        seen.virtual_size = Some(size / SECTOR * SECTOR);
        let [cluster_bits, l2_bits] = bits;
        if let Some(cluster) = 1u64.checked_shl(cluster_bits.into()) {
            seen.details.bytes("cluster size", cluster);
        }
        seen.details.text("encryption", if crypt == 0 { "" } else { "AES, the old way" });
        seen.refuse(size <= 1, 24, format!("a disk of {size} bytes is too small"));
        let text = format!("cluster_bits is {cluster_bits}, not 9 to 16");
        seen.refuse(!(9..=16).contains(&cluster_bits), 32, text);
        seen.refuse(!(6..=13).contains(&l2_bits), 33, format!("l2_bits is {l2_bits}, not 6 to 13"));
        seen.refuse(crypt > 1, 36, format!("encryption {crypt} is not supported"));
        for (name, at, offset) in [("the backing file", 8, backing), ("the L1 table", 40, l1)] {
            seen.refuse(offset > MAX_OFFSET, at, format!("{name} is after the end of any file"));
        }
        if (9..=16).contains(&cluster_bits) && (6..=13).contains(&l2_bits) {
            let l1_entries = size.div_ceil(1 << (cluster_bits + l2_bits));
            let text = format!("it needs {l1_entries} L1 entries, more than qemu supports");
            seen.refuse(l1_entries > i32::MAX as u64 / 8, 24, text);
            let l1_end = l1_entries.checked_mul(8).and_then(|bytes| l1.checked_add(bytes));
            let text = "the L1 table ends after the end of the file";
            seen.warn(stream.lacks(l1_end), FindingId::Truncated, 40, text);
        }
        if backing != 0 {
            let length = usize::try_from(backing_bytes.min(MAX_NAME_BYTES)).unwrap_or(0);
            seen.details.field("backing file", stream.from(backing, length));
            let text = "it needs a backing file, which the service would read";
            seen.findings.push(Finding::fatal(FindingId::BackingFile, 8, text));
            let text = format!("the name of the backing file has {backing_bytes} bytes");
            seen.refuse(backing_bytes > MAX_NAME_BYTES, 16, text);
        }
        if crypt != 0 {
            seen.findings.push(Finding::info(FindingId::Encrypted, 36, "the data is encrypted"));
        }
        Some(seen)
    }
}
