//! The format check of a push: which `disk_format` the image gets, and whether the data may be uploaded.
//!
//! `push::job` and `push::stage` check a [`Claim`] before the upload. A [`FormatGate`] checks it again on the
//! bytes that were sent, before the last chunk.

use std::sync::{Arc, OnceLock};

use imgpush_formats::{
    Detector, Finding, FindingId, Format, ImageFormatSettings, Inspection, ServerVerdict, Severity,
};
use imgpush_source::{Chunk, Compression};

use super::error::PushFailure;
use super::format_error::FormatError;
use crate::transfer::TransferError;
use crate::transfer::gate::TailGate;

/// The formats that a record declares, and the settings of the service that decide whether it accepts them.
///
/// The claim is checked twice: against the first inspection, before the upload; and against all bytes that
/// were sent, while the last chunk is withheld.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) disk_format: String,
    pub(crate) container_format: String,
    pub(crate) settings: ImageFormatSettings,
    /// Whether `--force-format` overrides the check.
    pub(crate) is_forced: bool,
    /// Whether the length of the source is unknown.
    pub(crate) is_stream: bool,
    /// Whether the caller has left the `disk_format` to the detection.
    pub(crate) is_implied: bool,
    /// The name of the file with these bytes, if it is known.
    pub(crate) file_name: Option<String>,
}

impl Claim {
    /// Returns the `disk_format` of a record if the caller has given none.
    pub(crate) fn recognise(
        inspection: &Inspection,
        container_format: &str,
        settings: &ImageFormatSettings,
        is_forced: bool,
    ) -> Result<String, FormatError> {
        match container_format {
            "bare" => {}
            "ami" | "aki" | "ari" => return Ok(container_format.to_owned()),
            _ => {
                let container_format = container_format.to_owned();
                return Err(FormatError::NoDiskFormat { container_format });
            }
        }
        check_self_contained(inspection)?;
        let is_known = |name: &&str| settings.disk_formats.iter().any(|known| known == name);
        // If the service accepts no name, `check` reports why it rejects the detected format.
        let own = || own_name(inspection.format).filter(is_known);
        // A compressed file or an archive, which the service stores as raw.
        let as_raw = || (is_forced && is_compressed(inspection)).then_some("raw");
        let name = disk_format(inspection, "bare", settings).or_else(own).or_else(as_raw);
        let found = inspection.format;
        name.map(str::to_owned)
            .ok_or_else(|| FormatError::Unknown { found, findings: relevant_findings(inspection) })
    }

    /// Predicts the verdict of the service. Fails if the service would reject the data, or if the data is
    /// unsafe. A verdict that depends on the end of the data passes until `is_complete`.
    pub(crate) fn check(
        &self,
        inspection: &Inspection,
        is_complete: bool,
    ) -> Result<ServerVerdict, FormatError> {
        check_self_contained(inspection)?;
        let verdict = inspection.glance(&self.disk_format, &self.container_format, &self.settings);
        if self.is_forced || self.container_format != "bare" {
            return Ok(verdict);
        }
        let fatal = inspection.findings.iter().filter(|finding| self.forbids(finding, inspection));
        let fatal: Vec<_> = fatal.cloned().chain(self.not_a_raw_disk(inspection)).collect();
        if !fatal.is_empty() {
            return Err(FormatError::Unsafe { findings: fatal, overrulable: true });
        }
        let disk_format = self.disk_format.clone();
        let taken_as = self.taken_as(inspection);
        let instead = self::disk_format(inspection, "bare", &self.settings)
            .filter(|name| *name != disk_format);
        let findings = relevant_findings(inspection);
        if !describes(&disk_format, inspection) && !self.is_to_be_raw(inspection) {
            let (asked, found) = (disk_format, inspection.format);
            return Err(FormatError::Mismatch { asked, found, taken_as, instead, findings });
        }
        match verdict {
            ServerVerdict::Refused { reason } => {
                Err(FormatError::Refused { disk_format, reason, taken_as, instead, findings })
            }
            ServerVerdict::Unknown { reason }
                if is_complete || inspection.oslo.uncertainty.is_some() =>
            {
                Err(FormatError::Unclear { reason, findings })
            }
            verdict => Ok(verdict),
        }
    }

