//! The result of an inspector of the service, and the parts of a stream that inspectors read.

use crate::inspect::Stream;

/// An inspector that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OsloMatch {
    /// The inspector's name.
    pub name: &'static str,
    /// The size of the disk in bytes as the inspector computes it: zero if it does not know the size,
    /// negative if it computes a wrong one, none if it fails or the result cannot be predicted.
    pub virtual_size: Option<i128>,
    /// The outcome of its checks.
    pub safety: Safety,
}

/// The outcome of an inspector's checks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Safety {
    /// No check failed.
    Passed,
    /// These checks failed.
    Failed(Vec<FailedCheck>),
    /// The checks ended with an error, so the service refuses the image.
    Error(&'static str),
    /// The seen part of the stream does not determine the outcome.
    Unknown(&'static str),
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedCheck {
    /// The inspector's name for the check.
    pub check: &'static str,
    /// The reason, in the text of the inspector.
    pub reason: String,
}

impl FailedCheck {
    pub(super) fn new(check: &'static str, reason: impl Into<String>) -> Self {
        FailedCheck { check, reason: reason.into() }
    }
}

/// The outcome for a file that ends within the bytes that a check needs.
pub(super) const TOO_SHORT: Safety = Safety::Error("the file is too short to be checked");

/// The outcome for a stream of which too little was seen.
pub(super) const NOT_SEEN: Safety = Safety::Unknown("what it would look at was not seen");

/// A part of the stream, or the outcome if it is missing.
pub(super) fn captured<'a>(
    stream: &Stream<'a>,
    offset: u64,
    length: u64,
) -> Result<&'a [u8], Safety> {
    let bytes = usize::try_from(length).ok().and_then(|length| stream.at(offset, length));
    bytes.ok_or_else(|| if stream.lacks(offset.checked_add(length)) { TOO_SHORT } else { NOT_SEEN })
}
