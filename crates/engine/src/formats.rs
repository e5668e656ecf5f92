//! Which `disk_format` the image gets, and whether it may be pushed at all.

use bytes::Bytes;
use imgpush_formats::{Detector, FindingId, Format, Inspection, Severity};

use crate::error::{Failure, SourceError};
use crate::pool::Pool;
use crate::source::Source;

/// The start of a source, read but not yet sent, and what it says.
pub(crate) struct Sniffed {
    pub(crate) head: Vec<Bytes>,
    pub(crate) inspection: Inspection,
}

/// Reads chunks until the format is clear. They stay in the pool's budget, so at most half of it is
/// taken.
pub(crate) fn sniff(source: &mut dyn Source, pool: &Pool) -> Result<Sniffed, SourceError> {
    let mut detector = Detector::new();
    let mut head = Vec::new();
    let mut read = 0;
    let mut ended = false;
    while !detector.is_decided() && head.len() < pool.chunks() / 2 {
        let Some(chunk) = source.next_chunk(pool)? else {
            ended = true;
            break;
        };
        read += chunk.len() as u64;
        detector.push(&chunk);
        head.push(chunk);
    }
    let size = source.size().or(ended.then_some(read));
    Ok(Sniffed { head, inspection: detector.inspect(size) })
}

/// The `disk_format` for the record.
pub(crate) fn choose(
    inspection: &Inspection,
    asked: Option<&str>,
    force: bool,
) -> Result<String, Failure> {
    let fatal = inspection.findings.iter().filter(|finding| finding.severity == Severity::Fatal);
    let (outside, other): (Vec<_>, Vec<_>) = fatal.partition(|finding| points_outside(finding.id));
    let shown = |findings: Vec<&imgpush_formats::Finding>| {
        findings.iter().map(|finding| format!("{}: {}", finding.id, finding.text)).collect()
    };
    if !outside.is_empty() {
        return Err(Failure::FormatUnsafe { findings: shown(outside), overrulable: false });
    }
    if force && let Some(asked) = asked {
        return Ok(asked.to_owned());
    }
    let found = inspection.format;
    if asked.is_none() && disk_format(found).is_none() {
        return Err(Failure::FormatUnknown { found: found.name().to_owned() });
    }
    if !other.is_empty() {
        return Err(Failure::FormatUnsafe { findings: shown(other), overrulable: true });
    }
    match (asked, disk_format(found)) {
        (None, Some(name)) => Ok(name.to_owned()),
        (None, None) => Err(Failure::FormatUnknown { found: found.name().to_owned() }),
        (Some(asked), Some(name)) if asked == name => Ok(asked.to_owned()),
        // What these hold has no magic of its own: a kernel, a ramdisk, a bare file system.
        (Some(asked @ ("ami" | "ari" | "aki")), Some("raw")) => Ok(asked.to_owned()),
        (Some(asked), _) => {
            Err(Failure::FormatMismatch { asked: asked.to_owned(), found: found.name().to_owned() })
        }
    }
}

/// Formats that make a service read something else than the bytes sent. Nobody may overrule that.
fn points_outside(id: FindingId) -> bool {
    matches!(id, FindingId::BackingFile | FindingId::DataFile | FindingId::ExternalExtents)
}

/// The word of the Image API for a format, where it has one.
fn disk_format(format: Format) -> Option<&'static str> {
    match format {
        Format::Raw => Some("raw"),
        Format::Qcow2 => Some("qcow2"),
        Format::Vmdk => Some("vmdk"),
        Format::Vhd => Some("vhd"),
        Format::Vhdx => Some("vhdx"),
        Format::Vdi => Some("vdi"),
        Format::Iso => Some("iso"),
        Format::Parallels => Some("ploop"),
        _ => None,
    }
}
