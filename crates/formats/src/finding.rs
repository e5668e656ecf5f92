//! Findings: problems and facts that a user should know before using an image.

use std::fmt;

/// One problem or fact found in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The identifier.
    pub id: FindingId,
    /// The severity.
    pub severity: Severity,
    /// A sentence for a reader.
    pub text: String,
    /// The location in the stream.
    pub evidence: Evidence,
    /// Whether it makes qemu refuse the image.
    pub stops_qemu: bool,
}

impl Finding {
    pub(crate) fn fatal(id: FindingId, offset: u64, text: impl Into<String>) -> Self {
        Finding::new(id, Severity::Fatal, offset, text.into())
    }

    pub(crate) fn warning(id: FindingId, offset: u64, text: impl Into<String>) -> Self {
        Finding::new(id, Severity::Warning, offset, text.into())
    }

    pub(crate) fn info(id: FindingId, offset: u64, text: impl Into<String>) -> Self {
        Finding::new(id, Severity::Info, offset, text.into())
    }

    fn new(id: FindingId, severity: Severity, offset: u64, text: String) -> Self {
        let evidence = Evidence { offset, bytes: Vec::new() };
        Finding { id, severity, text, evidence, stops_qemu: false }
    }

    pub(crate) fn stopping_qemu(mut self) -> Self {
        self.stops_qemu = true;
        self
    }
}

/// A location in the stream and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// Offset from the start, in bytes.
    pub offset: u64,
    /// At most 16 bytes; none if they were not kept.
    pub bytes: Vec<u8>,
}

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Severity {
    /// For information.
    Info,
    /// The image works, but probably not as intended.
    Warning,
    /// qemu cannot open the image, the image service refuses it, or a service must not boot it.
    Fatal,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Fatal => "fatal",
        })
    }
}

macro_rules! finding_ids {
    ($($(#[$doc:meta])* $id:ident $name:literal $background:literal $fix:literal)*) => {
        /// Identifiers of findings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FindingId {
            $($(#[$doc])* $id,)*
        }

        impl FindingId {
            /// All identifiers.
            pub const ALL: &[FindingId] = &[$(FindingId::$id),*];

            /// Returns the name for scripts.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(FindingId::$id => $name,)*
                }
            }

            /// Returns the reason why it matters.
            #[must_use]
            pub fn background(self) -> &'static str {
                match self {
                    $(FindingId::$id => $background,)*
                }
            }

            /// Returns the suggested fix.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self {
                    $(FindingId::$id => $fix,)*
                }
            }
        }
    };
}

finding_ids! {
    /// The image contains only the differences from another file.
    BackingFile "backing-file"
        "a service that opens it reads a file of its own host and shows it to the user; the image service looks for this in qcow2 only"
        "flatten it: qemu-img convert -O qcow2 IMAGE NEW"
    /// The data is in another file.
    DataFile "data-file"
        "a service that opens it reads a file of its own host: CVE-2024-32498 (OSSA-2024-001), CVE-2024-40767 (OSSA-2024-002)"
        "put the data into the image: qemu-img convert -O qcow2 IMAGE NEW"
    /// The data is in files that a descriptor names.
    ExternalExtents "external-extents"
        "a service that opens it reads a file of its own host: CVE-2022-47951 (OSSA-2023-002)"
        "make it one file: qemu-img convert -O vmdk -o subformat=streamOptimized IMAGE NEW"
    /// The stream has the magic of more than one container.
    Ambiguous "ambiguous"
        "readers disagree on what it is, so one format can hide in another"
        "find out what made it; convert it with the format named: qemu-img convert -f FORMAT IMAGE NEW"
    /// A disk image that is also a partitioned disk or a CD.
    Polyglot "polyglot"
        "readers disagree on what it is, so one format can hide in another"
        "find out what made it; convert it with the format named: qemu-img convert -f FORMAT IMAGE NEW"
    /// The image needs features that readers do not support.
    UnknownFeatures "unknown-features"
        "a reader that does not know a feature would read wrong data, so it refuses"
        "convert it with the tool that made it"
    /// A raw disk with the footer of Virtual PC after it.
    FixedVhd "fixed-vhd"
        "qemu and the image service go by the start of a file, see a raw disk there, and the service answers 415 when it is called vhd"
        "push it as raw, or make it dynamic: qemu-img convert -f vpc -O vpc -o subformat=dynamic,force_size=on IMAGE NEW"
    /// qemu supports the format, the image service does not.
    ServiceUnsupported "service-unsupported"
        "the image service answers 415 after the whole transfer, or later services refuse to boot it"
        "convert it to what the service takes: qemu-img convert -O qcow2 IMAGE NEW"
    /// The data is encrypted.
    Encrypted "encrypted"
        "a machine boots from it only where the service has the key"
        "see that the key is in the key manager and named in the image's properties"
    /// Two sizes are inconsistent.
    InconsistentSize "inconsistent-size"
        "the image service, qemu and quotas may each go by another one"
        "convert it once more, so that one size is left"
    /// A part that the header refers to is after the end of the file.
    Truncated "truncated"
        "qemu reads zeros there in silence; a transfer that broke off looks like this"
        "compare the file with its published size and checksum"
    /// The header contradicts itself or the limits of the format.
    CorruptHeader "corrupt-header"
        "qemu does not open it, or not everywhere; the image service does not look"
        "compare the file with its published checksum; see qemu-img check"
    /// The image was not closed properly.
    NotClosed "not-closed"
        "what made it stopped in between, or it is in use"
        "stop what uses it, then qemu-img check -r all IMAGE"
    /// The image service does not accept the partition table of the first sector.
    MbrInvalid "mbr-invalid"
        "since 2025.1 the image service checks the entries of any stream with 55 aa at 510; since 2026.1 it refuses (release note gpt-strict-safety-checks), before it did so when told to"
        "rewrite the partition table, put the file system into a partition, or ask the operator for gpt_safety_checks_nonfatal = mbr"
    /// A file system, kernel or ramdisk without a disk around it.
    NoPartition "no-partition"
        "firmware finds nothing to boot in it; it needs a kernel beside it"
        "push it with container_format ami, aki or ari if that is meant: the image service looks into bare images only"
    /// A disk with a partition table.
    PartitionTable "partition-table"
        "the image service has no name for it but raw"
        "nothing, raw is right"
    /// The image is compressed and has to be decompressed before a machine boots from it.
    Compressed "compressed"
        "everybody takes it for a raw disk, and nothing boots from it"
        "unpack it"
    /// An archive of files.
    Archive "archive"
        "everybody takes it for a raw disk, and nothing boots from it"
        "unpack it and push the disk in it, or push an appliance with container_format ova"
    /// The result of the image service's inspector depends on more than these bytes.
    ServerVerdictUnknown "server-verdict-unknown"
        "its inspector fails on some plain texts and goes by how the bytes happen to be cut"
        "push something else than text, or see what the service says"
    /// A required part was not seen.
    NotChecked "not-checked"
        "it lies beyond what is kept of a stream, or the end of the stream was not seen"
        "qemu-img info IMAGE looks at it"
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
