//! Apple's UDIF (`block/dmg.c`): a trailer of 512 bytes within the last 1023 contains the offsets of the
//! tables.

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{SECTOR, be32, be64, last};

const MAGIC: &[u8] = b"koly";
/// Bytes of the trailer.
const TRAILER_BYTES: usize = 512;
/// The distance from the end within which qemu searches the trailer.
const SEARCHED_BYTES: usize = 1023;

/// An Apple disk image, compressed or not.
pub(crate) struct Dmg;

impl Inspector for Dmg {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let (tail, length) = (stream.tail?, stream.length?);
        let searched = last(tail, SEARCHED_BYTES);
        let mut trailers = searched.windows(TRAILER_BYTES).enumerate();
        let (at, trailer) = trailers.find(|(_, trailer)| trailer.starts_with(MAGIC))?;
        let offset = length - (searched.len() - at) as u64;
        let text = "the image service and later services treat it as raw";
        let finding = Finding::fatal(FindingId::ServiceUnsupported, offset, text);
        let mut seen = Seen::trailer(offset, MAGIC.len()).with(finding);
        seen.virtual_size = be64(trailer, 0x1ec).and_then(|sectors| sectors.checked_mul(SECTOR));
        if let Some(version) = be32(trailer, 4) {
            seen.details.number("version", version);
        }
        if let Some(bytes) = be64(trailer, 32) {
            seen.details.bytes("data size", bytes);
        }
        if let Some(segments) = be32(trailer, 60).filter(|count| *count > 1) {
            seen.details.number("segments", segments);
        }
        seen.details.uuid("uuid", trailer.get(64..));
        let plist = be64(trailer, 0xd8).zip(be64(trailer, 0xe0));
        let end = plist.and_then(|(at, bytes)| at.checked_add(bytes));
        let text = "the property list ends after the end of the file";
        seen.refuse(stream.lacks(end), offset + 0xd8, text);
        Some(seen)
    }
}
