//! Virtual PC (`block/vpc.c`): a footer at the end, and a copy of it at the start unless the disk has a fixed
//! size.

use crate::detail::Details;
use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{SECTOR, be16, be32, be64, bytes, c_string, shown, without_field};

const COOKIE: &[u8] = b"conectix";
const FOOTER_BYTES: usize = 512;
/// The bytes of the header that are used here; it has 1024.
const HEADER_BYTES: usize = 48;
/// Offset of the parent's name in UTF-16, and its length in bytes.
const PARENT_NAME: (u64, usize) = (64, 512);
/// The maximum size in a geometry; larger disks use the size field.
const MAX_BY_GEOMETRY: u64 = 65_535 * 16 * 255;
/// qemu's limit, 2040 GiB in sectors.
const MAX_SECTORS: u64 = 0xff00_0000;
/// Number of examined entries of the block table: those of 256 GiB in blocks of 2 MiB.
const MAX_CHECKED_ENTRIES: u64 = 128 << 10;
/// qemu's limit for the block table.
const MAX_ENTRIES: u32 = 0x7fff_ffff / 4;
const UNALLOCATED: u32 = u32::MAX;

/// All three variants.
pub(crate) struct Vhd;

impl Inspector for Vhd {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        if stream.head.starts_with(COOKIE) {
            return Some(dynamic(stream));
        }
        let footer: [u8; FOOTER_BYTES] = stream.near_end(FOOTER_BYTES as u64)?;
        footer.starts_with(COOKIE).then(|| fixed(&footer, stream))
    }

    fn wants(&self, stream: &Stream<'_>, asked: usize) -> Option<(u64, u64)> {
        if asked > 0 || !stream.head.starts_with(COOKIE) {
            return None;
        }
        let header = DynamicHeader::read(stream, be64(stream.head, 16)?)?;
        let entries = u64::from(header.entries).min(MAX_CHECKED_ENTRIES);
        Some((header.table_offset, 4 * entries))
    }
}

/// The fields of both copies of the footer.
struct Footer {
    header_offset: u64,
    creator: [u8; 4],
    original_size: u64,
    current_size: u64,
    by_geometry: u64,
    creator_version: [u16; 2],
    host: [u8; 4],
    geometry: (u16, u8, u8),
    uuid: [u8; 16],
    kind: u32,
    has_sound_checksum: bool,
}

impl Footer {
    fn read(footer: &[u8]) -> Option<Self> {
        let geometry = (be16(footer, 56)?, *footer.get(58)?, *footer.get(59)?);
        let by_geometry = u64::from(geometry.0) * u64::from(geometry.1) * u64::from(geometry.2);
        let all = footer.get(..FOOTER_BYTES)?;
        let sum: u32 = without_field(all, 64).map(u32::from).sum();
        Some(Footer {
            header_offset: be64(footer, 16)?,
            creator: bytes(footer, 28)?,
            original_size: be64(footer, 40)?,
            current_size: be64(footer, 48)?,
            by_geometry,
            creator_version: [be16(footer, 32)?, be16(footer, 34)?],
            host: bytes(footer, 36)?,
            geometry,
            uuid: bytes(footer, 68)?,
            kind: be32(footer, 60)?,
            has_sound_checksum: be32(footer, 64)? == !sum,
        })
    }

    /// The size by cylinders, heads and sectors if Virtual PC or qemu created it, otherwise the current size.
    fn sectors(&self) -> u64 {
        let by_geometry = matches!(&self.creator, b"vpc " | b"qemu");
        if by_geometry && self.by_geometry != MAX_BY_GEOMETRY {
            self.by_geometry
        } else {
            self.current_size / SECTOR
        }
    }

    fn describe(&self, details: &mut Details) {
        let [major, minor] = self.creator_version;
        let creator = shown(c_string(&self.creator).trim_ascii());
        details.text("creator", format!("{creator} {major}.{minor}").trim_start());
        details.text(
            "creator host",
            match &self.host {
                b"Wi2k" => "Windows".to_owned(),
                b"Mac " => "Macintosh".to_owned(),
                other => shown(c_string(other).trim_ascii()),
            },
        );
        let (cylinders, heads, sectors) = self.geometry;
        details
            .text("geometry", format!("{cylinders} cylinders, {heads} heads, {sectors} sectors"));
        details.bytes("original size", self.original_size);
        details.bytes("current size", self.current_size);
        details.uuid("uuid", Some(&self.uuid));
    }

