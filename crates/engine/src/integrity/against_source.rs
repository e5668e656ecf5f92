//! Comparison of an image with a source. Called by `pull::download` for existing files and by `pull::verify`.

use std::sync::Arc;

use imgpush_client::{Image, Status};
use imgpush_source::{Source, SourceError};
use imgpush_source::{catch_panic, off_runtime};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::compare::{self, HashClaims, Verdict};
use super::error::IntegrityError;
use super::produced::Produced;
use super::verified_by::VerifiedBy;
use crate::progress::{Phase, Progress};
use crate::resources::TransferResources;

/// Compares a source with the size and the digests of the image, without a request to the service. A source
/// of another size is not read. Returns the digests of the source, and the equal fields.
///
/// # Errors
///
/// Returns [`IntegrityError::Differs`] if the source differs from the image.
///
/// # Cancel safety
///
/// Dropping the future stops the reader after its current chunk.
pub(crate) async fn compare(
    image: &Image,
    source: Box<dyn Source>,
    resources: TransferResources,
    progress: &Arc<dyn Progress>,
    cancel: &CancellationToken,
) -> Result<(Produced, Vec<VerifiedBy>), IntegrityError> {
    if !matches!(image.status(), Status::Active | Status::Deactivated) {
        return Err(IntegrityError::NotAvailable { status: image.status() });
    }
    let name = source.name().to_owned();
    let differs = |failure| compare::as_data_error(&name, failure);
    if let Some(size) = source.size() {
        compare::same_size(image, size).map_err(differs)?;
    }
    let claims = HashClaims::of(image);
    claims.sufficient()?;

    if let Some(size) = image.size() {
        progress.total(size);
    }
    progress.phase(Phase::Hashing);
    let work = Comparison {
        source,
        algorithms: claims.algorithms(),
        resources,
        progress: Arc::clone(progress),
        cancel: cancel.child_token(),
    };
    let _end: DropGuard = work.cancel.clone().drop_guard();
    let produced = tokio::select! {
        produced = off_runtime({
            let name = name.clone();
            move || catch_panic(&name, || work.run())
        }) => {
            let no_thread = |source| SourceError::NoThread { name: name.clone(), source };
            produced.map_err(no_thread)??
        }
        // A read may hang.
        () = cancel.cancelled() => return Err(IntegrityError::Interrupted),
    };
    compare::same_size(image, produced.bytes).map_err(differs)?;
    match claims.compare(&produced.digests).map_err(differs)? {
        Verdict::Verified(by) => Ok((produced, by)),
        Verdict::Needs(algorithm) => {
            Err(IntegrityError::CannotVerify { reason: format!("{algorithm} was not computed") })
        }
    }
}

/// Reads and hashes the source, on a thread.
struct Comparison {
    source: Box<dyn Source>,
    algorithms: Vec<imgpush_digest::Algorithm>,
    resources: TransferResources,
    progress: Arc<dyn Progress>,
    cancel: CancellationToken,
}

impl Comparison {
    fn run(mut self) -> Result<Produced, IntegrityError> {
        let TransferResources { pool, hashing } = &self.resources;
        let hasher = hashing.hasher(self.algorithms);
        Produced::read(self.source.as_mut(), pool, hasher, |bytes| {
            self.progress.sent(bytes);
            match self.cancel.is_cancelled() {
                true => Err(IntegrityError::Interrupted),
                false => Ok(()),
            }
        })
    }
}
