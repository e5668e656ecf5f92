//! One digest that a source must have.

use imgpush_digest::Digest;

/// One digest that must match.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) digest: Digest,
    pub(super) of: Of,
    pub(super) is_listed: bool,
}

/// Which bytes a digest covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// The bytes of the source, compressed or not.
    Source,
    /// The content of a compressed source.
    Content,
    /// One of the two.
    Either,
}

impl Of {
    /// The name in messages.
    pub(super) fn shown(self, source: &str) -> String {
        match self {
            Of::Source | Of::Either => source.to_owned(),
            Of::Content => format!("what {source} holds"),
        }
    }
}
