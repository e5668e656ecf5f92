//! What an image says of its data, before and behind the download.

use imgpush_client::{Image, Status};
use imgpush_digest::Algorithm;

use super::fetch::DATA;
use super::options::DownloadOptions;
use crate::integrity::compare::{self, HashClaims, Verdict};
use crate::integrity::produced::DEFAULT_ALGORITHMS;
use crate::integrity::{IntegrityError, Produced, VerifiedBy};

/// What an image says of its data before it is fetched.
pub(super) struct Expected {
    pub(super) size: u64,
    pub(super) algorithms: Vec<Algorithm>,
}

impl Expected {
    pub(super) fn of(image: &Image, options: &DownloadOptions) -> Result<Self, IntegrityError> {
        if image.status() != Status::Active {
            return Err(IntegrityError::NotAvailable { status: image.status() });
        }
        let Some(size) = image.size() else {
            let reason = "the server shows no size".to_owned();
            return Err(IntegrityError::CannotVerify { reason });
        };
        let claims = HashClaims::of(image);
        if !options.allow_unverified {
            claims.sufficient()?;
        }
        let mut algorithms = claims.algorithms();
        if algorithms.is_empty() {
            // Nothing to compare them with, but the report shows them.
            algorithms.extend(DEFAULT_ALGORITHMS);
        }
        Ok(Expected { size, algorithms })
    }
}

/// What speaks for the data.
pub(crate) struct Proof {
    pub(crate) by: Vec<VerifiedBy>,
    /// Why that is not enough.
    pub(super) doubt: Option<String>,
}

/// Compares all that the image shows; what is in doubt was allowed before.
pub(super) fn prove(image: &Image, produced: &Produced) -> Result<Proof, IntegrityError> {
    let differs = |failure| compare::data_is_wrong(DATA, failure);
    compare::same_size(image, produced.bytes).map_err(differs)?;
    let claims = HashClaims::of(image);
    let by = match claims.compare(&produced.digests).map_err(differs)? {
        Verdict::Proved(by) => by,
        Verdict::Needs(algorithm) => {
            return Err(IntegrityError::CannotVerify {
                reason: format!("{algorithm} was not computed"),
            });
        }
    };
    Ok(Proof { by, doubt: claims.doubt().map(str::to_owned) })
}
