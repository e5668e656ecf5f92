//! The header of a sparse extent, and its copy at the end of a stream-optimized one.

use super::descriptor::Descriptor;
use crate::finding::{Finding, FindingId};
use crate::inspect::{Seen, Stream};
use crate::on_disk::{MAX_OFFSET, SECTOR, bytes, le16, le32, le64};

pub(crate) const MAGIC: &[u8] = b"KDMV";
/// `gd_offset` of a header whose copy at the end contains the actual one.
pub(crate) const GD_AT_END: u64 = u64::MAX;
/// Bytes of the last three sectors: the footer's marker, the footer, the end-of-stream marker.
pub(crate) const FOOTER_BYTES: usize = 1536;
/// qemu's and the image service's limit for a descriptor.
pub(crate) const MAX_DESCRIPTOR_BYTES: u64 = (1 << 20) - 1;
/// qemu's limit for a grain, in sectors.
const MAX_GRAIN_SECTORS: u64 = 0x20_0000;
/// qemu's limit for entries of the grain directory.
const MAX_DIRECTORY_ENTRIES: u32 = 32 << 20;

const FLAG_NEWLINE_TEST: u32 = 1;
const FLAG_REDUNDANT_DIRECTORY: u32 = 1 << 1;
const COMPRESSION_DEFLATE: u16 = 1;
const MARKER_END_OF_STREAM: u32 = 0;
const MARKER_FOOTER: u32 = 3;

/// The fields that are used here; sizes and offsets are in sectors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SparseHeader {
    pub(crate) version: u32,
    flags: u32,
    pub(crate) capacity: u64,
    grain: u64,
    pub(crate) descriptor_offset: u64,
    pub(crate) descriptor_size: u64,
    table_entries: u32,
    rgd_offset: u64,
    pub(crate) gd_offset: u64,
    overhead: u64,
    is_unclean: bool,
    newline_test: [u8; 4],
    compression: u16,
}

impl SparseHeader {
    /// `None` if it is cut off.
    pub(crate) fn read(bytes_: &[u8]) -> Option<Self> {
        Some(SparseHeader {
            version: le32(bytes_, 4)?,
            flags: le32(bytes_, 8)?,
            capacity: le64(bytes_, 12)?,
            grain: le64(bytes_, 20)?,
            descriptor_offset: le64(bytes_, 28)?,
            descriptor_size: le64(bytes_, 36)?,
            table_entries: le32(bytes_, 44)?,
            rgd_offset: le64(bytes_, 48)?,
            gd_offset: le64(bytes_, 56)?,
            overhead: le64(bytes_, 64)?,
            is_unclean: *bytes_.get(72)? != 0,
            newline_test: bytes(bytes_, 73)?,
            compression: le16(bytes_, 77)?,
        })
    }

    /// Offset and length of the text in bytes; the length is within the limit.
    pub(crate) fn descriptor_region(&self) -> Option<(u64, u64)> {
        let offset = self.descriptor_offset.checked_mul(SECTOR)?;
        let length = self.descriptor_size.saturating_mul(SECTOR).min(MAX_DESCRIPTOR_BYTES);
        (offset != 0 && length != 0).then_some((offset, length))
    }

    fn refuse(&self, seen: &mut Seen, stream: &Stream<'_>) {
        let (grain, entries) = (self.grain, self.table_entries);
        let text = format!("grains of {grain} sectors are not valid");
        seen.refuse(grain == 0 || grain > MAX_GRAIN_SECTORS, 20, text);
        let text = format!("grain tables of {entries} entries are not valid");
        seen.refuse(entries == 0 || entries > 512, 44, text);
        // qemu multiplies in 32 bits.
        let covered = (grain as u32).wrapping_mul(entries);
        seen.refuse(covered == 0, 20, "a grain table covers no sectors");
        if covered != 0 {
            let rounded = self.capacity.wrapping_add(u64::from(covered) - 1);
            let directory = (rounded / u64::from(covered)) as u32;
            let text = format!("a grain directory of {directory} entries is too large");
            seen.refuse(directory > MAX_DIRECTORY_ENTRIES, 12, text);
        }
        let text = "its metadata ends after the end of the file";
        let length = stream.length.map(|length| length.div_ceil(SECTOR));
        seen.refuse(length.is_some_and(|length| self.overhead > length), 64, text);
        if self.gd_offset == GD_AT_END {
            seen.refuse(true, 56, "the footer points to another footer");
        } else {
            let end = self.gd_offset.checked_mul(SECTOR);
            let text = "the grain directory is after the end of the file";
            seen.warn(stream.lacks(end), FindingId::Truncated, 56, text);
            // qemu multiplies with overflow.
            let mut is_beyond = self.gd_offset.wrapping_mul(SECTOR) > MAX_OFFSET;
            if self.flags & FLAG_REDUNDANT_DIRECTORY != 0 {
                is_beyond |= self.rgd_offset.wrapping_mul(SECTOR) > MAX_OFFSET;
            }
            seen.refuse(is_beyond, 48, "a grain directory is after the end of any file");
        }
    }
}

