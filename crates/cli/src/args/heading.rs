//! The groups of options in the help.

pub(crate) const FILTER: &str = "Filter options";
pub(crate) const IMAGE: &str = "Image options";
pub(crate) const METADEF: &str = "Metadef options";
pub(crate) const SOURCE: &str = "Source options";
pub(crate) const CONVERSION: &str = "Conversion options";
pub(crate) const VERIFICATION: &str = "Verification options";
pub(crate) const UPLOAD: &str = "Upload options";
pub(crate) const DOWNLOAD: &str = "Download options";
pub(crate) const IMPORT: &str = "Import options";
pub(crate) const EXISTING: &str = "Existing images";
pub(crate) const TUNING: &str = "Tuning options";
#[cfg(feature = "sandbox")]
pub(crate) const SANDBOX: &str = "Sandbox options";
pub(crate) const BATCH: &str = "Batch options";
pub(crate) const OUTPUT: &str = "Output options";
pub(crate) const CLOUD: &str = "Cloud options";
pub(crate) const GENERAL: &str = "General options";

/// The order of the groups, the same in every command.
#[cfg(test)]
pub(crate) const ORDER: &[&str] = &[
    FILTER,
    IMAGE,
    METADEF,
    SOURCE,
    CONVERSION,
    VERIFICATION,
    UPLOAD,
    DOWNLOAD,
    IMPORT,
    EXISTING,
    TUNING,
    #[cfg(feature = "sandbox")]
    SANDBOX,
    BATCH,
    OUTPUT,
    CLOUD,
    GENERAL,
];
