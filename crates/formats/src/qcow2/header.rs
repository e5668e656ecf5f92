//! The header: its fields, and the limits within which qemu opens an image.

use super::tables::Layout;
use crate::detail::Details;
use crate::finding::{Finding, FindingId};
use crate::inspect::{Seen, Stream};
use crate::on_disk::{be32, be64};
use crate::units::HostOffset;

/// `header_length` of version 2, which has no such field.
const V2_BYTES: u32 = 72;
/// The minimum `header_length` of version 3.
const V3_BYTES: u32 = 104;
/// qemu's `QCOW_MAX_L1_SIZE`.
const MAX_L1_BYTES: u64 = 32 << 20;
/// qemu's `QCOW_MAX_REFTABLE_SIZE`.
const MAX_REFCOUNT_TABLE_BYTES: u64 = 8 << 20;
/// The minimum size of a snapshot in its table.
const SNAPSHOT_BYTES: u64 = 40;
/// qemu's `QCOW_MAX_SNAPSHOTS`.
const MAX_SNAPSHOTS: u32 = 65_536;
/// qemu's `MIN_CLUSTER_BITS` and `MAX_CLUSTER_BITS`.
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;
/// With extended L2 a cluster has 32 subclusters of at least a sector.
const MIN_EXTENDED_CLUSTER_BITS: u32 = 14;
/// qemu's limit for the name of a backing file.
const MAX_NAME_BYTES: u64 = 1023;

/// The header of version 2 or 3, as stored.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub(super) version: u32,
    pub(super) backing_file_offset: u64,
    backing_file_size: u32,
    cluster_bits: u32,
    /// Size of the disk inside in bytes, as stored.
    size: u64,
    pub(super) crypt_method: u32,
    l1_size: u32,
    l1_table_offset: u64,
    refcount_table_offset: u64,
    refcount_table_clusters: u32,
    nb_snapshots: u32,
    snapshots_offset: u64,
    pub(super) incompatible: Incompatible,
    compatible: u64,
    autoclear: u64,
    refcount_order: u32,
    header_length: u32,
    compression_type: u8,
}

/// The features that a reader must support.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incompatible(u64);

impl Incompatible {
    pub(super) const DIRTY: u64 = 1;
    pub(super) const CORRUPT: u64 = 1 << 1;
    pub(super) const DATA_FILE: u64 = 1 << 2;
    const COMPRESSION_TYPE: u64 = 1 << 3;
    pub(super) const EXTENDED_L2: u64 = 1 << 4;

    pub(super) fn contains(self, feature: u64) -> bool {
        self.0 & feature != 0
    }

    /// The bits that qemu does not support.
    pub(super) fn unknown(self) -> u64 {
        self.0 & !(Self::EXTENDED_L2 | (Self::EXTENDED_L2 - 1))
    }
}

impl Header {
    /// Reads the header from the first bytes of an image, without judging it. Returns `None` if the bytes end
    /// within it.
    #[must_use]
    pub fn read(head: &[u8]) -> Option<Self> {
        let version = be32(head, 4)?;
        let extended = version >= 3;
        let header_length = if extended { be32(head, 100)? } else { V2_BYTES };
        let has_compression_type = extended && header_length > V3_BYTES;
        Some(Header {
            version,
            backing_file_offset: be64(head, 8)?,
            backing_file_size: be32(head, 16)?,
            cluster_bits: be32(head, 20)?,
            size: be64(head, 24)?,
            crypt_method: be32(head, 32)?,
            l1_size: be32(head, 36)?,
            l1_table_offset: be64(head, 40)?,
            refcount_table_offset: be64(head, 48)?,
            refcount_table_clusters: be32(head, 56)?,
            nb_snapshots: be32(head, 60)?,
            snapshots_offset: be64(head, 64)?,
            incompatible: Incompatible(if extended { be64(head, 72)? } else { 0 }),
            compatible: if extended { be64(head, 80)? } else { 0 },
            autoclear: if extended { be64(head, 88)? } else { 0 },
            refcount_order: if extended { be32(head, 96)? } else { 4 },
            header_length,
            compression_type: if has_compression_type { *head.get(104)? } else { 0 },
        })
    }

