//! tar, by `ustar` in its first member's header (POSIX), and OVA, whose first member is an `.ovf`.

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::c_string;

/// The position of `ustar` in the first header.
const MAGIC: std::ops::Range<usize> = 257..262;
/// The position of the first member's name.
const NAME: std::ops::Range<usize> = 0..100;

/// An appliance.
pub(crate) struct Ova;
/// Any other tar.
pub(crate) struct Tar;

impl Inspector for Ova {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        archive(stream, true)
    }
}

impl Inspector for Tar {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        archive(stream, false)
    }
}

fn archive(stream: &Stream<'_>, is_appliance: bool) -> Option<Seen> {
    let first = c_string(stream.head.get(NAME)?);
    let name = first.to_ascii_lowercase();
    if stream.head.get(MAGIC)? != b"ustar" || name.ends_with(b".ovf") != is_appliance {
        return None;
    }
    let text = "it is an archive of files, not a disk";
    let mut seen = Seen::unprobed(257, 5).with(Finding::fatal(FindingId::Archive, 257, text));
    seen.details.field("first member", first);
    Some(seen)
}
