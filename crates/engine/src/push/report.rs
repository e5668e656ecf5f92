//! What a push or a staging did.

use std::collections::BTreeMap;

use imgpush_source::Provenance;
use serde::Serialize;

use super::if_exists::Replaced;
use crate::timing::Timing;

/// What a push did. Its JSON is `imgpush push --json`: keys never change their meaning, more may
/// come.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The id of the image.
    pub id: String,
    /// Whether the image is new: `pushed`; or was there: `skipped`; or was begun by another run, or an earlier
    /// one, that meant the same: `taken-over`.
    pub action: &'static str,
    /// The images that it has replaced.
    pub replaced: Vec<Replaced>,
    /// Its name.
    pub name: Option<String>,
    /// Its status, `active`.
    pub status: String,
    /// Bytes stored, as the server says.
    pub size: Option<u64>,
    /// Bytes of the disk inside, as the server says.
    pub virtual_size: Option<u64>,
    /// Bytes of the disk inside, as the data says.
    pub inspected_virtual_size: Option<u64>,
    /// The format of the disk, as the server says.
    pub disk_format: Option<String>,
    /// What the data is wrapped in, as the server says.
    pub container_format: Option<String>,
    /// MD5 in hex, as the server says.
    pub checksum: Option<String>,
    /// The name of the secure hash, as the server says.
    pub os_hash_algo: Option<String>,
    /// The secure hash in hex, as the server says.
    pub os_hash_value: Option<String>,
    /// The stores that the image is in, as the server says; none where it has only one.
    pub stores: Vec<String>,
    /// Whether what the server says was proved equal to what was sent, or would have been.
    pub verified: bool,
    /// The fields that were compared, strongest first. `derived-id` alone where the source was not read: the
    /// id follows from the digest that it is held to.
    pub verified_by: Vec<&'static str>,
    /// The digests of the bytes read, by algorithm.
    pub computed: BTreeMap<String, String>,
    /// What was read.
    pub source: String,
    /// What has proved the source.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Where it was sent.
    pub cloud: String,
    /// On which way: `direct`, `import` or `web-download`.
    pub via: &'static str,
    /// How often the data was sent.
    pub attempts: u32,
    /// What is worth knowing of an image that is all right.
    pub notes: Vec<Note>,
    /// Seconds from the first read to the verdict.
    pub seconds: f64,
    /// Where they went.
    #[serde(flatten)]
    pub timing: Timing,
}

/// Something worth knowing, which is no error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Note {
    /// The word for scripts: the id of a finding, `virtual-size`, `retried`, `created-anew`, `not-read`, or
    /// `waited`.
    pub id: &'static str,
    /// A sentence for people.
    pub text: String,
}

/// What was staged. Its JSON keeps its keys as that of [`Report`] does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StagingReport {
    /// The id of the image.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Bytes sent.
    pub size: u64,
    /// The digests of the bytes sent, by algorithm.
    pub computed: BTreeMap<String, String>,
    /// What was read.
    pub source: String,
    /// What has proved the source.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Where it was sent.
    pub cloud: String,
    /// How often the data was sent.
    pub attempts: u32,
    /// Seconds from the first read to the answer.
    pub seconds: f64,
}