    /// Returns the version, as stored.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Returns whether compressed clusters are zstd instead of deflate.
    #[must_use]
    pub fn is_zstd(&self) -> bool {
        self.compression_type == 1
    }

    /// Returns the number of internal snapshots.
    #[must_use]
    pub fn snapshots(&self) -> u32 {
        self.nb_snapshots
    }

    /// Returns whether the image has bitmaps of changed clusters.
    #[must_use]
    pub fn has_bitmaps(&self) -> bool {
        self.autoclear & 1 != 0
    }

    /// Returns the size of the disk in bytes as a machine sees it in qemu: complete sectors.
    #[must_use]
    pub fn virtual_size(&self) -> u64 {
        self.size / 512 * 512
    }

    /// Returns the layout of its tables, or `None` if the size of a cluster is impossible.
    #[must_use]
    pub fn layout(&self) -> Option<Layout> {
        let is_extended = self.incompatible.contains(Incompatible::EXTENDED_L2);
        let least = if is_extended { MIN_EXTENDED_CLUSTER_BITS } else { *CLUSTER_BITS.start() };
        let is_sound = self.cluster_bits >= least && self.has_valid_cluster_size();
        is_sound.then(|| Layout::new(self.cluster_bits, is_extended, self.version >= 3))
    }

    /// Returns the offset and the number of entries of the L1 table.
    #[must_use]
    pub fn l1_table(&self) -> (HostOffset, u32) {
        (HostOffset(self.l1_table_offset), self.l1_size)
    }

    pub(super) fn has_valid_cluster_size(&self) -> bool {
        CLUSTER_BITS.contains(&self.cluster_bits)
    }

    /// The range of the extensions: from the end of the header to the backing file's name, or to the end of
    /// the first cluster. The cluster size must be valid.
    pub(super) fn extension_area(&self) -> std::ops::Range<u64> {
        let end = match self.backing_file_offset {
            0 => self.cluster_bytes(),
            offset => offset.min(self.cluster_bytes()),
        };
        u64::from(self.header_length)..end
    }

