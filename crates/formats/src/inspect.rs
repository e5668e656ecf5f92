//! From what each format sees in a stream to one verdict.

use crate::finding::{Finding, FindingId, Severity};
use crate::format::Format;

/// What a stream is, how large a disk it holds, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// The verdict.
    pub format: Format,
    /// Bytes of the disk inside; none when it cannot be told from the start of the stream.
    pub virtual_size: Option<u64>,
    /// Every format whose magic is there.
    pub matches: Vec<Match>,
    /// What was found, worst first.
    pub findings: Vec<Finding>,
}

impl Inspection {
    /// Whether anything found is fatal.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Fatal)
    }
}

/// A magic that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match {
    /// Whose.
    pub format: Format,
    /// Where, in bytes.
    pub offset: u64,
}

/// What a format says of a stream that bears its magic.
pub(crate) struct Seen {
    pub(crate) format: Format,
    /// Where the magic stands.
    pub(crate) offset: u64,
    pub(crate) virtual_size: Option<u64>,
    pub(crate) findings: Vec<Finding>,
}

impl Seen {
    pub(crate) fn new(format: Format, offset: u64) -> Self {
        Seen { format, offset, virtual_size: None, findings: Vec::new() }
    }

    pub(crate) fn holding(mut self, virtual_size: Option<u64>) -> Self {
        self.virtual_size = virtual_size;
        self
    }

    pub(crate) fn with(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }
}

/// A format looks at the start of a stream; `None` when its magic is not there.
pub(crate) type Inspector = fn(head: &[u8]) -> Option<Seen>;

/// The verdict over all that was seen.
///
/// Two container formats in one stream are ambiguous, a container that is also a partitioned disk or
/// a CD is a polyglot: readers would disagree on what it is, which is how one hides in another. A CD
/// with a boot sector is a hybrid CD, as everybody makes them.
pub(crate) fn judge(seen: Vec<Seen>, boot_sector: bool, stream_bytes: Option<u64>) -> Inspection {
    let matches: Vec<Match> =
        seen.iter().map(|s| Match { format: s.format, offset: s.offset }).collect();
    let (cds, containers): (Vec<_>, Vec<_>) =
        seen.into_iter().partition(|seen| seen.format == Format::Iso);
    let is_cd = !cds.is_empty();
    let names =
        |seen: &[Seen]| seen.iter().map(|s| s.format.name()).collect::<Vec<_>>().join(" and ");

    let mut findings = Vec::new();
    if containers.len() > 1 {
        let text = format!("this is {} at once", names(&containers));
        findings.push(Finding::fatal(FindingId::Ambiguous, 0, text));
    }
    if let Some(container) = containers.first()
        && (is_cd || boot_sector)
    {
        let other = if is_cd { "a CD image" } else { "a disk with a boot sector" };
        let text = format!("this is {} and {other} at once", container.format);
        let offset = if is_cd { CD_OFFSET } else { BOOT_SIGNATURE as u64 };
        findings.push(Finding::fatal(FindingId::Polyglot, offset, text));
    }
    let first = containers.into_iter().chain(cds).next();
    let (format, virtual_size) = match first {
        Some(seen) => {
            findings.extend(seen.findings);
            let whole = matches!(seen.format, Format::Iso);
            (seen.format, if whole { stream_bytes } else { seen.virtual_size })
        }
        None => {
            if boot_sector {
                let text = "a boot sector or partition table is at the start";
                let offset = BOOT_SIGNATURE as u64;
                findings.push(Finding::info(FindingId::PartitionTable, offset, text));
            }
            (Format::Raw, stream_bytes)
        }
    };
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Inspection { format, virtual_size, matches, findings }
}

/// Where a CD's first descriptor says so.
pub(crate) const CD_OFFSET: u64 = 32_769;
/// Where `55 aa` ends a boot sector.
pub(crate) const BOOT_SIGNATURE: usize = 510;