    /// Adds the findings for a copy of the footer at `offset`.
    fn judge(&self, seen: &mut Seen, offset: u64) {
        self.describe(&mut seen.details);
        let sectors = self.sectors();
        seen.virtual_size = sectors.checked_mul(SECTOR);
        seen.refuse(!self.has_sound_checksum, offset + 64, "the checksum of the footer is wrong");
        let text = format!("{sectors} sectors are more than the format supports");
        seen.refuse(sectors > MAX_SECTORS, offset + 48, text);
        let sizes = [self.original_size, self.current_size, sectors.saturating_mul(SECTOR)];
        if sizes.iter().any(|&size| size != sizes[0]) {
            let text = format!(
                "the original size is {}, the current size {}, and a machine sees {} bytes",
                sizes[0], sizes[1], sizes[2]
            );
            seen.findings.push(Finding::info(FindingId::InconsistentSize, offset + 40, text));
        }
    }
}

/// The additional header of a dynamic disk.
struct DynamicHeader {
    offset: u64,
    table_offset: u64,
    entries: u32,
    block_bytes: u32,
}

impl DynamicHeader {
    /// `None` if it is not at `offset`, or was not kept.
    fn read(stream: &Stream<'_>, offset: u64) -> Option<Self> {
        let bytes = stream.at(offset, HEADER_BYTES)?;
        bytes.starts_with(b"cxsparse").then_some(())?;
        Some(DynamicHeader {
            offset,
            table_offset: be64(bytes, 16)?,
            entries: be32(bytes, 28)?,
            block_bytes: be32(bytes, 32)?,
        })
    }

    fn judge(&self, seen: &mut Seen, stream: &Stream<'_>) {
        let (block, entries) = (self.block_bytes, self.entries);
        seen.details.bytes("block size", block);
        let is_sound = block.is_power_of_two() && u64::from(block) >= SECTOR;
        seen.refuse(!is_sound, self.offset + 32, format!("blocks of {block} bytes are not valid"));
        let text = format!("{entries} table entries are more than qemu supports");
        seen.refuse(entries > MAX_ENTRIES, self.offset + 28, text);
        let capacity = u64::from(block) * u64::from(entries);
        let is_small = seen.virtual_size.is_none_or(|size| size > capacity);
        seen.refuse(
            is_small,
            self.offset + 28,
            format!("{entries} blocks are too few for the disk"),
        );
        let end = self.table_offset.checked_add(4 * u64::from(entries));
        let text = "the block table ends after the end of the file";
        seen.refuse(stream.lacks(end), self.offset + 16, text);

        let checked = u64::from(entries).min(MAX_CHECKED_ENTRIES);
        let table = usize::try_from(4 * checked).ok();
        let table = table.and_then(|length| stream.at(self.table_offset, length));
        let (Some(table), Some(length)) = (table, stream.length) else {
            let text = "the block table was not read completely";
            seen.findings.push(Finding::info(FindingId::NotChecked, self.table_offset, text));
            return;
        };
        if checked < u64::from(entries) {
            let text = format!("only {checked} of {entries} table entries were checked");
            seen.findings.push(Finding::info(FindingId::NotChecked, self.table_offset, text));
        }
        let bitmap = (u64::from(block) / SECTOR).div_ceil(8).next_multiple_of(SECTOR);
        let length = length.div_ceil(SECTOR).saturating_mul(SECTOR);
        let beyond = table.chunks_exact(4).position(|entry| {
            let sector = be32(entry, 0).unwrap_or(UNALLOCATED);
            let end = u64::from(sector) * SECTOR + bitmap + u64::from(block);
            sector != UNALLOCATED && end > length
        });
        if let Some(n) = beyond {
            let text = format!("block {n} ends after the end of the file");
            let finding =
                Finding::fatal(FindingId::Truncated, self.table_offset + 4 * n as u64, text);
            seen.findings.push(finding.stopping_qemu());
        }
    }
}

fn dynamic(stream: &Stream<'_>) -> Seen {
    let mut seen = Seen::new(0, 8);
    let Some(footer) = Footer::read(stream.head) else {
        return seen.cut_off(stream);
    };
    seen.variant = Some(if footer.kind == 4 { "differencing" } else { "dynamic" }.to_owned());
    footer.judge(&mut seen, 0);
    if footer.kind == 4 {
        let name = footer.header_offset.saturating_add(PARENT_NAME.0);
        let name = stream.at(name, PARENT_NAME.1).unwrap_or_default();
        let units = name.as_chunks().0.iter().map(|unit| u16::from_be_bytes(*unit));
        seen.details.wide_field("backing file", units);
        let text = "it is a differencing disk; qemu ignores the parent without a warning";
        seen.findings.push(Finding::fatal(FindingId::BackingFile, 60, text));
    }
    let is_known = matches!(footer.kind, 3 | 4);
    let text = format!("disk type {} has no header", footer.kind);
    seen.warn(!is_known, FindingId::CorruptHeader, 60, text);
    match DynamicHeader::read(stream, footer.header_offset) {
        Some(header) => header.judge(&mut seen, stream),
        None if stream.at(footer.header_offset, HEADER_BYTES).is_some() => {
            seen.refuse(true, 16, "the dynamic header is not at the offset in the footer");
        }
        None if stream.lacks(footer.header_offset.checked_add(HEADER_BYTES as u64)) => {
            seen.refuse(true, 16, "the dynamic header ends after the end of the file");
        }
        None => {
            let text = "the dynamic header is not at the start and was not checked";
            seen.findings.push(Finding::info(FindingId::NotChecked, 16, text));
        }
    }
    seen
}

