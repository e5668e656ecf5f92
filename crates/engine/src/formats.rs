//! Which `disk_format` the image gets, and whether it may be pushed at all.

use std::ops::Range;

use bytes::Bytes;
use imgpush_formats::{
    Detector, FindingId, Format, ImageFormatSettings, Inspection, Severity, TAIL_BYTES,
};

use crate::error::{Failure, SourceError};
use crate::pool::Pool;
use crate::source::{ReadAt, Source};

/// The memory of an inspection that has to read all through.
const STREAM_CHUNKS: usize = 2;
const STREAM_CHUNK_BYTES: usize = 1 << 20;

/// Looks at a source: at a few places of one that gives [`random_access`](Source::random_access), else
/// all through.
///
/// # Errors
///
/// As the source fails.
pub fn inspect(source: &mut dyn Source) -> Result<Inspection, SourceError> {
    if let Some(inspection) = inspect_places(source)? {
        return Ok(inspection);
    }
    let pool = Pool::new(STREAM_CHUNKS, STREAM_CHUNK_BYTES);
    let mut detector = Detector::new();
    while let Some(chunk) = source.next_chunk(&pool)? {
        detector.push(&chunk);
    }
    source.finish()?;
    Ok(detector.finish())
}

/// The end, the start, and where the start points to.
fn inspect_places(source: &mut dyn Source) -> Result<Option<Inspection>, SourceError> {
    let Some(length) = source.size() else { return Ok(None) };
    let name = source.name().to_owned();
    let Some(places) = source.random_access() else { return Ok(None) };
    let mut detector = Detector::new();
    let tail_offset = length.saturating_sub(TAIL_BYTES as u64);
    let tail = part(places, tail_offset..length)?;
    let found = tail_offset + tail.len() as u64;
    if found < length {
        return Err(SourceError::Shrank { name, expected: length, found });
    }
    detector.tail(&tail, length);
    while let Some(wanted) = detector.wants() {
        let bytes = part(places, wanted.start..wanted.end.min(length))?;
        if bytes.is_empty() {
            break;
        }
        detector.skip_to(wanted.start);
        detector.push(&bytes);
    }
    Ok(Some(detector.inspect(None)))
}

/// A part of at most a MiB, as all that a detector wants.
fn part(places: &mut dyn ReadAt, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
    let length = range.end.saturating_sub(range.start);
    let mut bytes = vec![0; usize::try_from(length).expect("a detector wants a MiB at most")];
    let filled = places.read_at(range.start, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// What a source is, and the start of it that had to be read, and is not yet sent, to know that.
pub(crate) struct Sniffed {
    pub(crate) head: Vec<Bytes>,
    pub(crate) inspection: Inspection,
}

/// Looks at a few places, or reads chunks until the format is clear. They stay in the pool's budget, so
/// at most half of it is taken.
pub(crate) fn sniff(source: &mut dyn Source, pool: &Pool) -> Result<Sniffed, SourceError> {
    if let Some(inspection) = inspect_places(source)? {
        return Ok(Sniffed { head: Vec::new(), inspection });
    }
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
    if asked.is_none() && own_name(found).is_none() {
        return Err(Failure::FormatUnknown { found: found.name().to_owned() });
    }
    if !other.is_empty() {
        return Err(Failure::FormatUnsafe { findings: shown(other), overrulable: true });
    }
    match (asked, own_name(found)) {
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

/// The `disk_format` under which the service takes the data as it is in a `container_format`, and a
/// machine sees the disk that is in it; none where there is no such.
///
/// A container never becomes `raw`: a machine would see the container. What the service takes for raw
/// and qemu as well, a fixed VHD for one, is a raw disk with something behind it.
#[must_use]
pub fn disk_format(
    inspection: &Inspection,
    container_format: &str,
    settings: &ImageFormatSettings,
) -> Option<&'static str> {
    let own = own_name(inspection.format)?;
    let is_raw = inspection.qemu.format == "raw";
    let takes = |name: &&str| inspection.glance(name, container_format, settings).is_accepted();
    [own].into_iter().chain(is_raw.then_some("raw")).find(takes)
}

/// Formats that make a service read something else than the bytes sent. Nobody may overrule that.
fn points_outside(id: FindingId) -> bool {
    matches!(id, FindingId::BackingFile | FindingId::DataFile | FindingId::ExternalExtents)
}

/// The word of the Image API for a format, where it has one.
fn own_name(format: Format) -> Option<&'static str> {
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
