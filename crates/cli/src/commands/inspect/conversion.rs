//! How a virtual disk would be converted.

use imgpush_engine::disks::write::WriteOptions;
use imgpush_engine::disks::{self, ConvertError, Converted, ReadOptions, Strategy, Survey};
use imgpush_engine::image_formats::{FindingId, Format, Inspection};
use imgpush_engine::source::{self, Source};

use crate::output;

/// Extents that are examined at most: 256 GiB of a qcow2, which takes less than a second.
const MOST_EXTENTS: u64 = 4 << 20;

/// How a virtual disk would be converted, or why it would not.
pub(super) enum ConversionPreview {
    Possible(ConversionFacts),
    /// With the reason.
    Refused(String),
}

/// What is known of a conversion.
pub(super) struct ConversionFacts {
    pub(super) strategy: Strategy,
    /// The size of the disk.
    pub(super) raw_bytes: Option<u64>,
    /// Only of local files.
    pub(super) survey: Option<Survey>,
    /// The estimated size of a compressed qcow2.
    pub(super) qcow2_bytes: Option<u64>,
}

impl ConversionPreview {
    /// The preview for a source that was inspected; none if it is no virtual disk.
    ///
    /// The tables are read only if requests are cheap: neither of an address nor of a stream, which has been
    /// read to its end.
    pub(super) fn of(mut source: Box<dyn Source>, inspection: &Inspection) -> Option<Self> {
        if !has_disk(inspection.format) {
            return None;
        }
        let has_random_access = source.random_access().is_some();
        let known = if has_random_access && !source::is_address(source.name().as_ref()) {
            survey(source)
        } else {
            from_inspection(inspection, has_random_access)
        };
        Some(match known {
            Ok(facts) => ConversionPreview::Possible(facts),
            Err(error) => ConversionPreview::Refused(reason(&*error)),
        })
    }
}

type AnyError = Box<dyn std::error::Error>;

fn survey(source: Box<dyn Source>) -> Result<ConversionFacts, AnyError> {
    let mut disk = Converted::new(source, &ReadOptions::default())?;
    let survey = disk.survey(MOST_EXTENTS)?;
    let qcow2_bytes = match &survey {
        Some(survey) => disk.estimate_qcow2(survey, &WriteOptions::default())?,
        None => None,
    };
    Ok(ConversionFacts { strategy: disk.strategy(), raw_bytes: disk.size(), survey, qcow2_bytes })
}

fn from_inspection(
    inspection: &Inspection,
    has_random_access: bool,
) -> Result<ConversionFacts, AnyError> {
    disks::check(inspection)?;
    let is_fixed = |inspection: &Inspection| {
        inspection.findings.iter().any(|finding| finding.id == FindingId::FixedVhd)
    };
    if !has_random_access && is_fixed(inspection) {
        return Err("the size of a fixed VHD is at its end, which a pipe has too late".into());
    }
    let strategy = if has_random_access { Strategy::Random } else { Strategy::Forward };
    let raw_bytes = inspection.virtual_size;
    Ok(ConversionFacts { strategy, raw_bytes, survey: None, qcow2_bytes: None })
}

/// The error in one line, without the clause that the conversion is not possible.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    match error.downcast_ref() {
        Some(ConvertError::Refused { text, .. }) => text.clone(),
        _ => output::chain(error).join(": "),
    }
}

/// Whether the format has a disk in it that differs from its bytes. Some of them are always refused.
fn has_disk(format: Format) -> bool {
    format.is_virtual_disk()
        || matches!(format, Format::Luks | Format::Bochs | Format::Cloop | Format::Dmg)
}