/// The disk is the complete file without the footer.
fn fixed(bytes: &[u8], stream: &Stream<'_>) -> Seen {
    let length = stream.length.unwrap_or_default();
    let offset = length.next_multiple_of(SECTOR) - FOOTER_BYTES as u64;
    let text = "qemu and the image service treat a fixed VHD as a raw disk with the footer at its end; \
                the service refuses it as vhd";
    let finding = Finding::warning(FindingId::FixedVhd, offset, text);
    let mut seen = Seen::trailer(offset, COOKIE.len()).of("fixed").with(finding);
    let Some(footer) = Footer::read(bytes) else { return seen };
    footer.judge(&mut seen, offset);
    seen.refuse(footer.kind != 2, offset + 60, format!("disk type {} is not fixed", footer.kind));
    let is_short = seen.virtual_size.is_some_and(|size| size > offset);
    let text = "the file is shorter than the disk";
    seen.warn(is_short, FindingId::Truncated, offset + 48, text);
    seen
}

#[cfg(test)]
mod tests {
    use crate::{Detector, FindingId, Format, Inspection};

    fn inspect(bytes: &[u8]) -> Inspection {
        let mut detector = Detector::new();
        detector.push(bytes);
        detector.finish()
    }

    /// A footer of a disk of 8 MiB whose geometry has 8 390 656 bytes.
    fn footer(creator: &[u8; 4], kind: u32) -> [u8; 512] {
        let mut footer = [0; 512];
        let mut put = |offset: usize, bytes: &[u8]| {
            footer[offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        put(0, b"conectix");
        put(16, &512u64.to_be_bytes());
        put(28, creator);
        put(40, &(8u64 << 20).to_be_bytes());
        put(48, &(8u64 << 20).to_be_bytes());
        put(56, &[0, 241, 4, 17]);
        put(60, &kind.to_be_bytes());
        let sum: u32 = footer.iter().map(|&byte| u32::from(byte)).sum();
        footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
        footer
    }

    fn dynamic(creator: &[u8; 4], entry: u32) -> Vec<u8> {
        let mut image = footer(creator, 3).to_vec();
        image.resize(4096, 0);
        image[512..520].copy_from_slice(b"cxsparse");
        image[528..536].copy_from_slice(&1536u64.to_be_bytes());
        image[540..544].copy_from_slice(&5u32.to_be_bytes());
        image[544..548].copy_from_slice(&(2u32 << 20).to_be_bytes());
        image[1536..1556].fill(0xff);
        image[1540..1544].copy_from_slice(&entry.to_be_bytes());
        image.extend(footer(creator, 3));
        image
    }

    #[test]
    fn the_size_depends_on_the_creator() {
        for (creator, size) in
            [(b"qemu", 8_390_656u64), (b"vpc ", 8_390_656), (b"qem2", 8 << 20), (b"win ", 8 << 20)]
        {
            let inspection = inspect(&dynamic(creator, u32::MAX));
            assert_eq!((inspection.format, inspection.virtual_size), (Format::Vhd, Some(size)));
            assert!(!inspection.is_refused(), "{inspection:?}");
        }
    }

    #[test]
    fn a_block_after_the_end_and_a_wrong_checksum_stop_qemu() {
        let inspection = inspect(&dynamic(b"win ", 4));
        assert!(inspection.findings.iter().any(|f| f.id == FindingId::Truncated && f.stops_qemu));
        let mut image = dynamic(b"win ", u32::MAX);
        image[100] = 1;
        assert!(inspect(&image).qemu.refusal.is_some());
    }

    #[test]
    fn a_fixed_disk_is_detected_only_by_its_end() {
        let mut image = vec![0; 8 << 20];
        image[510..512].copy_from_slice(b"\x55\xaa");
        image.extend(footer(b"win ", 2));
        for cut in [0, 1] {
            // Old versions of Virtual PC omit the last byte.
            let inspection = inspect(&image[..image.len() - cut]);
            assert_eq!(inspection.format, Format::Vhd);
            assert_eq!(inspection.variant.as_deref(), Some("fixed"));
            assert_eq!(inspection.virtual_size, Some(8 << 20));
            assert_eq!(inspection.qemu.format, "raw");
            assert_eq!(inspection.qemu.virtual_size, Some((8 << 20) + 512));
            assert!(inspection.findings.iter().all(|f| f.id != FindingId::Polyglot));
        }
        // Pushed first, from a source with random access.
        let mut detector = Detector::new();
        detector.tail(&image[image.len() - 512..], image.len() as u64);
        detector.push(&image[..1 << 20]);
        assert_eq!(detector.so_far(None).format, Format::Vhd);
    }
}
