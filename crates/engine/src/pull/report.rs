//! Reports of downloads and verifications.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::convert::ConvertedFile;
use crate::integrity::VerifiedBy;
use crate::named_enum::named_enum;

/// The report of a download. Its JSON keys are as stable as those of [`Report`](crate::Report).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DownloadReport {
    /// The id of the image.
    pub id: String,
    /// The name of the image.
    pub name: Option<String>,
    /// The size of the image in bytes.
    pub size: u64,
    /// Whether the data is verified against the digests of the image.
    pub verified: bool,
    /// The fields of the image that were compared and are equal, strongest first.
    pub verified_by: Vec<VerifiedBy>,
    /// Why the data is not verified, if that was allowed.
    pub unverified_because: Option<String>,
    /// The digests of the data, by algorithm.
    pub digests: BTreeMap<String, String>,
    /// The path of the file; `None` for a writer.
    pub path: Option<String>,
    /// Whether the file already had the content of the image, so that nothing was downloaded.
    pub unchanged: bool,
    /// The file, if the data was converted. All other fields are about the image.
    pub converted: Option<ConvertedFile>,
    /// The name of the cloud.
    pub cloud: String,
    /// Bytes of an earlier download that were not downloaded again.
    pub resumed_from: u64,
    /// Number of requests for data.
    pub attempts: u32,
    /// Seconds from the start to the result.
    pub seconds: f64,
}

/// The report of a verification. Its JSON keys are as stable as those of [`Report`](crate::Report).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerificationReport {
    /// The id of the image.
    pub id: String,
    /// The name of the image.
    pub name: Option<String>,
    /// The size of the image in bytes.
    pub size: u64,
    /// Always `true`; any other result is an error.
    pub verified: bool,
    /// The fields of the image that were compared, strongest first.
    pub verified_by: Vec<VerifiedBy>,
    /// The digests of the data, by algorithm.
    pub digests: BTreeMap<String, String>,
    /// What the image was compared with.
    pub against: ComparedWith,
    /// The source; `None` for a download.
    pub source: Option<String>,
    /// The name of the cloud.
    pub cloud: String,
    /// Seconds from the start to the result.
    pub seconds: f64,
}

named_enum! {
    /// What an image was compared with.
    pub enum ComparedWith {
        /// The digests of a local file or another source.
        File = "file",
        /// The digests of its own data, downloaded from the service.
        Download = "download",
    }
}
