//! Fixes that depend on the format of an image.

use crate::finding::{Finding, FindingId};
use crate::format::Format;

const CONVERT: &str =
    "convert it: imgpush convert IMAGE NEW.qcow2; or push it with --convert raw or qcow2";

/// A compressed or piped VHD cannot be converted, since its size is at its end.
const CONVERT_VHD: &str =
    "push it as raw; or decompress it if needed, then convert it: imgpush convert IMAGE NEW.qcow2";

const OPEN_LUKS: &str = "open it with cryptsetup, and copy the disk in it to a new image";

/// Suggests the conversion of `imgpush` where it reads the image, and what else is better than the
/// [general fix](FindingId::remedy).
pub(crate) fn suggest(format: Format, findings: &mut [Finding]) {
    let is_readable = is_readable(format) && !findings.iter().any(prevents_conversion);
    for finding in findings {
        finding.remedy = match finding.id {
            FindingId::ServiceUnsupported if is_readable => CONVERT,
            FindingId::ServiceUnsupported if format == Format::Luks => OPEN_LUKS,
            FindingId::FixedVhd if is_readable => CONVERT_VHD,
            id => id.remedy(),
        };
    }
}

/// Whether `imgpush convert` reads all variants of the format that have such findings.
fn is_readable(format: Format) -> bool {
    // VMDK has variants that it does not read.
    format.is_virtual_disk() && format != Format::Vmdk
}

/// Whether `imgpush convert` refuses the image for this reason.
fn prevents_conversion(finding: &Finding) -> bool {
    finding.stops_qemu
        || matches!(
            finding.id,
            FindingId::BackingFile
                | FindingId::DataFile
                | FindingId::ExternalExtents
                | FindingId::Encrypted
                | FindingId::Ambiguous
                | FindingId::Polyglot
                | FindingId::UnknownFeatures
                | FindingId::Truncated
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedies(format: Format, ids: &[FindingId]) -> Vec<&'static str> {
        let mut findings: Vec<_> = ids.iter().map(|id| Finding::fatal(*id, 0, "text")).collect();
        suggest(format, &mut findings);
        findings.iter().map(Finding::remedy).collect()
    }

    #[test]
    fn imgpush_is_suggested_only_for_images_that_it_reads() {
        let unsupported = FindingId::ServiceUnsupported;
        for format in [Format::Qcow, Format::Qed, Format::Qcow2] {
            assert_eq!(remedies(format, &[unsupported]), [CONVERT]);
        }
        for format in [Format::Vmdk, Format::Bochs, Format::Cloop, Format::Dmg] {
            assert_eq!(remedies(format, &[unsupported]), [unsupported.remedy()]);
        }
        let backing = FindingId::BackingFile;
        for prevents in [backing, FindingId::Encrypted, FindingId::Polyglot, FindingId::Truncated] {
            let found = remedies(Format::Qed, &[unsupported, prevents]);
            assert_eq!(found, [unsupported.remedy(), prevents.remedy()]);
        }
        assert_eq!(remedies(Format::Vhd, &[FindingId::FixedVhd]), [CONVERT_VHD]);
        let corrupt = Finding::fatal(FindingId::CorruptHeader, 0, "text").stopping_qemu();
        let mut findings = [Finding::warning(FindingId::FixedVhd, 0, "text"), corrupt];
        suggest(Format::Vhd, &mut findings);
        assert_eq!(findings[0].remedy(), FindingId::FixedVhd.remedy());
    }
}
