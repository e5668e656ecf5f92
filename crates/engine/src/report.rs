//! What a push did.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a push did. Its JSON is `imgpush push --json`: keys never change their meaning, more may
/// come.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The id of the image.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its status, `active`.
    pub status: String,
    /// Bytes stored, as the server says.
    pub size: Option<u64>,
    /// Bytes of the disk inside, as the server says.
    pub virtual_size: Option<u64>,
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
    /// Whether what the server says was proved equal to what was sent.
    pub verified: bool,
    /// The fields that were compared, strongest first.
    pub verified_by: Vec<&'static str>,
    /// The digests of the bytes sent, by algorithm.
    pub computed: BTreeMap<String, String>,
    /// What was read.
    pub source: String,
    /// Where it was sent.
    pub cloud: String,
    /// How often the data was sent.
    pub attempts: u32,
    /// Seconds from the first read to the verdict.
    pub seconds: f64,
}
