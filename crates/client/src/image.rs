//! The record of an image as the server shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The id of an image, a UUID in its text form.
pub type ImageId = String;

/// An image record.
///
/// Field names are the server's. What is `null` on the wire is `None`; extra properties, which stand
/// beside the base ones on the wire, are in [`properties`](Image::properties).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Image {
    /// The id.
    pub id: ImageId,
    /// The name; need not be unique.
    #[serde(default)]
    pub name: Option<String>,
    /// Where the image is in its life.
    pub status: Status,
    /// Who may see it.
    #[serde(default)]
    pub visibility: Visibility,
    /// Whether deleting is refused.
    #[serde(default)]
    pub protected: bool,
    /// Whether lists leave it out. Since API 2.7.
    #[serde(default)]
    pub os_hidden: bool,
    /// The project it belongs to; none without authentication.
    #[serde(default)]
    pub owner: Option<String>,
    /// What the data is wrapped in: `bare` for a plain disk image.
    #[serde(default)]
    pub container_format: Option<String>,
    /// The format of the disk: `qcow2`, `raw`, …
    #[serde(default)]
    pub disk_format: Option<String>,
    /// The smallest disk it boots from, in GiB.
    #[serde(default)]
    pub min_disk: u64,
    /// The least memory it boots with, in MiB.
    #[serde(default)]
    pub min_ram: u64,
    /// Bytes stored. None while there are none, and again after an upload failed.
    #[serde(default)]
    pub size: Option<u64>,
    /// Bytes of the disk inside.
    #[serde(default)]
    pub virtual_size: Option<u64>,
    /// MD5 of the data in hex; none on hosts without MD5.
    #[serde(default)]
    pub checksum: Option<String>,
    /// The name of the secure hash, as Python's `hashlib` spells it. Since API 2.7.
    #[serde(default)]
    pub os_hash_algo: Option<String>,
    /// The secure hash of the data in hex. Since API 2.7.
    #[serde(default)]
    pub os_hash_value: Option<String>,
    /// When the record was made, ISO 8601.
    #[serde(default)]
    pub created_at: Option<String>,
    /// When the record last changed, ISO 8601.
    #[serde(default)]
    pub updated_at: Option<String>,
    /// Free words; a set, since the server gives them in another order each time.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Every other key of the record.
    #[serde(flatten)]
    pub properties: BTreeMap<String, Value>,
}

/// Where an image is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// A record without data, or one whose upload failed.
    Queued,
    /// Data is coming in by `PUT …/file`.
    Saving,
    /// Complete.
    Active,
    /// Data is, or has been, staged for an import.
    Uploading,
    /// An import is at work, or has failed and left the image here.
    Importing,
    /// Complete, and closed to downloads.
    Deactivated,
    /// Gone.
    Deleted,
    /// To be removed by the scrubber.
    PendingDelete,
    /// Failed; only in very old records.
    Killed,
    /// A status this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Queued => "queued",
            Status::Saving => "saving",
            Status::Active => "active",
            Status::Uploading => "uploading",
            Status::Importing => "importing",
            Status::Deactivated => "deactivated",
            Status::Deleted => "deleted",
            Status::PendingDelete => "pending_delete",
            Status::Killed => "killed",
            Status::Other(other) => other,
        })
    }
}

/// Who may see an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Visibility {
    /// Its project and the members it is shared with. The server's default.
    #[default]
    Shared,
    /// Its project.
    Private,
    /// Everybody.
    Public,
    /// Everybody who knows the id, or asks for community images.
    Community,
    /// A visibility this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Visibility::Shared => "shared",
            Visibility::Private => "private",
            Visibility::Public => "public",
            Visibility::Community => "community",
            Visibility::Other(other) => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every recorded answer that holds one image decodes, and encodes to the same JSON.
    #[test]
    fn recorded_images_survive_a_round_trip() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test-data/samples");
        let mut images = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let sample: Value =
                serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
            let body = &sample["body"];
            if sample["status"].as_u64().is_some_and(|status| status < 300)
                && body["status"].is_string()
            {
                let image: Image = serde_json::from_value(body.clone()).unwrap();
                assert!(!matches!(image.status, Status::Other(_)), "{}", image.status);
                assert_eq!(serde_json::to_value(&image).unwrap(), *body);
                images += 1;
            }
        }
        assert!(images >= 10, "only {images} samples hold an image");
    }

    #[test]
    fn unknown_words_survive() {
        let json = serde_json::json!({"id": "x", "status": "melting", "visibility": "moonlit"});
        let image: Image = serde_json::from_value(json).unwrap();
        assert_eq!(image.status, Status::Other("melting".into()));
        assert_eq!(image.status.to_string(), "melting");
        assert_eq!(serde_json::to_value(&image).unwrap()["visibility"], "moonlit");
    }
}
