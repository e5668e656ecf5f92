//! From what each format sees in a stream to one verdict.

use crate::detail::Detail;
use crate::finding::{Evidence, Finding, FindingId, Severity};
use crate::format::{Format, INSPECTORS, Kind};
use crate::glance::{ImageFormatSettings, OsloView, ServerVerdict};
use crate::inspect::{Seen, Stream};
use crate::qemu::{QemuView, driver, raw_size};

/// Bytes of evidence that are kept of a place.
const EVIDENCE_BYTES: usize = 16;

/// What a stream is, how large a disk it holds, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// The verdict.
    pub format: Format,
    /// What kind of that format, in the format's own words: `streamOptimized`, `fixed`, `version 2`.
    pub variant: Option<String>,
    /// qemu's name for the verdict: that of a driver, or `raw` for what qemu has none for, as CDs and
    /// what is packed. [`QemuView::format`] is what qemu finds by itself.
    pub driver: &'static str,
    /// Bytes of the disk that a machine would get; none when it cannot be told from what was seen. What
    /// is raw to qemu is rounded up to whole sectors, as qemu does.
    pub virtual_size: Option<u64>,
    /// Bytes of the stream, where that is known.
    pub stream_bytes: Option<u64>,
    /// Facts for people, in a fit order.
    pub details: Vec<Detail>,
    /// Every format whose magic is there.
    pub matches: Vec<Match>,
    /// What was found, worst first.
    pub findings: Vec<Finding>,
    /// What qemu makes of it when nobody tells it the format.
    pub qemu: QemuView,
    /// What the image service's inspector makes of it.
    pub oslo: OsloView,
}

impl Inspection {
    /// Whether anything found is fatal.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Fatal)
    }

    /// The least `min_disk` for the image, in GiB.
    #[must_use]
    pub fn min_disk(&self) -> Option<u64> {
        self.virtual_size.map(|bytes| bytes.div_ceil(1 << 30))
    }

    /// What qemu makes of it in a file of this name; it takes what is raw for Apple's when it is called
    /// so.
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

    /// What the image service does with these bytes, uploaded as `disk_format` in a `container_format`.
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

/// Why qemu does not open a file that is only called as Apple's.
const NO_TRAILER: &str = "its name ends in .dmg, but there is no trailer of such a disk";

/// A magic that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match {
    /// Whose.
    pub format: Format,
    /// What kind of that format.
    pub variant: Option<String>,
    /// Where, and its bytes.
    pub evidence: Evidence,
}

/// The verdict over all that was seen.
///
/// Two containers in one stream are ambiguous, a container that is also a partitioned disk or a CD is
/// a polyglot: readers would disagree on what it is, which is how one hides in another. A CD with a
/// boot sector is a hybrid CD, as everybody makes them. A partition table or file system is what a raw
/// disk has in it. A footer at the end makes a container of what starts with anything.
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
    let is_held = |kind| matches!(kind, Kind::Container | Kind::Packed);
    let first = seen.iter().find(|(format, _)| is_held(format.kind()));
    let first = first.or_else(|| seen.iter().find(|(format, _)| format.kind() == Kind::Cd));
    let (format, variant) = match first {
        Some((format, seen)) => {
            findings.extend(seen.findings.iter().cloned());
            (*format, seen.variant.clone())
        }
        None => {
            findings.extend(seen.iter().flat_map(|(_, seen)| seen.findings.iter().cloned()));
            (Format::Raw, None)
        }
    };
    // A container whose mark qemu does not go by is raw to it, unless the mark is at the end: that one
    // opens when it is named.
    let opened = first.filter(|(format, seen)| {
        format.kind() == Kind::Container && (seen.is_probed || seen.is_trailer)
    });
    let (driver, virtual_size) = match opened {
        Some((format, seen)) => (driver(*format), seen.virtual_size),
        None => ("raw", raw_size(stream)),
    };
    findings.extend(service(&oslo, &findings));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in &mut findings {
        finding.evidence = evidence(stream, finding.evidence.offset, EVIDENCE_BYTES);
    }
    Inspection {
        format,
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

/// Those of the verdict, and of what a disk has in it that can be seen.
fn details(verdict: Format, seen: Vec<(Format, Seen)>) -> Vec<Detail> {
    let is_open = seen.iter().all(|(format, seen)| *format != verdict || seen.is_trailer)
        || verdict.kind() == Kind::Cd;
    let is_wanted = |(format, _): &(Format, Seen)| {
        *format == verdict || (is_open && format.kind() == Kind::Content)
    };
    let wanted = seen.into_iter().filter(is_wanted);
    wanted.flat_map(|(_, seen)| seen.details.into_inner()).collect()
}

/// What the image service's answer adds to what was found.
fn service(oslo: &OsloView, findings: &[Finding]) -> Option<Finding> {
    if let Some(reason) = oslo.uncertainty {
        return Some(Finding::fatal(FindingId::ServerVerdictUnknown, 0, reason));
    }
    if findings.iter().any(|finding| finding.severity == Severity::Fatal) {
        return None;
    }
    // Whether a partition table stops it depends on its age and settings.
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
    let text = format!("the image service refuses it as any disk_format: {reason}");
    Some(Finding::fatal(FindingId::ServiceUnsupported, 0, text))
}

fn evidence(stream: &Stream<'_>, offset: u64, length: usize) -> Evidence {
    let bytes = stream.from(offset, length.min(EVIDENCE_BYTES));
    let bytes =
        if bytes.is_empty() { stream.at(offset, length).unwrap_or_default() } else { bytes };
    Evidence { offset, bytes: bytes.to_vec() }
}

/// What cannot be both.
fn contradictions(seen: &[(Format, Seen)]) -> Vec<Finding> {
    let of_kind = |kinds: &'static [Kind]| {
        seen.iter().filter(move |(format, _)| kinds.contains(&format.kind())).collect::<Vec<_>>()
    };
    let mut findings = Vec::new();
    let held = of_kind(&[Kind::Container, Kind::Packed]);
    if let [_, (_, second), ..] = held[..] {
        let names = held.iter().map(|(format, _)| format.name()).collect::<Vec<_>>().join(" and ");
        let text = format!("this is {names} at once");
        findings.push(Finding::fatal(FindingId::Ambiguous, second.magic.0, text));
    }
    let container = held.iter().find(|(_, seen)| !seen.is_trailer);
    let disk = seen.iter().find(|(format, _)| {
        matches!(format, Format::Iso | Format::Mbr | Format::Gpt | Format::Udf)
    });
    if let (Some((format, _)), Some((disk, seen))) = (container, disk) {
        let text = format!("this is {format} and {disk} at once");
        findings.push(Finding::fatal(FindingId::Polyglot, seen.magic.0, text));
    }
    findings
}
