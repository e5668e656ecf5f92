//! What a push does where the image is there already.

use std::time::Duration;

use clap::{Args, ValueEnum};
use imgpush_engine::{IfExists, PushOptions, Retire};

use super::values::duration;

#[derive(Debug, Args)]
#[command(next_help_heading = "Run it again")]
pub(crate) struct ExistsArgs {
    /// What to do when the project has images of that name that lists show
    ///
    /// `add` makes another one. `skip` is content with one that holds the same data, and ends where only
    /// others are there. `replace` is content with it, or makes it, and then retires all others. `rename` is
    /// content with it, or takes NAME-2, NAME-3, … where others have the name. `fail` ends.
    #[arg(long, value_name = "WHAT", default_value = "add")]
    if_exists: IfExistsKind,

    /// With --if-exists replace: what becomes of the others, once the new one is proved
    ///
    /// `rename` puts the time they were made behind their name.
    #[arg(long, value_name = "HOW", default_value = "hide", hide_short_help = true)]
    replaced: RetireKind,

    /// The id of the image: a UUID, or `derived` from project, name and data
    ///
    /// By default it is made up; with --if-exists skip, replace and rename it is derived, so that of two runs
    /// at once one makes the image and the other finds it. A source that can be read only once gets one that is
    /// made up.
    #[arg(long, value_name = "ID", hide_short_help = true)]
    id: Option<String>,

    /// Seconds to wait for an image of another run that does not change
    ///
    /// Then a record that is still `queued` is left and the next id used; otherwise the upload fails.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration,
        hide_short_help = true)]
    wait_for_others: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum IfExistsKind {
    Add,
    Skip,
    Replace,
    Rename,
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RetireKind {
    Hide,
    Rename,
    Delete,
}

impl ExistsArgs {
    /// What does not go together.
    pub(crate) fn misfit(&self) -> Option<&'static str> {
        let is_replacing = self.if_exists == IfExistsKind::Replace;
        (self.replaced != RetireKind::Hide && !is_replacing)
            .then_some("--replaced goes with --if-exists replace only")
    }

    /// Whether one image is named by its id.
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

    /// For the engine.
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
