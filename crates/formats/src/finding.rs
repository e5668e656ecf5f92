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
    /// The fix for this image.
    pub(crate) remedy: &'static str,
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
        Finding { id, severity, text, evidence, stops_qemu: false, remedy: id.remedy() }
    }

    /// Returns the suggested fix for this image, which may be better than the
    /// [general one](FindingId::remedy). `IMAGE` stands for its file, and `NEW` for another one.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.remedy
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

            /// Returns the suggested fix for any image.
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
        "a service that opens the image reads a file of its own host and exposes it to the user; the image service checks this in qcow2 only"
        "merge both files into one: qemu-img convert -O qcow2 IMAGE NEW"
    /// The data is in another file.
    DataFile "data-file"
        "a service that opens the image reads a file of its own host: CVE-2024-32498 (OSSA-2024-001), CVE-2024-40767 (OSSA-2024-002)"
        "move the data into the image: qemu-img convert -O qcow2 IMAGE NEW"
    /// The data is in files that a descriptor names.
    ExternalExtents "external-extents"
        "a service that opens the image reads a file of its own host: CVE-2022-47951 (OSSA-2023-002)"
        "convert it to one file: qemu-img convert -O vmdk -o subformat=streamOptimized IMAGE NEW"
    /// The stream has the magic of more than one container.
    Ambiguous "ambiguous"
        "programs detect different formats, so one image can be hidden in another"
        "find out which format is meant, and convert the image with it: qemu-img convert -f FORMAT -O qcow2 IMAGE NEW"
    /// A disk image that is also a partitioned disk or a CD.
    Polyglot "polyglot"
        "programs detect different formats, so one image can be hidden in another"
        "find out which format is meant, and convert the image with it: qemu-img convert -f FORMAT -O qcow2 IMAGE NEW"
    /// The image needs features that readers do not support.
    UnknownFeatures "unknown-features"
        "a program without support for a feature would read wrong data, so it refuses the image"
        "convert it with the program that created it"
    /// A raw disk with the footer of Virtual PC after it.
    FixedVhd "fixed-vhd"
        "qemu and the image service detect the format at the start of the file, where a fixed VHD is a raw disk; with disk_format vhd the service answers 415"
        "push it as raw, or convert it to a dynamic VHD: qemu-img convert -f vpc -O vpc -o subformat=dynamic,force_size=on IMAGE NEW"
    /// qemu supports the format, the image service does not.
    ServiceUnsupported "service-unsupported"
        "the image service answers 415 after the complete upload, or later services refuse to boot the image"
        "convert it to a format that the service accepts: qemu-img convert -O qcow2 IMAGE NEW"
    /// The data is encrypted.
    Encrypted "encrypted"
        "a machine boots from it only if the service has the key"
        "store the key in the key manager, and set the image properties that name it"
    /// Two sizes are inconsistent.
    InconsistentSize "inconsistent-size"
        "the image service, qemu and quotas may each use another size"
        "convert it again, so that all sizes agree"
    /// A part that the header refers to is after the end of the file.
    Truncated "truncated"
        "qemu reads zeros there without an error; an interrupted download looks like this"
        "compare the file with its published size and checksum"
    /// The header contradicts itself or the limits of the format.
    CorruptHeader "corrupt-header"
        "qemu refuses the image, or some versions do; the image service does not check this"
        "compare the file with its published checksum, and run qemu-img check IMAGE"
    /// The image was not closed properly.
    NotClosed "not-closed"
        "the program that wrote it was interrupted, or the image is in use"
        "stop the program that uses it, then run qemu-img check -r all IMAGE"
    /// The image service does not accept the partition table of the first sector.
    MbrInvalid "mbr-invalid"
        "since 2025.1 the image service checks the partition entries of any image with 55 aa at byte 510; since 2026.1 it refuses invalid ones (release note gpt-strict-safety-checks), before that only if configured"
        "rewrite the partition table, put the file system into a partition, or ask the operator to set gpt_safety_checks_nonfatal = mbr"
    /// A file system, kernel or ramdisk without a disk around it.
    NoPartition "no-partition"
        "firmware cannot boot from it; it needs a separate kernel"
        "push it with disk_format and container_format ami, aki or ari if that is intended: the image service checks only bare images"
    /// A disk with a partition table.
    PartitionTable "partition-table"
        "raw is the only disk_format of the image service for it"
        "nothing: raw is correct"
    /// The image is compressed and has to be decompressed before a machine boots from it.
    Compressed "compressed"
        "all services treat it as a raw disk, and no machine can boot from it"
        "decompress it"
    /// Text, less than a sector, or data without the format that the name of its file promises.
    NotADisk "not-a-disk"
        "all services treat it as a raw disk, and no machine can boot from it; a download may have saved a login or error page"
        "check where the file comes from and download it again; `git lfs pull` replaces a pointer"
    /// An archive of files.
    Archive "archive"
        "all services treat it as a raw disk, and no machine can boot from it"
        "extract it and push the disk in it, or push an appliance with container_format ova"
    /// The result of the image service's inspector depends on more than these bytes.
    ServerVerdictUnknown "server-verdict-unknown"
        "the inspector of the service fails on some text files, depending on how the data arrives in chunks"
        "push a disk image instead of text, or upload it and see whether the service accepts it"
    /// A required part was not seen.
    NotChecked "not-checked"
        "it is after the part of a stream that is kept, or the end of the stream was not read"
        "qemu-img info IMAGE checks the complete file"
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
