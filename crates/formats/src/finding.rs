//! What is worth knowing about an image before it is used.

use std::fmt;

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of thing.
    pub id: FindingId,
    /// How bad it is.
    pub severity: Severity,
    /// A sentence for people.
    pub text: String,
    /// Where in the stream it shows, in bytes.
    pub offset: u64,
}

impl Finding {
    pub(crate) fn fatal(id: FindingId, offset: u64, text: impl Into<String>) -> Self {
        Finding { id, severity: Severity::Fatal, text: text.into(), offset }
    }

    pub(crate) fn info(id: FindingId, offset: u64, text: impl Into<String>) -> Self {
        Finding { id, severity: Severity::Info, text: text.into(), offset }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Works, but probably not as meant.
    Warning,
    /// qemu cannot open it, the image service refuses it, or a service must not boot it.
    Fatal,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingId {
    /// The image is only what differs from another file, which the service would read (CVE-2024-32498
    /// and its kin).
    BackingFile,
    /// The data lies in another file (CVE-2024-32498, OSSA-2024-001).
    DataFile,
    /// The data lies in files that a text names (CVE-2022-47951, OSSA-2023-002).
    ExternalExtents,
    /// The image needs features that qemu does not have.
    UnknownFeatures,
    /// qemu knows it, the image service does not.
    ServiceUnsupported,
    /// The header contradicts itself or the limits of the format.
    CorruptHeader,
    /// The data is encrypted.
    Encrypted,
    /// It was not closed properly.
    NotClosed,
    /// More than one format's magic is there.
    Ambiguous,
    /// A disk image that is also a disk or a file system.
    Polyglot,
    /// Packed: it has to be unpacked before anything boots from it.
    Compressed,
    /// An archive of files.
    Archive,
    /// A disk with a partition table.
    PartitionTable,
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FindingId::BackingFile => "backing-file",
            FindingId::DataFile => "data-file",
            FindingId::ExternalExtents => "external-extents",
            FindingId::UnknownFeatures => "unknown-features",
            FindingId::ServiceUnsupported => "service-unsupported",
            FindingId::CorruptHeader => "corrupt-header",
            FindingId::Encrypted => "encrypted",
            FindingId::NotClosed => "not-closed",
            FindingId::Ambiguous => "ambiguous",
            FindingId::Polyglot => "polyglot",
            FindingId::Compressed => "compressed",
            FindingId::Archive => "archive",
            FindingId::PartitionTable => "partition-table",
        })
    }
}
