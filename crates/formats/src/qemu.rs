//! A prediction of the format that qemu detects (`find_image_format` and `bdrv_probe_all` of `block.c`, and
//! the open function of each driver).

use crate::format::Format;
use crate::inspect::{Seen, Stream};
use crate::on_disk::SECTOR;

/// The output of `qemu-img info` without a given format.
///
/// Measured with qemu 10.0.2. Other files, and tables far into the image, are not read. For the effect of the
/// file name see [`Inspection::qemu_named`](crate::Inspection::qemu_named). It applies to the seen bytes:
/// qemu itself reads the first 512 to choose a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QemuView {
    /// The name of the driver.
    pub format: &'static str,
    /// Bytes of the disk, rounded as by qemu.
    pub virtual_size: Option<u64>,
    /// The reason why qemu refuses the image, if it does.
    pub refusal: Option<String>,
}

impl QemuView {
    /// Every magic has the same score and the first driver wins. Among drivers that can match the same
    /// stream, VDI's comes before qcow, qcow2 and LUKS, and after the others (measured).
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

/// The size of a raw stream as a machine sees it: complete sectors.
pub(crate) fn raw_size(stream: &Stream<'_>) -> Option<u64> {
    stream.length.and_then(|length| length.checked_next_multiple_of(SECTOR))
}

/// The name of the driver that opens a format.
pub(crate) fn driver(format: Format) -> &'static str {
    if format == Format::Vhd { "vpc" } else { format.name() }
}
