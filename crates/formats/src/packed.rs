//! What has to be unpacked first, by the magic at its start. Nobody boots from it, and everybody takes
//! it for a raw disk.

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};

/// Anything that starts with these bytes.
pub(crate) struct Packed(pub(crate) &'static [u8]);

impl Inspector for Packed {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        stream.head.starts_with(self.0).then(|| {
            let text = "it has to be unpacked before a machine boots from it";
            Seen::unprobed(0, self.0.len()).with(Finding::fatal(FindingId::Compressed, 0, text))
        })
    }
}
