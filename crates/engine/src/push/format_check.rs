//! Which `disk_format` the image gets, and whether it may be pushed at all.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use imgpush_formats::{
    Detector, Finding, FindingId, Format, ImageFormatSettings, Inspection, ServerVerdict, Severity,
    TAIL_BYTES,
};

use crate::error::Failure;
use imgpush_source::SourceError;
use imgpush_source::off_runtime;
use imgpush_source::pool::Pool;
use imgpush_source::{ReadAt, Source};

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
    source.check()?;
    Ok(detector.finish())
}

/// The end, the start, and where the start points to.
fn inspect_places(source: &mut dyn Source) -> Result<Option<Inspection>, SourceError> {
    let Some(length) = source.size() else { return Ok(None) };
    let name = source.name().to_owned();
    let Some(places) = source.random_access() else { return Ok(None) };
    let tail_offset = length.saturating_sub(TAIL_BYTES as u64);
    let inspection = Detector::seek(length, |range| {
        let is_tail = range.start == tail_offset;
        let bytes = part(places, range)?;
        let found = tail_offset + bytes.len() as u64;
        if is_tail && found < length {
            return Err(SourceError::Shrank { name: name.clone(), expected: length, found });
        }
        Ok(bytes)
    })?;
    Ok(Some(inspection))
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
    /// Whether the end was seen, too.
    pub(crate) is_whole: bool,
}

/// Looks at a few places, or reads chunks until the format is clear. They stay in the pool's budget, so
/// at most half of it is taken. Gives the source back.
pub(crate) async fn sniff(
    mut source: Box<dyn Source>,
    pool: &Pool,
) -> Result<(Box<dyn Source>, Sniffed), SourceError> {
    let pool = pool.clone();
    off_runtime(move || {
        let sniffed = sniff_now(source.as_mut(), &pool)?;
        Ok((source, sniffed))
    })
    .await
}

fn sniff_now(source: &mut dyn Source, pool: &Pool) -> Result<Sniffed, SourceError> {
    if let Some(inspection) = inspect_places(source)? {
        return Ok(Sniffed { head: Vec::new(), inspection, is_whole: true });
    }
    let mut detector = Detector::new();
    let mut head = Vec::new();
    let mut read = 0;
    let mut is_whole = false;
    while !detector.is_decided() && head.len() < pool.chunks() / 2 {
        let Some(chunk) = source.next_chunk(pool)? else {
            is_whole = true;
            break;
        };
        read += chunk.len() as u64;
        detector.push(&chunk);
        head.push(chunk);
    }
    let size = source.size().or(is_whole.then_some(read));
    Ok(Sniffed { head, inspection: detector.inspect(size), is_whole })
}

/// What a record says of its data, and what the service is known to make of that.
///
/// The claim is checked twice: on what can be seen before anything is sent, and on the bytes sent,
/// while their end is still held back.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) disk_format: String,
    pub(crate) container_format: String,
    pub(crate) settings: ImageFormatSettings,
    /// Whether it is believed against what the data shows.
    pub(crate) is_forced: bool,
    /// Whether the source cannot say how long it will be.
    pub(crate) is_stream: bool,
}

impl Claim {
    /// The `disk_format` for a record where nobody gave one.
    pub(crate) fn recognise(
        inspection: &Inspection,
        container_format: &str,
        settings: &ImageFormatSettings,
    ) -> Result<String, Failure> {
        match container_format {
            "bare" => {}
            "ami" | "aki" | "ari" => return Ok(container_format.to_owned()),
            _ => {
                let container_format = container_format.to_owned();
                return Err(Failure::NoDiskFormat { container_format });
            }
        }
        self_contained(inspection)?;
        let is_known = |name: &&str| settings.disk_formats.iter().any(|known| known == name);
        // Where the service takes none, the check says why it does not take the data's own.
        let own = || own_name(inspection.format).filter(is_known);
        let name = disk_format(inspection, "bare", settings).or_else(own);
        let found = inspection.format;
        name.map(str::to_owned)
            .ok_or_else(|| Failure::FormatUnknown { found, findings: telling(inspection) })
    }