    /// Checks the claim against all bytes that were sent, before the last chunk is.
    pub(crate) fn confirm(&self, inspection: &Arc<Inspection>) -> Result<Examined, FormatError> {
        match self.check(inspection, true) {
            Ok(verdict) => Ok(Examined { inspection: Arc::clone(inspection), verdict }),
            Err(failure) => Err(FormatError::HeldBack { source: Box::new(failure) }),
        }
    }

    /// Whether a finding alone forbids the upload. Findings about the service are left to its predicted
    /// verdict, which knows its settings. For a stream, `Truncated` is the only sign that it ended early.
    fn forbids(&self, finding: &Finding, inspection: &Inspection) -> bool {
        match finding.id {
            FindingId::ServiceUnsupported | FindingId::ServerVerdictUnknown => false,
            // A caller who says that it is raw, or a kernel, may be right.
            FindingId::NotADisk => self.is_implied,
            FindingId::Compressed | FindingId::Archive if self.is_to_be_raw(inspection) => false,
            // Boot loaders and Linux decompress these.
            FindingId::Compressed if self.is_for_boot() => false,
            FindingId::Truncated if self.is_stream => true,
            _ => finding.severity == Severity::Fatal,
        }
    }

    /// The finding that the detected raw data is not the disk that it would be taken for: its file has the
    /// name of another format, or it is a kernel or a ramdisk.
    fn not_a_raw_disk(&self, inspection: &Inspection) -> Vec<Finding> {
        if !self.is_implied || self.disk_format != "raw" {
            return Vec::new();
        }
        let is_boot = |format| matches!(format, Format::Kernel | Format::Initrd);
        if inspection.matches.iter().any(|found| is_boot(found.format)) {
            let findings = inspection.findings.iter();
            return findings.filter(|found| found.id == FindingId::NoPartition).cloned().collect();
        }
        if has(inspection, FindingId::NotADisk) {
            return Vec::new();
        }
        let name = self.file_name.as_deref();
        name.and_then(|name| inspection.contradicts_name(name)).into_iter().collect()
    }

    /// Whether the caller wants a compressed file or an archive to be stored as raw data. The formats that a
    /// source decompresses are excluded: they reach this check only if the decompression was turned off.
    fn is_to_be_raw(&self, inspection: &Inspection) -> bool {
        !self.is_implied
            && self.disk_format == "raw"
            && is_compressed(inspection)
            && compression(inspection.format).is_none()
    }

    /// Whether the image is a kernel, a ramdisk, or a root file system for them.
    fn is_for_boot(&self) -> bool {
        is_for_boot(&self.disk_format)
    }

    /// Whether the data was taken for a raw disk only since nothing is known of it.
    pub(crate) fn is_unrecognised(&self, inspection: &Inspection) -> bool {
        self.is_implied && self.disk_format == "raw" && inspection.matches.is_empty()
    }

    /// Whether a finding concerns the image as this `disk_format`.
    pub(crate) fn concerns(&self, id: FindingId) -> bool {
        !(self.is_for_boot() && matches!(id, FindingId::NotADisk | FindingId::Compressed))
    }

    /// The values of `disk_format` under which the service would accept the data.
    fn taken_as(&self, inspection: &Inspection) -> Vec<String> {
        let verdicts = inspection.oslo.verdicts("bare", &self.settings);
        let taken = verdicts.into_iter().filter(|(_, verdict)| verdict.is_accepted());
        taken.map(|(name, _)| name.to_owned()).collect()
    }
}

/// Data that passed the format check.
#[derive(Clone, Debug)]
pub(crate) struct Examined {
    pub(crate) inspection: Arc<Inspection>,
    pub(crate) verdict: ServerVerdict,
}

/// The verdict of a gate; empty until the gate was asked.
pub(crate) type GateVerdict = Arc<OnceLock<Result<Examined, FormatError>>>;

/// Opens if all bytes conform to the claim.
pub(crate) struct FormatGate {
    claim: Claim,
    detector: Detector,
    verdict: GateVerdict,
}

impl FormatGate {
    /// Creates a gate for one branch of one pass, and the cell that will contain its verdict.
    pub(crate) fn on(claim: Claim) -> (Box<dyn TailGate>, GateVerdict) {
        let verdict = GateVerdict::default();
        let gate = FormatGate { claim, detector: Detector::new(), verdict: Arc::clone(&verdict) };
        (Box::new(gate), verdict)
    }
}

