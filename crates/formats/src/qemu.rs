//! What qemu says of a stream (`find_image_format` and `bdrv_probe_all` of `block.c`, and each
//! driver's open).

use crate::format::Format;
use crate::inspect::{Seen, Stream};
use crate::on_disk::SECTOR;

/// What `qemu-img info` says when nobody tells it the format.
///
/// Measured with qemu 10.0.2. Files beside the image and tables far into it are not looked at; what the
/// name of the file changes, [`Inspection::qemu_named`](crate::Inspection::qemu_named) knows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QemuView {
    /// The driver, as qemu names it.
    pub format: &'static str,
    /// Bytes of the disk, rounded as qemu rounds them.
    pub virtual_size: Option<u64>,
    /// Why it does not open the image, if it does not.
    pub refusal: Option<String>,
}

impl QemuView {
    /// Every magic has the same score and the first driver wins. Of drivers that can meet in one
    /// stream, VDI's comes before qcow, qcow2 and LUKS, and behind the others (measured).
    pub(crate) fn predict(stream: &Stream<'_>, seen: &[(Format, Seen)]) -> Self {
        let probed = || seen.iter().filter(|(_, seen)| seen.is_probed);
        let yields = |format| matches!(format, Format::Qcow | Format::Qcow2 | Format::Luks);
        let is_vdi = |(format, _): &&(Format, Seen)| *format == Format::Vdi;
        let winner = match probed().next() {
            Some((format, _)) if yields(*format) => probed().find(is_vdi).or(probed().next()),
            first => first,
        };
        let Some((format, seen)) = winner else {
            return QemuView { format: "raw", virtual_size: raw_size(stream), refusal: None };
        };
        let refusal = seen.findings.iter().find(|finding| finding.stops_qemu);
        QemuView {
            format: driver(*format),
            virtual_size: seen.virtual_size,
            refusal: refusal.map(|finding| finding.text.clone()),
        }
    }
}

/// What a machine gets of a stream that is taken as it is: whole sectors.
pub(crate) fn raw_size(stream: &Stream<'_>) -> Option<u64> {
    stream.length.and_then(|length| length.checked_next_multiple_of(SECTOR))
}

/// The name of the driver that opens a format.
pub(crate) fn driver(format: Format) -> &'static str {
    if format == Format::Vhd { "vpc" } else { format.name() }
}
