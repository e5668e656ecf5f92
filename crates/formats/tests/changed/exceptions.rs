//! Accepted differences from qemu-img, with their reasons.

use imgpush_formats::{FindingId, Format};

use crate::case::Case;
use crate::oracle::Opened;

/// One class of differences.
pub(crate) struct Exception {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) applies: fn(&Case) -> bool,
}

pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        name: "not checked",
        reason: "the inspection says itself that it has not seen all that decides",
        applies: |case| has(case, FindingId::NotChecked),
    },
    Exception {
        name: "external extents",
        reason: "whether qemu opens it depends on other files; it is refused whatever they are",
        applies: |case| has(case, FindingId::ExternalExtents) && case.found.is_refused(),
    },
    Exception {
        name: "block table of VHDX",
        reason: "qemu compares each entry with the end of the file and the regions; the table is not read",
        // Overlapping regions are refused here as well: one of the two is a block.
        applies: |case| {
            refused_for(case, "VHDX BAT entry") || refused_for(case, "overlaps with region")
        },
    },
    Exception {
        name: "bitmap directory of qcow2",
        reason: "qemu reads the directory, which may lie anywhere; it is not read",
        applies: |case| refused_for(case, "Bitmap '") || refused_for(case, "bitmap"),
    },
    Exception {
        name: "LUKS header in qcow2",
        reason: "qemu reads the header, which may lie anywhere; only its place is judged",
        applies: |case| {
            case.found.format == Format::Qcow2
                && has(case, FindingId::Encrypted)
                && refused_for(case, "LUKS")
        },
    },
    Exception {
        name: "offsets of cloop",
        reason: "qemu reads the table of offsets, up to 512 MiB; it is not read",
        applies: |case| {
            refused_for(case, "offsets not monotonically increasing")
                || refused_for(case, "invalid compressed block size")
        },
    },
];

/// Whether only qemu refuses the image, with this text.
fn refused_for(case: &Case, words: &str) -> bool {
    let is_accepted = case.found.qemu.refusal.is_none();
    is_accepted && matches!(&case.probed, Opened::Refused(why) if why.contains(words))
}

fn has(case: &Case, id: FindingId) -> bool {
    case.found.findings.iter().any(|finding| finding.id == id)
}
