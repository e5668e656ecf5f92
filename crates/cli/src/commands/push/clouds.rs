//! The clouds that images are pushed to.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use imgpush_client::{Cloud, CloudOptions, Error as ClientError};
use imgpush_engine::{PushError, PushFailure, RetryOptions, Target, source};

use crate::args::CloudArgs;

/// A cloud to push to, with its name in messages.
pub(super) struct TargetCloud {
    config: Cloud,
    pub(super) name: String,
}

impl TargetCloud {
    /// Logs in.
    pub(super) async fn connect(&self, retry: &RetryOptions) -> Result<Target, ClientError> {
        Ok(Target::connect(&self.config, retry).await?.on_cloud(&self.name))
    }
}

/// A cloud whose configuration cannot be loaded.
pub(super) struct MissingCloud {
    pub(super) name: String,
    error: Arc<ClientError>,
}

impl MissingCloud {
    /// The failure of a push to it.
    pub(super) fn failure(&self) -> PushFailure {
        PushFailure::Unreached { source: Arc::clone(&self.error) }
    }
}

/// Loads the configuration of each cloud. If one is missing, nothing is pushed.
pub(super) fn target_clouds(clouds: &CloudArgs) -> Result<Vec<TargetCloud>, MissingCloud> {
    let load = |(options, region): (CloudOptions, Option<&str>)| {
        let config = Cloud::load(&options).map_err(|error| MissingCloud {
            name: options.cloud.clone().unwrap_or_else(|| "the cloud".to_owned()),
            error: Arc::new(ClientError::Config(error)),
        })?;
        let name = match region {
            Some(region) => format!("{} {region}", config.name()),
            None => config.name().to_owned(),
        };
        Ok(TargetCloud { config, name })
    };
    clouds.each().into_iter().map(load).collect()
}

/// Loads the configuration of the one cloud that is meant, to push `what` there.
pub(super) fn one_cloud(clouds: &CloudArgs, what: &str) -> Result<TargetCloud, PushError> {
    let clouds = target_clouds(clouds)
        .map_err(|missing| PushError::not_started(what, &missing.name, missing.failure()))?;
    Ok(clouds.into_iter().next().expect("there is at least one cloud"))
}

/// Logs in to each cloud.
pub(super) async fn connect(
    clouds: &[TargetCloud],
    retry: &RetryOptions,
) -> Vec<Result<Target, ClientError>> {
    join_all(clouds.iter().map(|cloud| cloud.connect(retry))).await
}

/// The name of a source in messages.
pub(super) fn shown(place: &Path) -> String {
    source::shown(place).to_string_lossy().into_owned()
}
