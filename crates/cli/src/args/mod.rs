//! The command line.

mod batch;
mod cloud;
mod conversion;
mod convert;
mod digest;
mod display;
mod exists;
mod general;
mod glance;
mod heading;
pub(crate) mod image;
mod inspect;
mod install;
mod json;
mod memory;
mod proof;
mod property;
mod pull;
mod push;
mod report;
mod requeue;
mod retry;
#[cfg(feature = "sandbox")]
mod sandbox;
mod selection;
mod shard;
mod source;
mod sparse;
mod target;
#[cfg(test)]
mod tests;
mod tune;
mod values;
mod verify;

use clap::{
    Args as _, Command as Cli, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
};

pub(crate) use batch::BatchArgs;
pub(crate) use cloud::CloudArgs;
pub(crate) use conversion::{CloudFormat, ConversionArgs, OutputKind};
pub(crate) use convert::ConvertArgs;
pub(crate) use digest::DigestArgs;
pub(crate) use display::{DisplayArgs, ProgressKind};
pub(crate) use exists::ExistsArgs;
pub(crate) use general::GeneralArgs;
pub(crate) use image::ImageArgs;
pub(crate) use inspect::InspectArgs;
pub(crate) use install::{CompletionsArgs, ManArgs};
pub(crate) use json::JsonArgs;
pub(crate) use proof::ProofArgs;
pub(crate) use pull::PullArgs;
pub(crate) use push::PushArgs;
pub(crate) use report::{MergeArgs, ReportArgs, ReportCommand};
pub(crate) use requeue::RequeueArgs;
pub(crate) use retry::RetryArgs;
#[cfg(feature = "sandbox")]
pub(crate) use sandbox::SandboxArgs;
pub(crate) use selection::{JobArgs, Selection};
pub(crate) use shard::ShardArgs;
pub(crate) use source::{Decompress, SourceArgs};
pub(crate) use sparse::SparseArgs;
pub(crate) use target::TargetArgs;
pub(crate) use tune::TuneArgs;
pub(crate) use verify::VerifyArgs;

use crate::color::ColorWhen;

/// Upload disk images to OpenStack Glance, with end-to-end verification
#[derive(Debug, Parser)]
#[command(
    name = "imgpush",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_flag = true,
    disable_version_flag = true,
    after_help = "\
Run `imgpush COMMAND --help` for the options and examples of a command."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) cloud: CloudArgs,

    #[command(flatten)]
    pub(crate) general: GeneralArgs,
}

impl Args {
    /// Parses the command line.
    ///
    /// # Errors
    ///
    /// The command line is wrong, or asks for help or the version.
    pub(crate) fn read(color: ColorWhen) -> Result<Self, clap::Error> {
        let matches = Args::cli().color(color.choice()).try_get_matches()?;
        Args::from_arg_matches(&matches)
    }

    /// The commands and their options. Cloud options are hidden where they have no effect.
    pub(crate) fn cli() -> Cli {
        let mut cli = Args::command();
        let cloud = CloudArgs::augment_args(Cli::new("cloud"));
        // Those of the program are not passed on to a command that has its own.
        let hidden: Vec<_> =
            cloud.get_arguments().map(|option| option.clone().hide(true)).collect();
        for name in WITHOUT_CLOUD {
            cli = cli.mut_subcommand(name, |command| command.args(hidden.clone()));
        }
        cli
    }

    /// What does not go together, where that is not known by the options alone.
    pub(crate) fn misfit(&self) -> Option<&'static str> {
        match &self.command {
            Command::Push(push) => self.cloud.misfit(true).or_else(|| push.misfit()),
            Command::Pull(pull) => self.cloud.misfit(false).or_else(|| pull.misfit()),
            Command::Verify(verify) => self.cloud.misfit(false).or_else(|| verify.misfit()),
            Command::Image(image) => self.cloud.misfit(false).or_else(|| image.misfit()),
            Command::Convert(convert) => convert.misfit(),
            _ => self.cloud.misfit(false),
        }
    }
}

/// The commands that use no cloud.
const WITHOUT_CLOUD: &[&str] = &[
    "inspect",
    "digest",
    "convert",
    "report",
    #[cfg(feature = "sandbox")]
    "sandbox",
    #[cfg(feature = "sandbox")]
    "demo",
    "completions",
    "man",
];

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Upload disk images and verify them
    ///
    /// imgpush detects the disk format, computes digests while it sends the data, and compares them with
    /// those of Glance. Interrupted uploads are retried. A failed upload deletes its image record.
    Push(Box<PushArgs>),
    /// Download images and verify them
    ///
    /// Interrupted downloads are resumed. A file gets its name after its digests are verified.
    Pull(Box<PullArgs>),
    /// Compare images with their digests or with files
    Verify(Box<VerifyArgs>),
    /// Manage images: list, show, create, set, import, share, delete
    Image(Box<ImageArgs>),
    /// Detect the format of disk images and check them for problems
    Inspect(InspectArgs),
    /// Compute digests of files, or check lists of digests
    Digest(DigestArgs),
    /// Convert virtual disks to raw, or disks to qcow2
    Convert(Box<ConvertArgs>),
    /// Merge the JSON reports of several runs
    Report(ReportArgs),
    /// Measure uploads to a cloud and recommend options
    Tune(TuneArgs),
    /// Run a local image service for tests
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
    /// Show a push, damage in transit and a retry, without a cloud
    #[cfg(feature = "sandbox")]
    Demo,
    /// Print a shell completion script
    Completions(CompletionsArgs),
    /// Write man pages to a folder
    Man(ManArgs),
}
