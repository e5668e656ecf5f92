//! One file after its inspection.

use std::path::Path;

use imgpush_engine::image_formats::{
    Finding, FindingId, ImageFormatSettings, Inspection, ServerVerdict, Severity,
};
use imgpush_engine::{disk_format, source};

use super::conversion::ConversionPreview;
use crate::args::InspectArgs;
use crate::exit_code::{self, Code};

/// A file with its inspection and what follows from it.
pub(super) struct InspectedFile {
    /// The name as given, or as found in a folder.
    pub(super) name: String,
    pub(super) inspection: Inspection,
    /// The verdict of Glance for each of its values of `disk_format`.
    pub(super) glance: Vec<(String, ServerVerdict)>,
    /// The recommended value of `disk_format`.
    pub(super) disk_format: Option<&'static str>,
    /// None if it is no virtual disk.
    pub(super) conversion: Option<ConversionPreview>,
}

impl InspectedFile {
    pub(super) fn new(
        path: &Path,
        mut inspection: Inspection,
        conversion: Option<ConversionPreview>,
        args: &InspectArgs,
        settings: &ImageFormatSettings,
    ) -> Self {
        let name = source::shown(path).to_string_lossy().into_owned();
        // A push refuses it too. An address may lead to a file with another name.
        let is_known = |inspection: &Inspection| {
            let is_same = |found: &Finding| found.id == FindingId::NotADisk;
            inspection.findings.iter().any(is_same) || source::is_address(path)
        };
        if !is_known(&inspection)
            && let Some(finding) = inspection.contradicts_name(&name)
        {
            inspection.findings.insert(0, finding);
        }
        let verdicts = inspection.oslo.verdicts(&args.container_format, settings);
        InspectedFile {
            name,
            glance: verdicts
                .into_iter()
                .map(|(name, verdict)| (name.to_owned(), verdict))
                .collect(),
            disk_format: disk_format(&inspection, &args.container_format, settings),
            inspection,
            conversion,
        }
    }

    /// The exit code for this file.
    pub(super) fn code(&self) -> Code {
        match self.inspection.findings.first().map(|worst| worst.severity) {
            Some(Severity::Fatal) => exit_code::FORMAT,
            Some(Severity::Warning) => exit_code::QUESTIONABLE,
            Some(_) | None => exit_code::DONE,
        }
    }
}
