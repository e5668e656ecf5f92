//! What a push does with existing images.

use std::time::Duration;

use clap::{Args, ValueEnum};
use imgpush_engine::{IfExists, PushOptions, Retire};

use super::heading;
use super::values::duration;

#[derive(Debug, Args)]
#[command(next_help_heading = heading::EXISTING)]
pub(crate) struct ExistsArgs {
    /// Action if the project has an image of that name
    ///
    /// Hidden images count only with --hidden, and others only without it. The content is compared by
    /// os_hash_value.
    #[arg(long, value_name = "ACTION", default_value = "add")]
    if_exists: IfExistsKind,

    /// With --if-exists replace: action for the old images
    ///
    /// It follows after the new image is verified.
    #[arg(long, value_name = "ACTION", default_value = "hide", hide_short_help = true)]
    replaced: RetireKind,

    /// Image id: a UUID, or `derived`
    ///
    /// A derived id is computed from project, name and content. It is the default with --if-exists skip,
    /// replace and rename, so that concurrent commands create one image. Otherwise, and if the source can be
    /// read only once, the default is a random id.
    #[arg(long, value_name = "UUID", hide_short_help = true)]
    id: Option<String>,

    /// Time to wait for an unfinished image of another command
    ///
    /// After that, a record that is still `queued` is left and the next id is used. In any other status, the
    /// upload fails.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration,
        hide_short_help = true)]
    wait_for_others: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum IfExistsKind {
    /// Upload another image
    Add,
    /// Keep an image with the same content; fail if only other images have the name
    Skip,
    /// Keep an image with the same content or upload it, then retire the others (--replaced)
    Replace,
    /// Keep an image with the same content, or upload it as NAME-2, NAME-3, …
    Rename,
    /// Fail
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RetireKind {
    /// Hide them from image lists
    Hide,
    /// Append their creation time to their name
    Rename,
    /// Delete them
    Delete,
}

impl ExistsArgs {
    /// What does not go together.
    pub(crate) fn misfit(&self) -> Option<&'static str> {
        let is_replacing = self.if_exists == IfExistsKind::Replace;
        (self.replaced != RetireKind::Hide && !is_replacing)
            .then_some("--replaced goes with --if-exists replace only")
    }

    /// Whether `--id` gives the id of one image.
    pub(crate) fn names_one(&self) -> bool {
        self.id.as_deref().is_some_and(|id| id != DERIVED)
    }

    /// The value of --if-exists, if two images of one run must not have one name.
    pub(crate) fn if_exists_needing_one_name(&self) -> Option<&'static str> {
        match self.if_exists {
            IfExistsKind::Add | IfExistsKind::Rename => None,
            IfExistsKind::Skip => Some("skip"),
            IfExistsKind::Replace => Some("replace"),
            IfExistsKind::Fail => Some("fail"),
        }
    }

    /// Sets the options of the engine.
    pub(crate) fn apply(&self, options: &mut PushOptions) {
        let retire = match self.replaced {
            RetireKind::Hide => Retire::Hide,
            RetireKind::Rename => Retire::Rename,
            RetireKind::Delete => Retire::Delete,
        };
        options.if_exists = match self.if_exists {
            IfExistsKind::Add => IfExists::Add,
            IfExistsKind::Skip => IfExists::Skip,
            IfExistsKind::Replace => IfExists::Replace(retire),
            IfExistsKind::Rename => IfExists::Rename,
            IfExistsKind::Fail => IfExists::Fail,
        };
        match self.id.as_deref() {
            Some(DERIVED) => options.derive_id = true,
            id => options.id = id.map(str::to_owned),
        }
        options.wait_for_others = self.wait_for_others;
    }
}

/// Instead of a UUID.
const DERIVED: &str = "derived";
