//! The command line.

mod batch;
mod cloud;
mod digest;
mod exists;
mod general;
mod glance;
pub(crate) mod image;
mod inspect;
mod install;
mod memory;
mod proof;
mod pull;
mod push;
mod retry;
#[cfg(feature = "sandbox")]
mod sandbox;
mod selection;
mod source;
mod sparse;
mod target;
mod tune;
mod values;
mod verify;

use clap::{
    Args as _, Command as Cli, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
};

pub(crate) use batch::BatchArgs;
pub(crate) use cloud::CloudArgs;
pub(crate) use digest::DigestArgs;
pub(crate) use exists::ExistsArgs;
pub(crate) use general::{ColorWhen, GeneralArgs};
pub(crate) use image::ImageArgs;
pub(crate) use inspect::InspectArgs;
pub(crate) use install::{CompletionsArgs, ManArgs};
pub(crate) use proof::ProofArgs;
pub(crate) use pull::PullArgs;
pub(crate) use push::{ProgressKind, PushArgs};
pub(crate) use retry::RetryArgs;
#[cfg(feature = "sandbox")]
pub(crate) use sandbox::SandboxArgs;
pub(crate) use selection::{JobArgs, Selection};
pub(crate) use source::{Decompress, SourceArgs};
pub(crate) use sparse::SparseArgs;
pub(crate) use target::TargetArgs;
pub(crate) use tune::TuneArgs;
pub(crate) use verify::VerifyArgs;

/// Push disk images into OpenStack Glance: fast, whole and proved
#[derive(Debug, Parser)]
#[command(
    name = "imgpush",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_flag = true
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
            _ => self.cloud.misfit(false),
        }
    }
}

/// The commands that use no cloud.
const WITHOUT_CLOUD: &[&str] = &[
    "inspect",
    "digest",
    #[cfg(feature = "sandbox")]
    "sandbox",
    #[cfg(feature = "sandbox")]
    "demo",
    "completions",
    "man",
];

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Push a disk image and prove that it arrived
    Push(Box<PushArgs>),
    /// Pull images into files, and prove that they are whole
    Pull(Box<PullArgs>),
    /// Compare images with files, or with what the cloud gives for them
    Verify(Box<VerifyArgs>),
    /// Work with the images of a cloud: list, show, create, set, import, share, delete, …
    Image(Box<ImageArgs>),
    /// Say what an image is, what is wrong with it, and who takes it
    Inspect(InspectArgs),
    /// Hash files, all at once and by several algorithms in one reading, or check lists of digests
    Digest(DigestArgs),
    /// Try settings against a cloud with images that are removed again, and recommend some
    Tune(TuneArgs),
    /// Run an image service on this machine, to try things out
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
    /// See in ten seconds what imgpush does for you
    #[cfg(feature = "sandbox")]
    Demo,
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Write the man pages into a folder
    Man(ManArgs),
}
