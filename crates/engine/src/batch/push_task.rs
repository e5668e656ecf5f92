//! An image to push.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use imgpush_source::{Source, SourceError, SourceOptions};

use super::open_later::OpenLater;
use crate::push::options::PushOptions;
use crate::push::target::{Target, Via};

/// An image to push: where it is read from, and what it is to be.
pub struct PushTask {
    pub(super) name: String,
    /// Those of the batch when empty.
    pub(super) targets: Vec<Target>,
    pub(super) options: PushOptions,
    pub(super) source: OpenLater,
    pub(super) via: Option<Via>,
}

impl PushTask {
    /// Reads what a user names, as [`open`](imgpush_source::open()) takes it.
    #[must_use]
    pub fn new(place: impl Into<PathBuf>, source: SourceOptions, options: PushOptions) -> Self {
        let place = place.into();
        let name = imgpush_source::shown(&place).to_string_lossy().into_owned();
        PushTask::with(name, options, OpenLater::at(place, source))
    }

    /// Reads a source that is opened when its turn has come, so that not all files of a batch are open at
    /// once. `name` is what messages call it until then.
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

    /// Adds a target of its own. A task that has any does not go to the targets of the batch.
    #[must_use]
    pub fn to(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// Sets the targets of its own; when there are none it goes to those of the batch.
    #[must_use]
    pub fn with_targets(mut self, targets: impl IntoIterator<Item = Target>) -> Self {
        self.targets = targets.into_iter().collect();
        self
    }

    /// Sets the upload method, whatever the targets say.
    #[must_use]
    pub fn via(mut self, via: Via) -> Self {
        self.via = Some(via);
        self
    }

    /// The name of the source in messages.
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