/// Replaces `Withheld`, the transfer error of a closed gate, by the format error of that gate.
pub(crate) fn failure_of(error: TransferError, verdict: &GateVerdict) -> PushFailure {
    match (error, verdict.get()) {
        (TransferError::Withheld, Some(Err(error))) => error.clone().into(),
        (error, _) => error.into(),
    }
}

impl TailGate for FormatGate {
    fn see(&mut self, chunk: &Chunk) {
        chunk.slices().for_each(|slice| self.detector.push(&slice));
    }

    fn opens(&mut self) -> bool {
        let inspection = Arc::new(std::mem::take(&mut self.detector).finish());
        let verdict = self.claim.confirm(&inspection);
        let opens = verdict.is_ok();
        self.verdict.set(verdict).expect("a gate is asked once");
        opens
    }
}

/// Rejects data that makes a service read other files. This cannot be overridden.
fn check_self_contained(inspection: &Inspection) -> Result<(), FormatError> {
    let points_outside = |finding: &&Finding| {
        let ids = [FindingId::BackingFile, FindingId::DataFile, FindingId::ExternalExtents];
        finding.severity == Severity::Fatal && ids.contains(&finding.id)
    };
    let findings: Vec<_> = inspection.findings.iter().filter(points_outside).cloned().collect();
    if findings.is_empty() {
        return Ok(());
    }
    Err(FormatError::Unsafe { findings, overrulable: false })
}

/// The findings that explain a rejection.
fn relevant_findings(inspection: &Inspection) -> Vec<Finding> {
    let is_relevant = |finding: &&Finding| {
        finding.severity >= Severity::Warning || finding.id == FindingId::NoPartition
    };
    inspection.findings.iter().filter(is_relevant).cloned().collect()
}

/// Whether a virtual machine that uses this `disk_format` sees the disk inside the data.
fn describes(disk_format: &str, inspection: &Inspection) -> bool {
    let Some(own) = own_name(inspection.format) else {
        // A compressed kernel or ramdisk.
        let is_compressed_file =
            has(inspection, FindingId::Compressed) && !has(inspection, FindingId::Archive);
        return is_for_boot(disk_format) && is_compressed_file;
    };
    match disk_format {
        // These contain data without a magic number: a kernel, a ramdisk, a bare file system.
        "ami" | "ari" | "aki" => own == "raw",
        "raw" => inspection.qemu.format == "raw",
        name => name == own,
    }
}

fn is_for_boot(disk_format: &str) -> bool {
    matches!(disk_format, "ami" | "ari" | "aki")
}

/// Whether the data is a compressed file or an archive.
fn is_compressed(inspection: &Inspection) -> bool {
    own_name(inspection.format).is_none()
        && (has(inspection, FindingId::Compressed) || has(inspection, FindingId::Archive))
}

/// The decompressor of a detected format; `None` if the crate has none. The service supports further formats.
pub(crate) fn compression(format: Format) -> Option<Compression> {
    match format {
        Format::Gzip => Some(Compression::Gzip),
        Format::Xz => Some(Compression::Xz),
        Format::Zstd => Some(Compression::Zstd),
        Format::Bzip2 => Some(Compression::Bzip2),
        _ => None,
    }
}

fn has(inspection: &Inspection, id: FindingId) -> bool {
    inspection.findings.iter().any(|finding| finding.id == id)
}

/// Returns the `disk_format` under which the service accepts the unchanged data in a `container_format`, and
/// under which a virtual machine sees the disk inside. Returns `None` if there is none.
///
/// A container format never becomes `raw`, because the virtual machine would then see the container. The
/// exception is data that both the service and QEMU read as raw, such as a fixed VHD: a raw disk with a
/// footer.
#[must_use]
pub fn disk_format(
    inspection: &Inspection,
    container_format: &str,
    settings: &ImageFormatSettings,
) -> Option<&'static str> {
    let own = own_name(inspection.format)?;
    let takes = |name: &&str| {
        describes(name, inspection)
            && inspection.glance(name, container_format, settings).is_accepted()
    };
    [own, "raw"].into_iter().find(takes)
}

/// The value of `disk_format` for a format, if the Image API has one.
fn own_name(format: Format) -> Option<&'static str> {
    match format {
        // The undetected part of a stream is checked before its last chunk is sent.
        Format::Raw | Format::Unknown => Some("raw"),
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
