//! LUKS 1 and 2 (`crypto/block-luks.c` of qemu; the on-disk format specifications of cryptsetup).

mod version1;
mod version2;

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::be16;

pub(crate) const MAGIC: &[u8] = b"LUKS\xba\xbe";

/// Both versions.
pub(crate) struct Luks;

impl Inspector for Luks {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        if !stream.head.starts_with(MAGIC) {
            return None;
        }
        let Some(version) = be16(stream.head, 6) else {
            return Some(Seen::unprobed(0, MAGIC.len()).cut_off(stream));
        };
        let seen = match version {
            1 => version1::inspect(stream),
            2 => version2::inspect(stream),
            _ => {
                let text = format!("version {version} is not supported");
                let finding = Finding::fatal(FindingId::UnknownFeatures, 6, text);
                Seen::unprobed(0, 8).with(finding)
            }
        };
        let seen = seen.of(format!("version {version}"));
        Some(seen.with(Finding::info(FindingId::Encrypted, 0, "the data is encrypted")))
    }
}
