//! `imgpush image`.

mod data;
mod list;
mod output;
mod record;
mod shared;

use clap::{Args, Subcommand};

pub(crate) use data::{
    DownloadArgs, ImportArgs, ImportCommand, ImportMethodName, SaveArgs, StageArgs,
};
pub(crate) use list::{ListArgs, SortKey};
pub(crate) use output::{ListOutput, ShowOutput};
pub(crate) use record::{CreateArgs, DeleteArgs, FindArgs, SetArgs, ShowArgs, UnsetArgs};
pub(crate) use shared::{
    AddCommand, CacheCommand, ListOfImage, MemberCommand, RemoveCommand, Share, ShareArgs,
    StoresArgs, TagCommand, TaskCommand, TaskListArgs,
};

/// Work with the images of a cloud
///
/// The verbs and flags are openstackclient's where it has them, and so is what they print: a script
/// that reads `openstack image … -f json` reads this. IMAGE is a name or an id everywhere; where
/// several images share a name, the ids are listed and nothing is done.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush image list --long
  imgpush image show noble -f json
  imgpush image set noble --property os_distro=ubuntu --tag lts
  imgpush image save --help              the flags and examples of a verb

Exit codes: 0 done, 2 usage, 20 not authorised, 21 refused or not there, 22 connection,
24 import failed, 25 waited too long, 130 interrupted.")]
pub(crate) struct ImageArgs {
    #[command(subcommand)]
    pub(crate) command: ImageCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// List images
    List(Box<ListArgs>),
    /// Show an image
    Show(ShowArgs),
    /// Print the id of an image
    Find(FindArgs),
    /// Make an image record, with data or without
    Create(Box<CreateArgs>),
    /// Change an image
    Set(Box<SetArgs>),
    /// Remove tags and properties of an image
    Unset(UnsetArgs),
    /// Delete images
    Delete(DeleteArgs),
    /// Save the data of an image, and prove it
    Save(SaveArgs),
    /// Send data to be imported
    Stage(StageArgs),
    /// Import an image: what was staged, an address, another region's, into further stores
    Import(Box<ImportArgs>),
    /// Close an active image to downloads
    ///
    /// Nova then starts no new server from it.
    Deactivate {
        /// The image, by name or id
        image: String,
    },
    /// Open a deactivated image again
    Reactivate {
        /// The image, by name or id
        image: String,
    },
    /// List the projects that an image is shared with
    Members(ListOfImage),
    /// Share an image with projects, and answer to one that is shared with yours
    #[command(subcommand)]
    Member(MemberCommand),
    /// Add and remove tags
    #[command(subcommand)]
    Tag(TagCommand),
    /// List the imports of an image
    Tasks(ListOfImage),
    /// List all tasks, or show one
    #[command(subcommand)]
    Task(TaskCommand),
    /// List the stores of the service
    Stores(StoresArgs),
    /// Show the quotas of the project and what is used of them
    Usage(ListOutput),
    /// Show the import methods of the service
    ImportInfo(ShowOutput),
    /// Look at the cache of images and fill it; for administrators
    #[command(subcommand)]
    Cache(CacheCommand),
    /// openstackclient's `image add project`
    #[command(subcommand, hide = true)]
    Add(AddCommand),
    /// openstackclient's `image remove project`
    #[command(subcommand, hide = true)]
    Remove(RemoveCommand),
}
