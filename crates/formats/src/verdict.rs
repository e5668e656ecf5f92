//! One verdict from the results of all formats for a stream.

use crate::detail::Detail;
use crate::finding::{Evidence, Finding, FindingId, Severity};
use crate::format::{Format, INSPECTORS, Kind};
use crate::glance::{ImageFormatSettings, OsloView, ServerVerdict};
use crate::inspect::{Seen, Stream};
use crate::not_a_disk;
use crate::qemu::{QemuView, driver, raw_size};
use crate::region::TAIL_BYTES;
use crate::remedy;

/// Maximum number of bytes of evidence.
const EVIDENCE_BYTES: usize = 16;

/// The format of a stream, the size of its disk, and the problems found.
///
/// If it is not [complete](Self::is_complete), all of it applies only to the seen bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// The format.
    pub format: Format,
    /// Whether all parts that a [`Detector`](crate::Detector) needs were seen: the start, the parts that it
    /// refers to, and the end.
    ///
    /// If not, a finding [`FindingId::NotChecked`] names the missing part, and a stream without a magic whose
    /// start was not seen completely is [`Format::Unknown`], not [`Format::Raw`].
    pub is_complete: bool,
    /// The variant, as the format names it: `streamOptimized`, `fixed`, `version 2`.
    pub variant: Option<String>,
    /// The name of the qemu driver for the format, or `raw` if qemu has none, as for CDs and compressed
    /// files. [`QemuView::format`] is the format that qemu detects by itself.
    pub driver: &'static str,
    /// The size of the disk in bytes as a machine would see it; none if the seen bytes do not contain it. For
    /// formats that qemu opens as raw it is rounded up to complete sectors, as by qemu.
    pub virtual_size: Option<u64>,
    /// Bytes of the stream, if known.
    pub stream_bytes: Option<u64>,
    /// Facts for a reader, in the order to show them.
    pub details: Vec<Detail>,
    /// Every format whose magic was found.
    pub matches: Vec<Match>,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// The format that qemu detects without a given format.
    pub qemu: QemuView,
    /// The formats that the inspectors of the image service detect.
    pub oslo: OsloView,
}

impl Inspection {
    /// Returns whether a finding is fatal.
    ///
    /// Without a fatal finding, an inspection that is not [complete](Self::is_complete) does not mean that
    /// the image is safe.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Fatal)
    }

    /// Returns the minimum `min_disk` for the image, in GiB.
    #[must_use]
    pub fn min_disk(&self) -> Option<u64> {
        self.virtual_size.map(|bytes| bytes.div_ceil(1 << 30))
    }

    /// Returns the format that qemu detects in a file with this name: it opens a raw file whose name ends in
    /// `.dmg` as an Apple image.
    #[must_use]
    pub fn qemu_named(&self, name: &str) -> QemuView {
        let is_called_so = name.strip_suffix(".dmg").is_some_and(|stem| !stem.is_empty());
        if !is_called_so || self.qemu.format != "raw" || self.stream_bytes == Some(0) {
            return self.qemu.clone();
        }
        if self.format != Format::Dmg {
            let refusal = Some(NO_TRAILER.to_owned());
            return QemuView { format: "dmg", virtual_size: None, refusal };
        }
        let refusal = self.findings.iter().find(|finding| finding.stops_qemu);
        let refusal = refusal.map(|finding| finding.text.clone());
        QemuView { format: "dmg", virtual_size: self.virtual_size, refusal }
    }

    /// Returns the decision of the image service on an upload of these bytes as `disk_format` in a
    /// `container_format`.
    #[must_use]
    pub fn glance(
        &self,
        disk_format: &str,
        container_format: &str,
        settings: &ImageFormatSettings,
    ) -> ServerVerdict {
        self.oslo.verdict(disk_format, container_format, settings)
    }
}

/// The reason why qemu does not open a file that only has the extension of an Apple image.
const NO_TRAILER: &str = "its name ends in .dmg, but it has no trailer of an Apple disk image";

/// A magic that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match {
    /// The format that it belongs to.
    pub format: Format,
    /// The variant of that format.
    pub variant: Option<String>,
    /// Its position and its bytes.
    pub evidence: Evidence,
}

