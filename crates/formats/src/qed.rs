//! QED (`docs/interop/qed_spec.txt`, `block/qed.c`): qemu supports it, the image service refuses it.

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{SECTOR, le32, le64};

const BACKING_FILE: u64 = 1;
const NEED_CHECK: u64 = 1 << 1;
const RAW_BACKING: u64 = 1 << 2;

/// QEMU enhanced disk.
pub(crate) struct Qed;

impl Inspector for Qed {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        if stream.header::<4>()? != *b"QED\0" {
            return None;
        }
        let text = "the image service does not accept qed";
        let mut seen = Seen::new(0, 4).with(Finding::fatal(FindingId::ServiceUnsupported, 0, text));
        let Some(head) = &stream.header::<64>() else { return Some(seen.cut_off(stream)) };
        let (Some(cluster), Some(table), Some(header), Some(features), Some(l1), Some(size)) = (
            le32(head, 4),
            le32(head, 8),
            le32(head, 12),
            le64(head, 16),
            le64(head, 40),
            le64(head, 48),
        ) else {
            return Some(seen.cut_off(stream));
        };
        let (Some(name), Some(name_bytes)) = (le32(head, 56), le32(head, 60)) else {
            return Some(seen.cut_off(stream));
        };
        seen.virtual_size = Some(size);
        seen.details.bytes("cluster size", cluster);
        seen.details.number("table clusters", table);
        let known = BACKING_FILE | NEED_CHECK | RAW_BACKING;
        if features & !known != 0 {
            let text = format!(
                "it requires features that qemu does not support: {:#x}",
                features & !known
            );
            let finding = Finding::fatal(FindingId::UnknownFeatures, 16, text);
            seen.findings.push(finding.stopping_qemu());
        }
        let is_sound_cluster = cluster.is_power_of_two() && (12..=26).contains(&cluster.ilog2());
        // The specification allows tables of one cluster; qemu reports an overflow for them.
        let is_sound_table = matches!(table, 2 | 4 | 8 | 16);
        seen.refuse(!is_sound_cluster, 4, format!("clusters of {cluster} bytes are not valid"));
        seen.refuse(!is_sound_table, 8, format!("tables of {table} clusters are not valid"));
        seen.refuse(
            size % SECTOR != 0,
            48,
            format!("a size of {size} bytes is not a multiple of a sector"),
        );
        if is_sound_cluster && is_sound_table {
            let (cluster, table) = (u64::from(cluster), u64::from(table));
            // At most 16 * 2^26 / 8 = 2^27 entries per table, so the product fits 128 bits.
            let entries = u128::from(table * cluster / 8);
            let most = entries * entries * u128::from(cluster);
            seen.refuse(
                u128::from(size) > most,
                48,
                format!("a disk of {size} bytes does not fit into the tables"),
            );
            let text =
                format!("l1_table_offset {l1} is inside the header or does not begin at a cluster");
            let header_bytes = u64::from(header) * cluster;
            seen.refuse(l1 % cluster != 0 || l1 < header_bytes, 40, text);
            let text = "the L1 table ends after the end of the file";
            seen.refuse(stream.lacks(l1.checked_add(table * cluster)), 40, text);
            if features & BACKING_FILE != 0 {
                let end = u64::from(name) + u64::from(name_bytes);
                let text = "the name of the backing file is longer than the header";
                seen.refuse(end > header_bytes, 56, text);
            }
        }
        if features & BACKING_FILE != 0 {
            let length = usize::try_from(name_bytes).unwrap_or(usize::MAX);
            seen.details.field("backing file", stream.from(name.into(), length));
            seen.details
                .text("backing format", if features & RAW_BACKING == 0 { "" } else { "raw" });
            let text = "it needs a backing file, which the service would read";
            seen.findings.push(Finding::fatal(FindingId::BackingFile, 16, text));
        }
        if features & NEED_CHECK != 0 {
            let text = "it was not closed properly";
            seen.findings.push(Finding::info(FindingId::NotClosed, 16, text));
        }
        Some(seen)
    }
}
