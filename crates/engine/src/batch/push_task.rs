//! The push task of a batch.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use imgpush_client::Error as ClientError;
use imgpush_source::{Source, SourceError, SourceOptions};

use super::open_later::OpenLater;
use crate::push::options::PushOptions;
use crate::push::target::{Target, Via};

/// A target of a batch, or of one task.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "most targets are reached")]
pub(super) enum BatchTarget {
    Reached(Target),
    /// A target whose login failed.
    Unreached {
        cloud: String,
        error: Arc<ClientError>,
    },
}

/// An image to push: its source and its options.
pub struct PushTask {
    pub(super) name: String,
    /// The targets of this task; empty for the targets of the batch.
    pub(super) targets: Vec<BatchTarget>,
    pub(super) options: PushOptions,
    pub(super) source: OpenLater,
    pub(super) via: Option<Via>,
}

impl PushTask {
    /// Creates a task that reads a path or an address, as [`open`](imgpush_source::open()) accepts it.
    #[must_use]
    pub fn new(place: impl Into<PathBuf>, source: SourceOptions, options: PushOptions) -> Self {
        let place = place.into();
        let name = imgpush_source::shown(&place).to_string_lossy().into_owned();
        PushTask::with(name, options, OpenLater::at(place, source))
    }

    /// Creates a task for a source that is opened when the task starts, so that not all files of a batch are
    /// open at once. `name` is the name in messages until then.
    #[must_use]
    pub fn opened_by(
        name: impl Into<String>,
        options: PushOptions,
        opening: impl FnOnce() -> BoxFuture<'static, Result<Box<dyn Source>, SourceError>>
        + Send
        + 'static,
    ) -> Self {
        PushTask::with(name.into(), options, OpenLater::by(opening))
    }

    fn with(name: String, options: PushOptions, source: OpenLater) -> Self {
        PushTask { name, targets: Vec::new(), options, source, via: None }
    }

    /// Adds a target to this task. A task with targets of its own ignores those of the batch.
    #[must_use]
    pub fn to(mut self, target: Target) -> Self {
        self.targets.push(BatchTarget::Reached(target));
        self
    }

    /// Adds a target whose login failed to this task. The task gets this error as its result there.
    #[must_use]
    pub fn to_unreached(mut self, cloud: impl Into<String>, error: Arc<ClientError>) -> Self {
        self.targets.push(BatchTarget::Unreached { cloud: cloud.into(), error });
        self
    }

    /// Sets the targets of this task. Without any, it uses those of the batch.
    #[must_use]
    pub fn with_targets(mut self, targets: impl IntoIterator<Item = Target>) -> Self {
        self.targets = targets.into_iter().map(BatchTarget::Reached).collect();
        self
    }

    /// Sets the upload method for all targets.
    #[must_use]
    pub fn via(mut self, via: Via) -> Self {
        self.via = Some(via);
        self
    }

    /// Returns the name of the source in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for PushTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushTask")
            .field("name", &self.name)
            .field("targets", &self.targets)
            .field("options", &self.options)
            .field("via", &self.via)
            .finish_non_exhaustive()
    }
}
