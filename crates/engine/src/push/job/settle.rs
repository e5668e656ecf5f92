//! Waiting until the record shows the result of an upload that Glance has accepted.
//!
//! The job calls it before each comparison.

use std::time::{Duration, Instant};

use imgpush_client::{Error as ClientError, Image, Status};
use tokio::time::sleep;

use super::publish::Activation;
use super::state::UploadJob;
use crate::push::error::PushFailure;

impl UploadJob<'_> {
    /// Fetches the image until it shows the result of the upload, for at most
    /// [`finish_timeout`](crate::PushOptions::finish_timeout). In the meantime the service may return an
    /// older state of the record, or 404, or a gateway may answer with an error.
    pub(super) async fn settled(&self) -> Result<(Image, Activation), PushFailure> {
        let started = Instant::now();
        let limit = self.options.finish_timeout;
        let mut pause = FIRST_PAUSE;
        loop {
            let fetched = self.target.client.image_and_age(&self.id).await;
            let limit_of_state = match &fetched {
                Ok((image, _)) => wait_limit(image),
                Err(error) if is_inconclusive(error) => Some(LAG),
                Err(_) => None,
            };
            let is_over = limit_of_state.is_none_or(|it| started.elapsed() >= it.min(limit));
            if is_over {
                return match fetched {
                    Ok((image, _)) if is_unfinished(&image.status()) => {
                        Err(PushFailure::Unfinished {
                            id: self.id.clone(),
                            status: image.status(),
                            seconds: limit.as_secs(),
                        })
                    }
                    Ok((image, age)) => Ok((image, Activation::before(age))),
                    Err(source) => {
                        Err(PushFailure::Client { during: "fetch the image to verify it", source })
                    }
                };
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// How long to wait for another state than this; `None` if this is the result.
fn wait_limit(image: &Image) -> Option<Duration> {
    let has_value = image.hash_value().is_some();
    match image.status() {
        status if is_unfinished(&status) => Some(Duration::MAX),
        Status::Active if has_value => None,
        Status::Active if image.hash_algo().is_some() => Some(Duration::MAX),
        // Before version 2.7 of the API, there is only the checksum.
        Status::Active => Some(if image.checksum().is_some() { Duration::ZERO } else { LAG }),
        _ => None,
    }
}

/// Whether an image of this status can still become active.
pub(super) fn is_unfinished(status: &Status) -> bool {
    matches!(status, Status::Queued | Status::Saving | Status::Uploading | Status::Importing)
}

/// Whether the response is inconclusive for an image that was created a moment ago.
fn is_inconclusive(error: &ClientError) -> bool {
    error.is_transient() || matches!(error, ClientError::NotFound(_) | ClientError::Decode { .. })
}

/// How long a replica of the database, or a gateway, may return an outdated state.
const LAG: Duration = Duration::from_secs(15);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
