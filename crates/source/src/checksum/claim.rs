//! One digest that a source has to have.

use imgpush_digest::Digest;

/// One digest that has to be found.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) digest: Digest,
    pub(super) of: Of,
    pub(super) is_listed: bool,
}

/// What a digest is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// The bytes of the source, packed or not.
    Source,
    /// What a packed source holds.
    Content,
    /// One of the two.
    Either,
}

impl Of {
    /// What messages call it.
    pub(super) fn shown(self, source: &str) -> String {
        match self {
            Of::Source | Of::Either => source.to_owned(),
            Of::Content => format!("what {source} holds"),
        }
    }
}
