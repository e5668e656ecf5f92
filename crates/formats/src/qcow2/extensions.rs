//! The extensions of the header.

use super::header::Header;
use crate::finding::{Finding, FindingId};
use crate::on_disk::be32;

const END: u32 = 0;
const DATA_FILE: u32 = 0x4441_5441;
const LUKS_HEADER: u32 = 0x0537_be77;
const BACKING_FORMAT: u32 = 0xe279_2aca;
/// qemu stores the name of the backing format in 16 bytes.
const MAX_FORMAT_BYTES: u32 = 15;

/// The extensions that matter for the verdict.
#[derive(Default)]
pub(super) struct Extensions<'a> {
    /// The name of the file with the data.
    pub(super) data_file: Option<&'a [u8]>,
    /// The format of the backing file that the image declares.
    pub(super) backing_format: Option<&'a [u8]>,
    /// Offset and length of the LUKS header.
    pub(super) luks_header: Option<&'a [u8]>,
    finding: Option<Finding>,
    is_cut: bool,
}

impl<'a> Extensions<'a> {
    /// Parses them within the seen part of the stream. The cluster size must be valid.
    pub(super) fn read(head: &'a [u8], header: &Header) -> Self {
        let mut extensions = Extensions::default();
        let area = header.extension_area();
        let mut at = area.start;
        while at < area.end {
            let Ok(offset) = usize::try_from(at) else { break };
            let (Some(kind), Some(length)) = (be32(head, offset), be32(head, offset + 4)) else {
                let text =
                    "the header extensions are longer than the part of the stream that is kept";
                extensions.finding = Some(Finding::info(FindingId::NotChecked, at, text));
                extensions.is_cut = true;
                break;
            };
            let data = at + 8;
            if data + u64::from(length) > area.end
                || (kind == BACKING_FORMAT && length > MAX_FORMAT_BYTES)
            {
                let text = format!("header extension {kind:#x} of {length} bytes is too large");
                let finding = Finding::fatal(FindingId::CorruptHeader, at, text);
                extensions.finding = Some(finding.stopping_qemu());
                break;
            }
            if kind == END {
                break;
            }
            let content = head.get(offset + 8..).and_then(|rest| {
                usize::try_from(length).ok().and_then(|length| rest.get(..length))
            });
            match kind {
                BACKING_FORMAT => extensions.backing_format = content,
                DATA_FILE => extensions.data_file = content,
                LUKS_HEADER => extensions.luks_header = content,
                _ => {}
            }
            at = data + u64::from(length).next_multiple_of(8);
        }
        extensions
    }

    /// The extension at which qemu stops, or from which on they were not seen.
    pub(super) fn findings(&self) -> Option<Finding> {
        self.finding.clone()
    }

    /// Whether there are more than were seen.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }
}
