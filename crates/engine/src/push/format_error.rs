//! Data in a format that is not pushed.

use imgpush_formats::{Finding, Format};

/// The format of the data keeps it from being pushed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The data is another format than the one asked for.
    #[error("the data is {found}, not {asked}{}", otherwise(.taken_as))]
    Mismatch {
        /// The `disk_format` asked for.
        asked: String,
        /// The format found.
        found: Format,
        /// Every `disk_format` under which the service would take it.
        taken_as: Vec<String>,
        /// The one of these that fits.
        instead: Option<&'static str>,
        /// What was found.
        findings: Vec<Finding>,
    },

    /// The data is of a format that has no `disk_format`.
    #[error("the data is {found}, which the image service has no disk_format for")]
    Unknown {
        /// The format found.
        found: Format,
        /// What was found.
        findings: Vec<Finding>,
    },

    /// What is in such a container is not looked at, so nobody but the one who pushes knows it.
    #[error("the disk_format of what is in container_format {container_format} is not known")]
    NoDiskFormat {
        /// What the data is wrapped in.
        container_format: String,
    },

    /// The data is unsafe, or broken.
    #[error("{}", shown(.findings))]
    Unsafe {
        /// What was found.
        findings: Vec<Finding>,
        /// Whether the one who pushes may overrule it.
        overrulable: bool,
    },

    /// The service would take the whole transfer, and then refuse the data.
    #[error(
        "the image service would refuse it as {disk_format} after the last byte: {reason}{}",
        otherwise(.taken_as)
    )]
    Refused {
        /// What the record was to say.
        disk_format: String,
        /// In the service's words where it has some.
        reason: String,
        /// Every `disk_format` under which the service would take it.
        taken_as: Vec<String>,
        /// The one of these that fits.
        instead: Option<&'static str>,
        /// What was found.
        findings: Vec<Finding>,
    },

    /// What the service makes of the data cannot be told.
    #[error("nobody can tell whether the image service takes it: {reason}")]
    Unclear {
        /// Why not.
        reason: &'static str,
        /// What was found.
        findings: Vec<Finding>,
    },

    /// What the start of the data did not show, so that all but its end was sent.
    #[error("the end of the image was not sent, since all of it shows what its start did not")]
    HeldBack {
        /// What it shows.
        source: Box<FormatError>,
    },

    /// The service does not take the format at all.
    #[error("{service} has no {attribute} {value}; it takes {}", .takes.join(", "))]
    NotTaken {
        /// The address of the service.
        service: String,
        /// `disk_format` or `container_format`.
        attribute: &'static str,
        /// The format.
        value: String,
        /// What it takes.
        takes: Vec<String>,
    },
}

impl FormatError {
    /// Without [`HeldBack`](FormatError::HeldBack) around it.
    #[must_use]
    pub fn root(&self) -> &FormatError {
        match self {
            FormatError::HeldBack { source } => source.root(),
            error => error,
        }
    }

    /// What was found in the data.
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

fn otherwise(names: &[String]) -> String {
    match names {
        [] => "; it takes it as no other".to_owned(),
        names => format!("; the image service would take it as {}", names.join(", ")),
    }
}
