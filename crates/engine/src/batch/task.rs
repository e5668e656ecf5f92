//! One image of a batch.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use imgpush_source::SourceError;
use imgpush_source::{Source, SourceOptions};

use crate::push::options::PushOptions;
use crate::push::target::{Target, Via};

/// One image of a batch: where it comes from, and what it is to be.
pub struct BatchTask {
    pub(super) source: String,
    /// Those of the batch when empty.
    pub(super) targets: Vec<Target>,
    pub(super) options: PushOptions,
    pub(super) opening: Opening,
    pub(super) via: Option<Via>,
}

/// Opens a source when its turn has come.
type Opening = Box<dyn FnOnce() -> BoxFuture<'static, Result<Box<dyn Source>, SourceError>> + Send>;

impl BatchTask {
    /// What a user names, as [`open`](imgpush_source::open()) takes it.
    #[must_use]
    pub fn new(place: impl Into<PathBuf>, source: SourceOptions, options: PushOptions) -> Self {
        let place = place.into();
        let name = imgpush_source::shown(&place).to_string_lossy().into_owned();
        BatchTask::opened_by(name, options, move || {
            Box::pin(async move { imgpush_source::open(&place, &source).await })
        })
    }

    /// A source that is opened when its turn has come; so not all files of a batch are open at once.
    /// `name` is what messages call it until then.
    #[must_use]
    pub fn opened_by(
        name: impl Into<String>,
        options: PushOptions,
        opening: impl FnOnce() -> BoxFuture<'static, Result<Box<dyn Source>, SourceError>>
        + Send
        + 'static,
    ) -> Self {
        BatchTask {
            source: name.into(),
            targets: Vec::new(),
            options,
            opening: Box::new(opening),
            via: None,
        }
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

    /// On that way, whatever the targets say.
    #[must_use]
    pub fn via(mut self, via: Via) -> Self {
        self.via = Some(via);
        self
    }
}

impl std::fmt::Debug for BatchTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchTask")
            .field("source", &self.source)
            .field("targets", &self.targets)
            .field("options", &self.options)
            .field("via", &self.via)
            .finish_non_exhaustive()
    }
}
