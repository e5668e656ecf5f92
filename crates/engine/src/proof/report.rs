//! What has proved a source, for reports.

use serde::Serialize;

/// What has proved a source: keys of the reports of a push and of a staging.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SourceProof {
    /// The algorithms whose digests were compared; none when nobody asked.
    pub source_verified_by: Vec<&'static str>,
    /// The fingerprint of the key that the list is signed by, where that was asked for.
    pub source_signed_by: Option<String>,
    /// The digests that were compared.
    pub source_checksums: Vec<SourceChecksum>,
}

/// A digest that was expected and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SourceChecksum {
    /// Its algorithm.
    pub algorithm: &'static str,
    /// In hex.
    pub digest: String,
    /// What it is of: `source`, or `content` for what a packed source holds.
    pub of: &'static str,
    /// The list that has it; none when it was given itself.
    pub list: Option<String>,
}