    /// The name of the backing file, if qemu would read it from there.
    pub(super) fn backing_file<'a>(&self, head: &'a [u8]) -> Option<&'a [u8]> {
        let start = usize::try_from(self.backing_file_offset).ok()?;
        let length = usize::try_from(self.backing_file_size).ok()?;
        head.get(start..start.checked_add(length)?)
    }

    pub(super) fn cluster_bytes(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Adds the layout to the details.
    pub(super) fn describe(&self, details: &mut Details) {
        if self.has_valid_cluster_size() {
            details.bytes("cluster size", self.cluster_bytes());
        }
        details.text("compression", if self.compression_type == 1 { "zstd" } else { "zlib" });
        if let Some(bits) = 1u64.checked_shl(self.refcount_order) {
            details.number("refcount bits", bits);
        }
        let features = [
            (self.compatible & 1 != 0, "lazy refcounts"),
            (self.incompatible.contains(Incompatible::EXTENDED_L2), "extended L2"),
            (self.incompatible.contains(Incompatible::DATA_FILE), "data file"),
            (self.autoclear & 2 != 0, "raw data file"),
            (self.autoclear & 1 != 0, "bitmaps"),
            (self.incompatible.contains(Incompatible::DIRTY), "dirty"),
            (self.incompatible.contains(Incompatible::CORRUPT), "corrupt"),
        ];
        let set = features.iter().filter(|(is_set, _)| *is_set);
        details.list("features", set.map(|(_, name)| (*name).to_owned()).collect());
        if self.nb_snapshots != 0 {
            details.number("snapshots", self.nb_snapshots);
        }
        details.text(
            "encryption",
            match self.crypt_method {
                0 => "",
                1 => "AES, the old way",
                2 => "LUKS",
                _ => "unknown",
            },
        );
    }

    /// Adds every reason for which qemu refuses the image, and a finding if the L1 table is not in the file.
    pub(super) fn judge(&self, seen: &mut Seen, stream: &Stream<'_>) {
        let mut refuse = |is_wrong: bool, offset: u64, text: String| {
            seen.refuse(is_wrong, offset, text);
        };
        refuse(self.version > 3, 4, format!("version {} is not supported", self.version));
        refuse(
            self.crypt_method > 2,
            32,
            format!("encryption {} is not supported", self.crypt_method),
        );
        refuse(self.refcount_order > 6, 96, format!("refcount_order is {}", self.refcount_order));
        refuse(
            self.nb_snapshots > MAX_SNAPSHOTS,
            60,
            format!("{} snapshots are more than qemu supports", self.nb_snapshots),
        );
        let cluster_bits = self.cluster_bits;
        if !self.has_valid_cluster_size() {
            refuse(true, 20, format!("cluster_bits is {cluster_bits}, not 9 to 21"));
            // All further checks count in clusters.
            return;
        }
        let cluster = self.cluster_bytes();
        let extended_l2 = self.incompatible.contains(Incompatible::EXTENDED_L2);
        refuse(
            extended_l2 && cluster_bits < MIN_EXTENDED_CLUSTER_BITS,
            20,
            format!("cluster_bits is {cluster_bits}, too few for extended L2 entries"),
        );
        let l1_bytes = u64::from(self.l1_size) * 8;
        let refcount_bytes = u64::from(self.refcount_table_clusters) * cluster;
        let snapshot_bytes = u64::from(self.nb_snapshots) * SNAPSHOT_BYTES;
        for (name, offset, value, length) in [
            ("l1_table_offset", 40, self.l1_table_offset, l1_bytes),
            ("refcount_table_offset", 48, self.refcount_table_offset, refcount_bytes),
            ("snapshots_offset", 64, self.snapshots_offset, snapshot_bytes),
        ] {
            refuse(
                value % cluster != 0,
                offset,
                format!("{name} {value} does not begin at a cluster"),
            );
            let is_beyond = value.checked_add(length).is_none_or(|end| end > i64::MAX as u64);
            refuse(is_beyond, offset, format!("{name} {value} is beyond any file"));
        }
        refuse(
            l1_bytes > MAX_L1_BYTES,
            36,
            format!("the L1 table of {l1_bytes} bytes is too large"),
        );
        let l2_entries = cluster / if extended_l2 { 16 } else { 8 };
        // Computed from the stored size; a machine sees only its complete sectors.
        let l1_needed = self.size.div_ceil(cluster * l2_entries);
        refuse(
            l1_needed > u64::from(self.l1_size),
            36,
            format!("the disk needs {l1_needed} L1 entries, but has {}", self.l1_size),
        );
        refuse(l1_needed > i32::MAX as u64, 24, "the disk is larger than qemu takes".to_owned());
        let clusters = u64::from(self.refcount_table_clusters);
        refuse(
            clusters == 0 || refcount_bytes > MAX_REFCOUNT_TABLE_BYTES,
            56,
            format!("a refcount table of {clusters} clusters is impossible"),
        );
        let least = if self.version >= 3 { V3_BYTES } else { V2_BYTES };
        let length = self.header_length;
        refuse(
            length < least || u64::from(length) > cluster,
            100,
            format!("a header of {length} bytes is not valid"),
        );
        if self.backing_file_offset != 0 {
            let capacity = cluster.saturating_sub(self.backing_file_offset).min(MAX_NAME_BYTES);
            refuse(
                self.backing_file_offset > cluster || u64::from(self.backing_file_size) > capacity,
                16,
                "the name of the backing file is longer than the header's cluster".to_owned(),
            );
        }
        let says = self.incompatible.contains(Incompatible::COMPRESSION_TYPE);
        refuse(
            self.compression_type > 1 || says != (self.compression_type != 0),
            104,
            format!("compression_type {} contradicts the features", self.compression_type),
        );
        if self.nb_snapshots > 0 {
            let text = "the snapshot table was not checked";
            seen.findings.push(Finding::info(FindingId::NotChecked, 64, text));
        }
        let text = "the L1 table ends after the end of the file, so the disk is empty";
        let l1_end = self.l1_table_offset.checked_add(l1_needed * 8);
        seen.warn(l1_needed > 0 && stream.lacks(l1_end), FindingId::Truncated, 40, text);
    }
}
