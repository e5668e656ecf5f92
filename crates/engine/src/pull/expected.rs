//! The size and the digests of an image, before the download and in the verification after it.
//!
//! [`Download`](super::Download) calls it before and after each transfer.

use imgpush_client::{Image, Status};
use imgpush_digest::Algorithm;

use super::fetch::DATA;
use super::options::DownloadOptions;
use crate::integrity::compare::{self, HashClaims, Verdict};
use crate::integrity::produced::DEFAULT_ALGORITHMS;
use crate::integrity::{IntegrityError, Produced, VerifiedBy};

/// The size of an image, and the algorithms to verify it with.
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
            let reason = "the service reports no size".to_owned();
            return Err(IntegrityError::CannotVerify { reason });
        };
        let claims = HashClaims::of(image);
        if !options.allow_unverified {
            claims.sufficient()?;
        }
        let mut algorithms = claims.algorithms();
        if algorithms.is_empty() {
            // They cannot be compared, but the report contains them.
            algorithms.extend(DEFAULT_ALGORITHMS);
        }
        Ok(Expected { size, algorithms })
    }
}

/// The result of a verification.
pub(crate) struct VerificationResult {
    pub(crate) by: Vec<VerifiedBy>,
    /// Why the verification is incomplete; `None` if it is complete.
    pub(super) doubt: Option<String>,
}

/// Compares size and digests with those of the image. A doubt was allowed before.
pub(super) fn verify_data(
    image: &Image,
    produced: &Produced,
) -> Result<VerificationResult, IntegrityError> {
    let differs = |failure| compare::as_data_error(DATA, failure);
    compare::same_size(image, produced.bytes).map_err(differs)?;
    let claims = HashClaims::of(image);
    let by = match claims.compare(&produced.digests).map_err(differs)? {
        Verdict::Verified(by) => by,
        Verdict::Needs(algorithm) => {
            return Err(IntegrityError::CannotVerify {
                reason: format!("{algorithm} was not computed"),
            });
        }
    };
    Ok(VerificationResult { by, doubt: claims.doubt().map(str::to_owned) })
}
