//! What a download or a verification did.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::integrity::VerifiedBy;
use crate::named_enum::named_enum;

/// What a download did. Its JSON keeps its keys as that of [`Report`](crate::Report) does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DownloadReport {
    /// The id of the image.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Bytes of the image.
    pub size: u64,
    /// Whether the data was proved to be the image's.
    pub verified: bool,
    /// The fields that were compared and equal, strongest first.
    pub verified_by: Vec<VerifiedBy>,
    /// Why the data is not proved, where that was allowed.
    pub unverified_because: Option<String>,
    /// The digests of the data, by algorithm.
    pub digests: BTreeMap<String, String>,
    /// What was written; none for a writer.
    pub path: Option<String>,
    /// Whether the file was the image already, so that nothing was fetched.
    pub unchanged: bool,
    /// Where it came from.
    pub cloud: String,
    /// Bytes that an earlier download had left and that were not fetched again.
    pub resumed_from: u64,
    /// How often the data was asked for.
    pub attempts: u32,
    /// Seconds from the start to the verdict.
    pub seconds: f64,
}

/// What a verification found. Its JSON keeps its keys as that of [`Report`](crate::Report) does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerificationReport {
    /// The id of the image.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Bytes of the image.
    pub size: u64,
    /// `true`: all else is an error.
    pub verified: bool,
    /// The fields that were compared, strongest first.
    pub verified_by: Vec<VerifiedBy>,
    /// The digests of the data, by algorithm.
    pub digests: BTreeMap<String, String>,
    /// What the image was compared with.
    pub against: ComparedWith,
    /// The file; none for a download.
    pub source: Option<String>,
    /// Where the image is.
    pub cloud: String,
    /// Seconds from the start to the verdict.
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
