//! What the service's inspectors say of a match, and the parts of a stream that they read.

use crate::inspect::Stream;

/// One format that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OsloMatch {
    /// The inspector's name.
    pub name: &'static str,
    /// What it takes for the size of the disk, zero when it does not know, below zero when it
    /// miscounts; none when it fails, or that cannot be told.
    pub virtual_size: Option<i128>,
    /// What its checks say.
    pub safety: Safety,
}

/// The outcome of an inspector's checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Safety {
    /// Nothing found.
    Passed,
    /// These failed.
    Failed(Vec<FailedCheck>),
    /// They could not be made, for which the service refuses.
    Error(&'static str),
    /// Not to be told from what was seen of the stream.
    Unknown(&'static str),
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedCheck {
    /// The inspector's name for the check.
    pub check: &'static str,
    /// In the inspector's words.
    pub reason: String,
}

impl FailedCheck {
    pub(super) fn new(check: &'static str, reason: impl Into<String>) -> Self {
        FailedCheck { check, reason: reason.into() }
    }
}

/// The outcome on a file that ends within what a check needs.
pub(super) const TOO_SHORT: Safety = Safety::Error("the file is too short to be checked");

/// The outcome on a stream of which too little was seen.
pub(super) const NOT_SEEN: Safety = Safety::Unknown("what it would look at was not seen");

/// A part of the stream, or what its absence means.
pub(super) fn captured<'a>(
    stream: &Stream<'a>,
    offset: u64,
    length: u64,
) -> Result<&'a [u8], Safety> {
    let bytes = usize::try_from(length).ok().and_then(|length| stream.at(offset, length));
    bytes.ok_or_else(|| if stream.lacks(offset.checked_add(length)) { TOO_SHORT } else { NOT_SEEN })
}
