//! The layout of an image, by its inspection.

use imgpush_formats::{Detector, Finding, FindingId, Format, Inspection, TAIL_BYTES};

use super::header::part;
use super::layout::Layout;
use super::markers::Markers;
use super::parallels::Parallels;
use super::qcow::Qcow;
use super::qcow2::Qcow2;
use super::qed::Qed;
use super::vdi::Vdi;
use super::vhd::Vhd;
use super::vhdx::Vhdx;
use super::vmdk::Vmdk;
use crate::error::{ConvertError, RefusalReason};
use crate::input::Input;

/// Inspects the headers, and the end if the size is known and `has_end`.
pub(crate) fn inspect(input: &mut dyn Input, has_end: bool) -> Result<Inspection, ConvertError> {
    let mut detector = Detector::new();
    let size = input.size();
    if let (Some(size), true) = (size, has_end) {
        let tail = part(input, size.saturating_sub(TAIL_BYTES as u64), TAIL_BYTES)?;
        detector.tail(&tail, size);
    }
    while let Some(wanted) = detector.wants() {
        let length = usize::try_from(wanted.end - wanted.start).unwrap_or(usize::MAX);
        let bytes = part(input, wanted.start, length)?;
        detector.skip_to(wanted.start);
        detector.push(&bytes);
        if bytes.len() < length {
            break;
        }
    }
    Ok(detector.so_far(size))
}

/// Checks whether the inspection of an image has a reason against its conversion.
/// [`Converted::new`](crate::Converted::new) may find others, in tables that an inspection does not read.
///
/// # Errors
///
/// [`ConvertError::Refused`] or [`ConvertError::Unsupported`].
pub fn check(inspection: &Inspection) -> Result<(), ConvertError> {
    opener(inspection).map(|_| ())
}

/// Opens the layout, unless the inspection found a reason against it.
///
/// # Errors
///
/// [`ConvertError::Refused`], [`ConvertError::Unsupported`], or an error of the header.
pub(crate) fn open(
    inspection: &Inspection,
    input: &mut dyn Input,
) -> Result<Box<dyn Layout>, ConvertError> {
    opener(inspection)?(input)
}

/// Opens the layout of one format.
type Opener = fn(&mut dyn Input) -> Result<Box<dyn Layout>, ConvertError>;

fn opener(inspection: &Inspection) -> Result<Opener, ConvertError> {
    if let Some(refusal) = inspection.findings.iter().find_map(refusal) {
        return Err(refusal);
    }
    let opener: Opener = match inspection.format {
        Format::Qcow2 => |input| Ok(Box::new(Qcow2::open(input)?)),
        Format::Qcow => |input| Ok(Box::new(Qcow::open(input)?)),
        Format::Qed => |input| Ok(Box::new(Qed::open(input)?)),
        Format::Vdi => |input| Ok(Box::new(Vdi::open(input)?)),
        Format::Vhd => |input| Ok(Box::new(Vhd::open(input)?)),
        Format::Vhdx => |input| Ok(Box::new(Vhdx::open(input)?)),
        Format::Vmdk => |input| Ok(Box::new(Vmdk::open(input)?)),
        Format::Parallels => |input| Ok(Box::new(Parallels::open(input)?)),
        Format::Raw | Format::Unknown => {
            let what = "data that does not begin as a virtual disk";
            return Err(ConvertError::Unsupported { what: what.to_owned() });
        }
        format => {
            let what = format!("an image of the format {format}");
            return Err(ConvertError::Unsupported { what });
        }
    };
    Ok(opener)
}

/// Opens the layout of an image that is read once, if that needs another one than random access.
pub(crate) fn open_stream(
    inspection: &Inspection,
    input: &mut dyn Input,
) -> Result<Option<Box<dyn Layout>>, ConvertError> {
    if let Some(refusal) = inspection.findings.iter().find_map(refusal) {
        return Err(refusal);
    }
    if inspection.format != Format::Vmdk {
        return Ok(None);
    }
    let markers = Markers::open(input)?;
    Ok(markers.map(|markers| Box::new(markers) as Box<dyn Layout>))
}

/// The error for a finding that makes the disk unreadable. Others concern only services.
fn refusal(finding: &Finding) -> Option<ConvertError> {
    let reason = match finding.id {
        FindingId::BackingFile => RefusalReason::BackingFile,
        FindingId::DataFile | FindingId::ExternalExtents => RefusalReason::ExternalData,
        FindingId::Encrypted => RefusalReason::Encrypted,
        FindingId::Ambiguous | FindingId::Polyglot => RefusalReason::Ambiguous,
        FindingId::UnknownFeatures => RefusalReason::UnknownFeatures,
        _ if finding.stops_qemu => RefusalReason::InvalidHeader,
        _ => return None,
    };
    // A clause about services that open the image.
    let text = finding.text.strip_suffix(", which the service would read");
    let text = text.unwrap_or(&finding.text);
    Some(ConvertError::refused(reason, finding.evidence.offset, text))
}
