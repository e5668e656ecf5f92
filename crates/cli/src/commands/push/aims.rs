//! Where images are pushed to.

use std::path::Path;

use futures_util::future::join_all;
use imgpush_client::{Cloud, CloudOptions, Error as ClientError};
use imgpush_engine::{PushError, PushFailure, RecordOutcome, RetryOptions, Target, Timing, source};

use crate::args::CloudArgs;

/// A cloud to push to, and what messages call it.
pub(super) struct Aim {
    cloud: Cloud,
    pub(super) name: String,
}

/// All that is asked for; nothing is pushed when one of them is not configured.
pub(super) fn aims(clouds: &CloudArgs, what: &str) -> Result<Vec<Aim>, PushError> {
    let aim = |(options, region): (CloudOptions, Option<&str>)| {
        let asked = options.cloud.clone().unwrap_or_else(|| "the cloud".to_owned());
        let cloud = Cloud::load(&options)
            .map_err(|error| unbegun(what, &asked, connecting(ClientError::Config(error))))?;
        let name = match region {
            Some(region) => format!("{} {region}", cloud.name()),
            None => cloud.name().to_owned(),
        };
        Ok(Aim { cloud, name })
    };
    clouds.each().into_iter().map(aim).collect()
}

/// Logs in everywhere; for each aim the target, or why `what` cannot be pushed there.
pub(super) async fn connect(
    aims: &[Aim],
    retry: &RetryOptions,
    what: &str,
) -> Vec<Result<Target, PushError>> {
    let connecting_all =
        aims.iter().map(async |aim| match Target::connect(&aim.cloud, retry).await {
            Ok(target) => Ok(target.on_cloud(&aim.name)),
            Err(error) => Err(unbegun(what, &aim.name, connecting(error))),
        });
    join_all(connecting_all).await
}

fn connecting(source: ClientError) -> PushFailure {
    PushFailure::Client { during: "connecting to the cloud", source }
}

/// What was not even begun there.
pub(super) fn unbegun(what: &str, cloud: &str, failure: PushFailure) -> PushError {
    PushError {
        source_name: what.into(),
        cloud: cloud.into(),
        attempts: 0,
        failure: Box::new(failure),
        outcome: RecordOutcome::NoRecord,
        timing: Box::new(Timing::unbegun()),
    }
}

/// What is told once, not for every cloud.
pub(super) fn unbegun_anywhere(what: &str, aims: &[Aim], failure: PushFailure) -> PushError {
    let cloud = if let [aim] = aims { &aim.name } else { "all clouds" };
    unbegun(what, cloud, failure)
}

/// What messages call a source.
pub(super) fn shown(place: &Path) -> String {
    source::shown(place).to_string_lossy().into_owned()
}
