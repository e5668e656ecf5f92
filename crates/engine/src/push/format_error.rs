//! Errors of the format check.

use imgpush_formats::{Finding, Format};

/// The format of the data forbids the push.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The data has another format than the requested one.
    #[error("the data is {found}, not {asked}{}", otherwise("the image service", .taken_as))]
    Mismatch {
        /// The requested `disk_format`.
        asked: String,
        /// The detected format.
        found: Format,
        /// Every `disk_format` under which the service would accept the data.
        taken_as: Vec<String>,
        /// The one of these under which a virtual machine can use the image.
        instead: Option<&'static str>,
        /// The findings of the inspection.
        findings: Vec<Finding>,
    },

    /// The detected format has no `disk_format` in the Image API.
    #[error("the data is {found}, for which the image service has no disk_format")]
    Unknown {
        /// The detected format.
        found: Format,
        /// The findings of the inspection.
        findings: Vec<Finding>,
    },

    /// Data in this container format is not inspected, so the caller has to give the `disk_format`.
    #[error("the disk_format of the disk in container_format {container_format} is not known")]
    NoDiskFormat {
        /// The `container_format`.
        container_format: String,
    },

    /// The data is unsafe or damaged.
    #[error("{}", shown(.findings))]
    Unsafe {
        /// The findings of the inspection.
        findings: Vec<Finding>,
        /// Whether the caller may override the rejection with
        /// [`force_format`](crate::PushOptions::force_format).
        overrulable: bool,
    },

    /// The service would receive all data and then reject it.
    #[error(
        "the image service would refuse the data as {disk_format} after the upload: {reason}{}",
        otherwise("it", .taken_as)
    )]
    Refused {
        /// The `disk_format` of the record.
        disk_format: String,
        /// The reason, in the words of the service if they are known.
        reason: String,
        /// Every `disk_format` under which the service would accept the data.
        taken_as: Vec<String>,
        /// The one of these under which a virtual machine can use the image.
        instead: Option<&'static str>,
        /// The findings of the inspection.
        findings: Vec<Finding>,
    },

    /// It cannot be predicted whether the service accepts the data.
    #[error("it is not known whether the image service would accept the data: {reason}")]
    Unclear {
        /// The reason.
        reason: &'static str,
        /// The findings of the inspection.
        findings: Vec<Finding>,
    },

    /// The data failed the check after all but its last chunk was sent; the start of the data had passed.
    #[error("the end of the image was not sent: the check of the complete data failed")]
    HeldBack {
        /// The error of the check.
        source: Box<FormatError>,
    },

    /// The service does not support the format.
    #[error("{service} does not accept {attribute} {value}; it accepts {}", .takes.join(", "))]
    NotTaken {
        /// The address of the service.
        service: String,
        /// `disk_format` or `container_format`.
        attribute: &'static str,
        /// The requested value.
        value: String,
        /// The values that the service supports.
        takes: Vec<String>,
    },
}

impl FormatError {
    /// Returns the error without [`HeldBack`](FormatError::HeldBack) around it.
    #[must_use]
    pub fn root(&self) -> &FormatError {
        match self {
            FormatError::HeldBack { source } => source.root(),
            error => error,
        }
    }

    /// Returns the findings of the inspection.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match self.root() {
            FormatError::Mismatch { findings, .. }
            | FormatError::Unknown { findings, .. }
            | FormatError::Unsafe { findings, .. }
            | FormatError::Refused { findings, .. }
            | FormatError::Unclear { findings, .. } => findings,
            _ => &[],
        }
    }
}

fn shown(findings: &[Finding]) -> String {
    let one = |finding: &Finding| format!("{}: {}", finding.id, finding.text);
    findings.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn otherwise(service: &str, names: &[String]) -> String {
    match names {
        [] => format!("; {service} would accept the data with no other disk_format"),
        names => format!("; {service} would accept the data as {}", names.join(", ")),
    }
}