/// The footer, if its markers are as qemu expects them.
fn footer(stream: &Stream<'_>) -> Option<Result<SparseHeader, &'static str>> {
    let sectors: [u8; FOOTER_BYTES] = stream.near_end(FOOTER_BYTES as u64)?;
    let marker =
        |at: usize| Some((le64(&sectors, at)?, le32(&sectors, at + 8)?, le32(&sectors, at + 12)?));
    let is_footer = matches!(marker(0), Some((_, 0, MARKER_FOOTER)));
    let is_end = marker(1024) == Some((0, 0, MARKER_END_OF_STREAM));
    if !is_footer || !is_end || !sectors[512..].starts_with(MAGIC) {
        return Some(Err("there is no valid footer at the end"));
    }
    SparseHeader::read(&sectors[512..]).map(Ok)
}

/// Judges it as strictly as qemu does when it opens the image.
pub(super) fn inspect(stream: &Stream<'_>) -> Seen {
    let mut seen = Seen::new(0, 4);
    let Some(header) = SparseHeader::read(stream.head) else {
        return seen.cut_off(stream);
    };
    let is_optimized = header.compression == COMPRESSION_DEFLATE;
    seen.variant =
        Some(if is_optimized { "streamOptimized" } else { "monolithicSparse" }.to_owned());
    seen.details.number("version", header.version);
    if let Some(grain) = header.grain.checked_mul(SECTOR) {
        seen.details.bytes("grain size", grain);
    }
    seen.details.text("compression", if is_optimized { "deflate" } else { "none" });
    if header.version > 3 {
        let text = format!("version {} is not supported", header.version);
        let finding = Finding::fatal(FindingId::UnknownFeatures, 4, text);
        seen.findings.push(finding.stopping_qemu());
    }
    let damaged = header.flags & FLAG_NEWLINE_TEST != 0 && &header.newline_test != b"\n \r\n";
    let text = "its line ends were converted, for example by FTP in ASCII mode";
    seen.warn(damaged, FindingId::CorruptHeader, 73, text);
    seen.warn(header.is_unclean, FindingId::NotClosed, 72, "it was not closed properly");
    descriptor(&mut seen, &header, stream);
    // qemu searches them here, wherever the header places the text.
    super::descriptor::refuse_without_ids(&mut seen, stream, SECTOR);
    if header.capacity == 0 && header.descriptor_offset != 0 {
        let text = "it contains only a descriptor; the data is in other files";
        seen.findings.push(Finding::fatal(FindingId::ExternalExtents, 12, text));
        return seen;
    }

    let effective = if header.gd_offset == GD_AT_END { footer(stream) } else { Some(Ok(header)) };
    match effective {
        Some(Ok(effective)) => {
            seen.virtual_size = effective.capacity.checked_mul(SECTOR);
            let text = format!("{} sectors are not valid", effective.capacity);
            seen.refuse(seen.virtual_size.is_none(), 12, text);
            let text = format!(
                "the header has {} sectors, the footer {}",
                header.capacity, effective.capacity
            );
            let differ = header.capacity != effective.capacity;
            seen.warn(differ, FindingId::InconsistentSize, 12, text);
            effective.refuse(&mut seen, stream);
        }
        Some(Err(text)) => {
            seen.virtual_size = header.capacity.checked_mul(SECTOR);
            seen.refuse(true, stream.length.unwrap_or(0).saturating_sub(FOOTER_BYTES as u64), text);
        }
        None => {
            seen.virtual_size = header.capacity.checked_mul(SECTOR);
            let text = "its footer, which defines the size, was not read";
            seen.findings.push(Finding::info(FindingId::NotChecked, 56, text));
        }
    }
    seen
}

/// The kept part of the descriptor after the header.
fn descriptor(seen: &mut Seen, header: &SparseHeader, stream: &Stream<'_>) {
    let Some((offset, length)) = header.descriptor_region() else { return };
    let Some(text) = usize::try_from(length).ok().and_then(|length| stream.at(offset, length))
    else {
        let text = "the descriptor was not read";
        seen.findings.push(if stream.lacks(offset.checked_add(length)) {
            Finding::warning(FindingId::Truncated, 28, text)
        } else {
            Finding::info(FindingId::NotChecked, 28, text)
        });
        return;
    };
    let descriptor = Descriptor::new(text);
    descriptor.describe(&mut seen.details);
    seen.findings.extend(descriptor.findings(offset));
    if header.capacity == 0 {
        let is_opened = descriptor.create_type().is_some_and(super::descriptor::is_opened);
        seen.refuse(!is_opened, offset, "qemu does not support its createType");
        seen.virtual_size = descriptor.virtual_size();
    }
}
