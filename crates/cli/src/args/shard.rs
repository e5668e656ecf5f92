//! The share of the work that this machine does.

use std::num::NonZeroU32;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use imgpush_engine::{Shard, ShardError};

use super::heading;

#[derive(Debug, Args)]
#[command(next_help_heading = heading::BATCH)]
pub(crate) struct ShardArgs {
    /// Process only shard I of N, so that N machines share the work
    ///
    /// The machines run the same command, each with its own I, from 1 to N. `auto` reads I and N from the
    /// environment variables of Slurm, GitLab and other schedulers; with those that do not set N, such as
    /// Kubernetes, use auto/N. An item is assigned by a hash of its path or URL as given, or of the id of the
    /// image. File names of --journal and --report get the shard before the extension.
    #[arg(long, value_name = "I/N|auto")]
    shard: Option<ShardChoice>,

    /// Assignment of items to shards: by `hash` or `size`
    ///
    /// `size` gives the largest item first to the shard with the least bytes. It needs the same items with known
    /// sizes on all machines.
    #[arg(
        long,
        value_name = "RULE",
        requires = "shard",
        default_value = "hash",
        hide_short_help = true
    )]
    shard_by: ShardRule,
}

/// The value of `--shard`.
#[derive(Clone, Copy, Debug)]
enum ShardChoice {
    Given(Shard),
    /// Set by a scheduler; the number is that of the shards.
    Auto(Option<NonZeroU32>),
}

impl FromStr for ShardChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(ShardChoice::Auto(None));
        }
        let wrong = || "expected I/N such as 2/8, auto, or auto/N".to_owned();
        let Some(total) = text.strip_prefix("auto/") else {
            return text.parse().map(ShardChoice::Given).map_err(|_| wrong());
        };
        // The last shard is there if the number of shards is valid.
        let last = format!("{total}/{total}").parse::<Shard>().map_err(|_| wrong())?;
        Ok(ShardChoice::Auto(NonZeroU32::new(last.total())))
    }
}

/// How items are assigned to shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShardRule {
    Hash,
    Size,
}

impl ShardArgs {
    /// Whether this machine processes a share only.
    pub(crate) fn is_given(&self) -> bool {
        self.shard.is_some()
    }

    /// Whether items are assigned by their size.
    pub(crate) fn is_by_size(&self) -> bool {
        self.shard_by == ShardRule::Size
    }

    /// The shard of this machine, if the items are shared.
    ///
    /// # Errors
    ///
    /// The environment has no shard.
    pub(crate) fn shard(&self) -> Result<Option<Shard>, ShardError> {
        match self.shard {
            None => Ok(None),
            Some(ShardChoice::Given(shard)) => Ok(Some(shard)),
            Some(ShardChoice::Auto(total)) => Shard::of_scheduler(total).map(Some),
        }
    }
}
