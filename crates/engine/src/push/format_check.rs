//! Which `disk_format` the image gets, and whether it may be pushed at all.

use std::sync::{Arc, OnceLock};

use imgpush_formats::{
    Detector, Finding, FindingId, Format, ImageFormatSettings, Inspection, ServerVerdict, Severity,
};
use imgpush_source::Chunk;

use super::error::PushFailure;
use super::format_error::FormatError;
use crate::transfer::TransferError;
use crate::transfer::gate::TailGate;

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
    ) -> Result<String, FormatError> {
        match container_format {
            "bare" => {}
            "ami" | "aki" | "ari" => return Ok(container_format.to_owned()),
            _ => {
                let container_format = container_format.to_owned();
                return Err(FormatError::NoDiskFormat { container_format });
            }
        }
        self_contained(inspection)?;
        let is_known = |name: &&str| settings.disk_formats.iter().any(|known| known == name);
        // Where the service takes none, the check says why it does not take the data's own.
        let own = || own_name(inspection.format).filter(is_known);
        let name = disk_format(inspection, "bare", settings).or_else(own);
        let found = inspection.format;
        name.map(str::to_owned)
            .ok_or_else(|| FormatError::Unknown { found, findings: telling(inspection) })
    }

    /// What the service will do with the data; an error when it will not take it, or should not be
    /// given it. What only the end of the data can tell is let pass until that is seen.
    pub(crate) fn check(
        &self,
        inspection: &Inspection,
        is_whole: bool,
    ) -> Result<ServerVerdict, FormatError> {
        self_contained(inspection)?;
        let verdict = inspection.glance(&self.disk_format, &self.container_format, &self.settings);
        if self.is_forced || self.container_format != "bare" {
            return Ok(verdict);
        }
        let fatal: Vec<_> =
            inspection.findings.iter().filter(|finding| self.forbids(finding)).cloned().collect();
        if !fatal.is_empty() {
            return Err(FormatError::Unsafe { findings: fatal, overrulable: true });
        }
        let disk_format = self.disk_format.clone();
        let taken_as = self.taken_as(inspection);
        let instead = self::disk_format(inspection, "bare", &self.settings)
            .filter(|name| *name != disk_format);
        let findings = telling(inspection);
        if !is_name_of(&disk_format, inspection) {
            let (asked, found) = (disk_format, inspection.format);
            return Err(FormatError::Mismatch { asked, found, taken_as, instead, findings });
        }
        match verdict {
            ServerVerdict::Refused { reason } => {
                Err(FormatError::Refused { disk_format, reason, taken_as, instead, findings })
            }
            ServerVerdict::Unknown { reason }
                if is_whole || inspection.oslo.uncertainty.is_some() =>
            {
                Err(FormatError::Unclear { reason, findings })
            }
            verdict => Ok(verdict),
        }
    }

    /// Whether the claim holds for all the bytes that were sent, but for their end.
    pub(crate) fn confirm(&self, inspection: &Arc<Inspection>) -> Result<Examined, FormatError> {
        match self.check(inspection, true) {
            Ok(verdict) => Ok(Examined { inspection: Arc::clone(inspection), verdict }),
            Err(failure) => Err(FormatError::HeldBack { source: Box::new(failure) }),
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

/// What a gate found out; none before it was asked.
pub(crate) type GateVerdict = Arc<OnceLock<Result<Examined, FormatError>>>;

/// Opens when all bytes are what the record claims.
pub(crate) struct FormatGate {
    claim: Claim,
    detector: Detector,
    verdict: GateVerdict,
}

impl FormatGate {
    /// A gate for one branch of one pass, and where its verdict will be.
    pub(crate) fn on(claim: Claim) -> (Box<dyn TailGate>, GateVerdict) {
        let verdict = GateVerdict::default();
        let gate = FormatGate { claim, detector: Detector::new(), verdict: Arc::clone(&verdict) };
        (Box::new(gate), verdict)
    }
}

/// Why a branch did not get its end: where the gate withheld it, what the gate found out.
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

/// What makes a service read something else than the bytes sent. Nobody may overrule that.
fn self_contained(inspection: &Inspection) -> Result<(), FormatError> {
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
        // What was not seen of a stream yet is checked before its last chunk is sent.
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
