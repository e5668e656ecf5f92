//! What a push or a staging did.

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

/// What a push did. Its JSON is `imgpush push --json`: keys never change their meaning, more may
/// come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The id of the image.
    pub id: String,
    /// Whether the image is new.
    pub action: PushAction,
    /// The images that it has replaced.
    pub replaced: Vec<Replaced>,
    /// Its name.
    pub name: Option<String>,
    /// Its status, [`Status::Active`].
    pub status: Status,
    /// Bytes stored, as the server says.
    pub size: Option<u64>,
    /// Bytes of the disk inside, as the server says.
    pub virtual_size: Option<u64>,
    /// Bytes of the disk inside, as the data says.
    pub detected_virtual_size: Option<u64>,
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
    /// What was compared, strongest first.
    pub verified_by: Vec<VerifiedBy>,
    /// The digests of the bytes read, by algorithm.
    pub digests: BTreeMap<String, String>,
    /// What was read.
    pub source: String,
    /// What has proved the source.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Where it was sent.
    pub cloud: String,
    /// How the data was transferred.
    pub via: UploadMethod,
    /// How often the data was sent.
    pub attempts: u32,
    /// What is worth knowing of an image that is all right.
    pub notes: Vec<Note>,
    /// How long it took, and what took that time.
    #[serde(flatten)]
    pub timing: Timing,
}

named_enum! {
    /// Whether a push has made an image.
    pub enum PushAction {
        /// The push has made a new image.
        Pushed = "pushed",
        /// The same image was there before.
        Skipped = "skipped",
        /// Another run, or an earlier one, has made the image exactly as this push would have.
        TakenOver = "taken-over",
    }
}

/// Something worth knowing, which is no error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Note {
    /// What it is about.
    pub id: NoteId,
    /// A sentence for people.
    pub text: String,
}

/// What a note is about. It is serialised as its name.
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
    /// `journal`: the verified image could not be recorded in the journal.
    Journal,
}

impl NoteId {
    /// All but the ids of findings, which are in [`FindingId::ALL`].
    const OWN: [NoteId; 10] = [
        NoteId::VirtualSize,
        NoteId::Retried,
        NoteId::CreatedAnew,
        NoteId::NotRead,
        NoteId::Waited,
        NoteId::PassedOver,
        NoteId::Withdrawn,
        NoteId::NotPublished,
        NoteId::Decompressed,
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

/// What was staged. Its JSON keeps its keys as that of [`Report`] does.
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
