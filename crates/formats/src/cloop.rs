//! Compressed loop, version 2 (`block/cloop.c`).

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{SECTOR, be32};

const MAGIC: &[u8] =
    b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n";
/// qemu's limit for a block.
const MAX_BLOCK_BYTES: u32 = 64 << 20;
/// qemu's limit for the table of offsets.
const MAX_OFFSET_BYTES: u64 = 512 << 20;

/// A CD compressed block by block.
pub(crate) struct Cloop;

impl Inspector for Cloop {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let head = stream.head;
        if !head.starts_with(MAGIC) {
            return None;
        }
        let text = "the image service treats it as raw, but later services detect the format";
        let finding = Finding::fatal(FindingId::ServiceUnsupported, 0, text);
        let mut seen = Seen::new(0, MAGIC.len()).with(finding);
        let (Some(block), Some(blocks)) = (be32(head, 128), be32(head, 132)) else {
            return Some(seen.cut_off(stream));
        };
        // Both have 32 bits, so the product does not overflow.
        seen.virtual_size = Some(u64::from(block) * u64::from(blocks));
        seen.details.bytes("block size", block);
        seen.details.number("blocks", blocks);
        seen.details.text("compression", "zlib");
        let is_sound = block != 0 && u64::from(block) % SECTOR == 0 && block <= MAX_BLOCK_BYTES;
        seen.refuse(!is_sound, 128, format!("blocks of {block} bytes are not valid"));
        let offset_bytes = (u64::from(blocks) + 1) * 8;
        let text = format!("{blocks} blocks are more than qemu supports");
        seen.refuse(offset_bytes > MAX_OFFSET_BYTES, 132, text);
        let text = "the table of blocks ends after the end of the file";
        seen.refuse(stream.lacks(Some(136 + offset_bytes)), 132, text);
        Some(seen)
    }
}
