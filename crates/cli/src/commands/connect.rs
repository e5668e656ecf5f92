//! The connection to one cloud.

use imgpush_client::{Cloud, Error as ClientError, ImageClient};
use imgpush_engine::{RetryOptions, Target};

use super::failed::{Failed, failed_to};
use crate::args::CloudArgs;

/// Logs in to the cloud that the arguments name; returns its name too. A login is retried while the identity
/// service is overloaded.
pub(super) async fn connect(cloud: &CloudArgs) -> Result<(String, ImageClient), Failed> {
    let connecting = || failed_to("connect to the cloud");
    let cloud =
        Cloud::load(&cloud.options()).map_err(|error| connecting()(ClientError::Config(error)))?;
    let target = Target::connect(&cloud, &RetryOptions::default()).await.map_err(connecting())?;
    Ok((cloud.name().to_owned(), target.client().clone()))
}
