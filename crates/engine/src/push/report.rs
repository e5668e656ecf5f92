//! The reports of pushes and stagings. `imgpush push --json` prints them; the HTML report shows them.

use std::collections::BTreeMap;

use imgpush_client::Status;
use imgpush_formats::FindingId;
use imgpush_source::Provenance;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::if_exists::Replaced;
use super::target::UploadMethod;
use crate::integrity::VerifiedBy;
use crate::named_enum::named_enum;
use crate::timing::Timing;

/// The result of a push. `imgpush push --json` prints it as JSON, in which keys keep their meaning and new keys
/// may be added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The id of the image.
    pub id: String,
    /// What the push did: whether it created the image.
    pub action: PushAction,
    /// The images that it replaces.
    pub replaced: Vec<Replaced>,
    /// The name of the image.
    pub name: Option<String>,
    /// The status of the image, [`Status::Active`].
    pub status: Status,
    /// The size of the image in bytes, as the server reports it.
    pub size: Option<u64>,
    /// The virtual size in bytes, as the server reports it.
    pub virtual_size: Option<u64>,
    /// The virtual size in bytes, as detected in the data.
    pub detected_virtual_size: Option<u64>,
    /// The `disk_format`, as the server reports it.
    pub disk_format: Option<String>,
    /// The `container_format`, as the server reports it.
    pub container_format: Option<String>,
    /// The MD5 digest in hex, as the server reports it.
    pub checksum: Option<String>,
    /// The name of the secure hash, as the server says.
    pub os_hash_algo: Option<String>,
    /// The secure hash in hex, as the server says.
    pub os_hash_value: Option<String>,
    /// The stores that have the image, as the server reports them; empty if the service has only one.
    pub stores: Vec<String>,
    /// Whether the image was verified: its digests equal those of the source, or of a published checksum.
    pub verified: bool,
    /// The fields that were compared, strongest first.
    pub verified_by: Vec<VerifiedBy>,
    /// The digests of the bytes read, by algorithm.
    pub digests: BTreeMap<String, String>,
    /// The name of the source.
    pub source: String,
    /// The checksums and the signature that verified the source.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// The name of the cloud.
    pub cloud: String,
    /// The upload method.
    pub via: UploadMethod,
    /// Number of uploads of the data, complete or not.
    pub attempts: u32,
    /// Remarks that are not errors.
    pub notes: Vec<Note>,
    /// The times of the push, and its bottleneck.
    #[serde(flatten)]
    pub timing: Timing,
}

named_enum! {
    /// What a push did.
    pub enum PushAction {
        /// The push created a new image.
        Pushed = "pushed",
        /// The same image existed before.
        Skipped = "skipped",
        /// Another run, or an earlier one, created the same image with the same id.
        TakenOver = "taken-over",
    }
}

/// A remark that is not an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Note {
    /// The subject.
    pub id: NoteId,
    /// The remark as a sentence.
    pub text: String,
}

/// The subject of a note. It is serialised as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoteId {
    /// A finding in the data of the image; the name is that of the finding.
    Finding(FindingId),
    /// `virtual-size`: the service reports another virtual size than expected.
    VirtualSize,
    /// `retried`: the upload was retried; the text says after which failure.
    Retried,
    /// `created-anew`: a record whose upload never ended for the service, or that an earlier run had left,
    /// was deleted and another one created.
    CreatedAnew,
    /// `not-read`: the source was not read, since the image was known to be the same.
    NotRead,
    /// `waited`: the push waited for another run that uploads the same image.
    Waited,
    /// `passed-over`: the record of another run did not change for too long, and was left.
    PassedOver,
    /// `withdrawn`: the image was deleted in favour of an equal one that another run had published.
    Withdrawn,
    /// `not-published`: the property `imgpush_run` could not be removed from the verified image.
    NotPublished,
    /// `decompressed`: the service has decompressed the image, whose digests are those of the decompressed data.
    Decompressed,
    /// `converted`: the service has converted the image to raw; it is equal to the raw bytes of the disk in the
    /// source.
    Converted,
    /// `unrecognised`: the data has no known signature, and was uploaded as a raw disk.
    Unrecognised,
    /// `preflight-incomplete`: the service did not answer a request that only helps to refuse an upload early,
    /// such as the one for quotas; the text names it.
    PreflightIncomplete,
    /// `ignored-bytes`: bytes after the compressed data of the source were ignored.
    IgnoredBytes,
    /// `journal`: the verified image could not be recorded in the journal.
    Journal,
}

impl NoteId {
    /// All but the ids of findings, which are in [`FindingId::ALL`].
    const OWN: [NoteId; 14] = [
        NoteId::VirtualSize,
        NoteId::Retried,
        NoteId::CreatedAnew,
        NoteId::NotRead,
        NoteId::Waited,
        NoteId::PassedOver,
        NoteId::Withdrawn,
        NoteId::NotPublished,
        NoteId::Decompressed,
        NoteId::Converted,
        NoteId::Unrecognised,
        NoteId::PreflightIncomplete,
        NoteId::IgnoredBytes,
        NoteId::Journal,
    ];

    /// Returns all values.
    pub fn all() -> impl Iterator<Item = NoteId> {
        FindingId::ALL.iter().copied().map(NoteId::Finding).chain(NoteId::OWN)
    }

    /// Returns the name, which is the value in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            NoteId::Finding(id) => id.name(),
            NoteId::VirtualSize => "virtual-size",
            NoteId::Retried => "retried",
            NoteId::CreatedAnew => "created-anew",
            NoteId::NotRead => "not-read",
            NoteId::Waited => "waited",
            NoteId::PassedOver => "passed-over",
            NoteId::Withdrawn => "withdrawn",
            NoteId::NotPublished => "not-published",
            NoteId::Decompressed => "decompressed",
            NoteId::Converted => "converted",
            NoteId::Unrecognised => "unrecognised",
            NoteId::PreflightIncomplete => "preflight-incomplete",
            NoteId::IgnoredBytes => "ignored-bytes",
            NoteId::Journal => "journal",
        }
    }
}

impl std::fmt::Display for NoteId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for NoteId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for NoteId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        let unknown = || D::Error::custom(format!("{name} is not the id of a note"));
        NoteId::all().find(|id| id.name() == name).ok_or_else(unknown)
    }
}

/// The result of a staging. In its JSON keys keep their meaning, as in that of [`Report`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StagingReport {
    /// The id of the image.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Bytes sent.
    pub size: u64,
    /// The digests of the bytes sent, by algorithm.
    pub digests: BTreeMap<String, String>,
    /// The name of the source.
    pub source: String,
    /// The checksums and the signature that verified the source.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// The name of the cloud.
    pub cloud: String,
    /// Number of uploads of the data, complete or not.
    pub attempts: u32,
    /// Seconds from the first read to the response.
    pub seconds: f64,
}
