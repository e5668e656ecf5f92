//! The clouds that images are pushed to.

use std::path::Path;

use futures_util::future::join_all;
use imgpush_client::{Cloud, CloudOptions, Error as ClientError};
use imgpush_engine::{PushError, PushFailure, RetryOptions, Target, source};

use crate::args::CloudArgs;

/// A cloud to push to, with its name in messages.
pub(super) struct TargetCloud {
    config: Cloud,
    pub(super) name: String,
}

/// Loads the configuration of each cloud. If one is missing, nothing is pushed.
pub(super) fn target_clouds(clouds: &CloudArgs, what: &str) -> Result<Vec<TargetCloud>, PushError> {
    let load = |(options, region): (CloudOptions, Option<&str>)| {
        let asked = options.cloud.clone().unwrap_or_else(|| "the cloud".to_owned());
        let config = Cloud::load(&options).map_err(|error| {
            PushError::not_started(what, &asked, connect_failure(ClientError::Config(error)))
        })?;
        let name = match region {
            Some(region) => format!("{} {region}", config.name()),
            None => config.name().to_owned(),
        };
        Ok(TargetCloud { config, name })
    };
    clouds.each().into_iter().map(load).collect()
}

/// Logs in to each cloud; returns its target, or the error of pushing `what` there.
pub(super) async fn connect(
    clouds: &[TargetCloud],
    retry: &RetryOptions,
    what: &str,
) -> Vec<Result<Target, PushError>> {
    let all = clouds.iter().map(async |cloud| match Target::connect(&cloud.config, retry).await {
        Ok(target) => Ok(target.on_cloud(&cloud.name)),
        Err(error) => Err(PushError::not_started(what, &cloud.name, connect_failure(error))),
    });
    join_all(all).await
}

fn connect_failure(source: ClientError) -> PushFailure {
    PushFailure::Client { during: "connecting to the cloud", source }
}

/// The error of a push that failed before it started, for each cloud.
pub(super) fn not_started_anywhere(
    what: &str,
    clouds: &[TargetCloud],
    failure: impl Fn() -> PushFailure,
) -> Vec<PushError> {
    clouds.iter().map(|cloud| PushError::not_started(what, &cloud.name, failure())).collect()
}

/// The name of a source in messages.
pub(super) fn shown(place: &Path) -> String {
    source::shown(place).to_string_lossy().into_owned()
}