/// Combines the results of all formats.
///
/// Two containers in one stream are ambiguous, and a container that is also a partitioned disk or a CD is a
/// polyglot: readers would disagree on the format, so one can hide in another. A CD with a boot sector is a
/// hybrid CD, which is common. A partition table or a file system is the content of a raw disk. A footer at
/// the end makes a stream a container, whatever its start contains.
pub(crate) fn judge(stream: &Stream<'_>) -> Inspection {
    let seen: Vec<(Format, Seen)> = INSPECTORS
        .iter()
        .filter_map(|(format, inspector)| Some((*format, inspector.inspect(stream)?)))
        .collect();
    let matches = seen.iter().map(|(format, seen)| Match {
        format: *format,
        variant: seen.variant.clone(),
        evidence: evidence(stream, seen.magic.0, seen.magic.1),
    });
    let matches = matches.collect();
    let qemu = QemuView::predict(stream, &seen);
    let oslo = OsloView::predict(stream);

    let mut findings = contradictions(&seen);
    let is_held = |kind| matches!(kind, Kind::Container | Kind::Compressed);
    let first = seen.iter().find(|(format, _)| is_held(format.kind()));
    let first = first.or_else(|| seen.iter().find(|(format, _)| format.kind() == Kind::Cd));
    let (format, variant) = match first {
        Some((format, seen)) => {
            findings.extend(seen.findings.iter().cloned());
            (*format, seen.variant.clone())
        }
        None => {
            findings.extend(seen.iter().flat_map(|(_, seen)| seen.findings.iter().cloned()));
            (if stream.has_cut_head() { Format::Unknown } else { Format::Raw }, None)
        }
    };
    // qemu opens a container whose magic it does not detect as raw, unless the magic is at the end: it opens
    // such an image when the format is given.
    let opened = first.filter(|(format, seen)| {
        format.kind() == Kind::Container && (seen.is_probed || seen.is_trailer)
    });
    let (driver, virtual_size) = match opened {
        Some((format, seen)) => (driver(*format), seen.virtual_size),
        None if format == Format::Unknown => ("raw", None),
        None => ("raw", raw_size(stream)),
    };
    if seen.is_empty() && oslo.uncertainty.is_none() {
        findings.extend(not_a_disk::finding(stream));
    }
    findings.extend(service(&oslo, &findings));
    findings.extend(not_seen(stream));
    remedy::suggest(format, &mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in &mut findings {
        finding.evidence = evidence(stream, finding.evidence.offset, EVIDENCE_BYTES);
    }
    Inspection {
        format,
        is_complete: stream.is_complete(),
        variant,
        driver,
        virtual_size,
        stream_bytes: stream.length,
        details: details(format, seen),
        matches,
        findings,
        qemu,
        oslo,
    }
}

/// The details of the format, and of the content of a raw disk.
fn details(verdict: Format, seen: Vec<(Format, Seen)>) -> Vec<Detail> {
    let is_open = seen.iter().all(|(format, seen)| *format != verdict || seen.is_trailer)
        || verdict.kind() == Kind::Cd;
    let is_wanted = |(format, _): &(Format, Seen)| {
        *format == verdict || (is_open && format.kind() == Kind::Content)
    };
    let wanted = seen.into_iter().filter(is_wanted);
    wanted.flat_map(|(_, seen)| seen.details.into_inner()).collect()
}

/// The finding for an unseen part: the rest of the start, or the end of the stream.
///
/// Parts in between are reported by the format that requests them.
fn not_seen(stream: &Stream<'_>) -> Option<Finding> {
    let seen = stream.head.len() as u64;
    if stream.has_cut_head() {
        let of = stream.length.map(|length| format!(" of {length}")).unwrap_or_default();
        let text = format!("only the first {seen} bytes{of} were read; it may have another format");
        return Some(Finding::warning(FindingId::NotChecked, seen, text));
    }
    (!stream.has_end()).then(|| {
        let offset = stream.length.map_or(seen, |end| end.saturating_sub(TAIL_BYTES as u64));
        let text = "the end, where some formats have a footer, was not read";
        Finding::info(FindingId::NotChecked, offset, text)
    })
}

/// The finding that follows from the decision of the image service.
fn service(oslo: &OsloView, findings: &[Finding]) -> Option<Finding> {
    if let Some(reason) = oslo.uncertainty {
        return Some(Finding::fatal(FindingId::ServerVerdictUnknown, 0, reason));
    }
    if findings.iter().any(|finding| finding.severity == Severity::Fatal) {
        return None;
    }
    // Whether the service refuses a partition table depends on its version and settings.
    let settings = ImageFormatSettings {
        gpt_safety_checks_nonfatal: vec!["mbr".to_owned()],
        ..ImageFormatSettings::default()
    };
    let verdicts = oslo.verdicts("bare", &settings);
    if verdicts.iter().any(|(_, v)| !matches!(v, ServerVerdict::Refused { .. })) {
        return None;
    }
    let ServerVerdict::Refused { reason } = oslo.verdict("raw", "bare", &settings) else {
        return None;
    };
    let text = format!("the image service refuses it with any disk_format: {reason}");
    Some(Finding::fatal(FindingId::ServiceUnsupported, 0, text))
}

fn evidence(stream: &Stream<'_>, offset: u64, length: usize) -> Evidence {
    let bytes = stream.from(offset, length.min(EVIDENCE_BYTES));
    let bytes =
        if bytes.is_empty() { stream.at(offset, length).unwrap_or_default() } else { bytes };
    Evidence { offset, bytes: bytes.to_vec() }
}

/// Formats that exclude each other.
fn contradictions(seen: &[(Format, Seen)]) -> Vec<Finding> {
    let of_kind = |kinds: &'static [Kind]| {
        seen.iter().filter(move |(format, _)| kinds.contains(&format.kind())).collect::<Vec<_>>()
    };
    let mut findings = Vec::new();
    let held = of_kind(&[Kind::Container, Kind::Compressed]);
    if let [_, (_, second), ..] = held[..] {
        let names = held.iter().map(|(format, _)| format.name()).collect::<Vec<_>>().join(" and ");
        let text = format!("it is valid as several formats: {names}");
        findings.push(Finding::fatal(FindingId::Ambiguous, second.magic.0, text));
    }
    let container = held.iter().find(|(_, seen)| !seen.is_trailer);
    let disk = seen.iter().find(|(format, _)| {
        matches!(format, Format::Iso | Format::Mbr | Format::Gpt | Format::Udf)
    });
    if let (Some((format, _)), Some((disk, seen))) = (container, disk) {
        let text = format!("it is valid as two formats: {format} and {disk}");
        findings.push(Finding::fatal(FindingId::Polyglot, seen.magic.0, text));
    }
    findings
}