    /// What the service will do with the data; an error when it will not take it, or should not be
    /// given it. What only the end of the data can tell is let pass until that is seen.
    pub(crate) fn check(
        &self,
        inspection: &Inspection,
        is_whole: bool,
    ) -> Result<ServerVerdict, Failure> {
        self_contained(inspection)?;
        let verdict = inspection.glance(&self.disk_format, &self.container_format, &self.settings);
        if self.is_forced || self.container_format != "bare" {
            return Ok(verdict);
        }
        let fatal: Vec<_> =
            inspection.findings.iter().filter(|finding| self.forbids(finding)).cloned().collect();
        if !fatal.is_empty() {
            return Err(Failure::FormatUnsafe { findings: fatal, overrulable: true });
        }
        let disk_format = self.disk_format.clone();
        let taken_as = self.taken_as(inspection);
        let instead = self::disk_format(inspection, "bare", &self.settings)
            .filter(|name| *name != disk_format);
        let findings = telling(inspection);
        if !is_name_of(&disk_format, inspection) {
            let (asked, found) = (disk_format, inspection.format);
            return Err(Failure::FormatMismatch { asked, found, taken_as, instead, findings });
        }
        match verdict {
            ServerVerdict::Refused { reason } => {
                Err(Failure::FormatRefused { disk_format, reason, taken_as, instead, findings })
            }
            ServerVerdict::Unknown { reason }
                if is_whole || inspection.oslo.uncertainty.is_some() =>
            {
                Err(Failure::FormatUnclear { reason, findings })
            }
            verdict => Ok(verdict),
        }
    }

    /// Whether the claim holds for all the bytes that were sent, but for their end.
    pub(crate) fn confirm(&self, inspection: &Arc<Inspection>) -> Result<Examined, Failure> {
        match self.check(inspection, true) {
            Ok(verdict) => Ok(Examined { inspection: Arc::clone(inspection), verdict }),
            Err(failure) => Err(Failure::HeldBack { source: Box::new(failure) }),
        }
    }

    /// Whether a finding by itself keeps the data from being sent. What is about the service is left to
    /// its verdict, which knows its settings. A stream that ended early has no other sign of it.
    fn forbids(&self, finding: &Finding) -> bool {
        match finding.id {
            FindingId::ServiceUnsupported | FindingId::ServerVerdictUnknown => false,
            FindingId::Truncated if self.is_stream => true,
            _ => finding.severity == Severity::Fatal,
        }
    }

    /// The words under which the service would take the data.
    fn taken_as(&self, inspection: &Inspection) -> Vec<String> {
        let verdicts = inspection.oslo.verdicts("bare", &self.settings);
        let taken = verdicts.into_iter().filter(|(_, verdict)| verdict.is_accepted());
        taken.map(|(name, _)| name.to_owned()).collect()
    }
}

/// Data that is what was claimed.
#[derive(Clone, Debug)]
pub(crate) struct Examined {
    pub(crate) inspection: Arc<Inspection>,
    pub(crate) verdict: ServerVerdict,
}

/// What makes a service read something else than the bytes sent. Nobody may overrule that.
fn self_contained(inspection: &Inspection) -> Result<(), Failure> {
    let points_outside = |finding: &&Finding| {
        let ids = [FindingId::BackingFile, FindingId::DataFile, FindingId::ExternalExtents];
        finding.severity == Severity::Fatal && ids.contains(&finding.id)
    };
    let findings: Vec<_> = inspection.findings.iter().filter(points_outside).cloned().collect();
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::FormatUnsafe { findings, overrulable: false })
}

/// What explains a refusal.
fn telling(inspection: &Inspection) -> Vec<Finding> {
    let tells = |finding: &&Finding| {
        finding.severity >= Severity::Warning || finding.id == FindingId::NoPartition
    };
    inspection.findings.iter().filter(tells).cloned().collect()
}

/// Whether a machine that is told this `disk_format` sees the disk that is in the data.
fn is_name_of(disk_format: &str, inspection: &Inspection) -> bool {
    let Some(own) = own_name(inspection.format) else { return false };
    match disk_format {
        // What these hold has no magic of its own: a kernel, a ramdisk, a bare file system.
        "ami" | "ari" | "aki" => own == "raw",
        "raw" => inspection.qemu.format == "raw",
        name => name == own,
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
    let takes = |name: &&str| {
        is_name_of(name, inspection)
            && inspection.glance(name, container_format, settings).is_accepted()
    };
    [own, "raw"].into_iter().find(takes)
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
        Format::Luks => Some("luks"),
        _ => None,
    }
}
