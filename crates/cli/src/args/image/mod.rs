//! `imgpush image`.

mod data;
mod list;
mod location;
mod metadef;
mod output;
mod record;
mod shared;

use clap::{Args, Subcommand};

pub(crate) use data::{
    DownloadArgs, ImportArgs, ImportCommand, ImportMethodName, SaveArgs, StageArgs,
};
pub(crate) use list::{ListArgs, SortKey};
pub(crate) use location::{LocationAddArgs, LocationCommand};
pub(crate) use metadef::{
    AssociationCommand, AssociationCreateArgs, AssociationDeleteArgs, MetadefCommand,
    NamespaceAttributes, NamespaceCommand, NamespaceCreateArgs, NamespaceListArgs,
    NamespaceSetArgs, NamespaceUnsetArgs, ObjectCommand, ObjectPropertyCommand, PropertyCommand,
    PropertyCreateArgs, PropertySetArgs, ResourceCommand, ResourceTypeCommand,
};
pub(crate) use output::{ListOutput, ShowOutput};
pub(crate) use record::{CreateArgs, DeleteArgs, FindArgs, SetArgs, ShowArgs, UnsetArgs};
pub(crate) use shared::{
    AddCommand, CacheCommand, ListOfImage, MemberCommand, RemoveCommand, Share, ShareArgs,
    StoresArgs, TagCommand, TaskCommand, TaskListArgs,
};

/// Manage images: list, show, create, set, import, share, delete
///
/// Commands, options and output are those of `openstack image`, as far as it has them. IMAGE is a name or
/// an id. If several images have a name, imgpush prints their ids and does nothing else.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  imgpush image list --long
  imgpush image show noble --json
  imgpush image set noble --property os_distro=ubuntu --tag lts

Existing files: as in openstackclient, only `image save` overwrites a file by
default; --no-overwrite refuses that.

Exit codes:
   0  success                      22  connection failed
   2  wrong command line           24  import failed
  20  not authorised               25  import not finished in time
  21  refused, or no such image")]
pub(crate) struct ImageArgs {
    #[command(subcommand)]
    pub(crate) command: ImageCommand,
}

impl ImageArgs {
    /// What does not go together.
    pub(super) fn misfit(&self) -> Option<&'static str> {
        match &self.command {
            ImageCommand::Stage(stage) => stage.misfit(),
            _ => None,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// List images
    #[command(visible_alias = "ls")]
    List(Box<ListArgs>),
    /// Show an image
    Show(ShowArgs),
    /// Print the id of an image
    Find(FindArgs),
    /// Create an image record, with or without data
    Create(Box<CreateArgs>),
    /// Change an image
    Set(Box<SetArgs>),
    /// Remove tags and properties from an image
    Unset(UnsetArgs),
    /// Delete images
    #[command(visible_alias = "rm")]
    Delete(DeleteArgs),
    /// Download and verify the data of an image
    ///
    /// As in openstackclient, an existing file is overwritten, and --no-overwrite refuses that. `imgpush pull`
    /// never overwrites a file without --overwrite.
    Save(SaveArgs),
    /// Stage data for an import
    Stage(StageArgs),
    /// Import staged data, a URL or an image of another region
    Import(Box<ImportArgs>),
    /// Block downloads of an image
    ///
    /// Nova cannot start new servers from a deactivated image.
    Deactivate {
        /// Image, by name or id
        image: String,
    },
    /// Allow downloads of a deactivated image again
    Reactivate {
        /// Image, by name or id
        image: String,
    },
    /// Share an image with a project, as openstackclient does
    #[command(subcommand)]
    Add(AddCommand),
    /// Stop sharing an image with a project, as openstackclient does
    #[command(subcommand)]
    Remove(RemoveCommand),
    /// List the projects that an image is shared with
    Members(ListOfImage),
    /// Share images, and accept or reject shared images
    #[command(subcommand)]
    Member(MemberCommand),
    /// Add and remove tags
    #[command(subcommand)]
    Tag(TagCommand),
    /// List the locations of the data of an image (usually services)
    Locations(ListOfImage),
    /// List and add locations of the data of an image
    #[command(subcommand)]
    Location(LocationCommand),
    /// List the tasks of an image, such as imports
    Tasks(ListOfImage),
    /// List all tasks, or show a task
    #[command(subcommand)]
    Task(TaskCommand),
    /// List the stores of the service
    Stores(StoresArgs),
    /// Show the quotas of the project and their usage
    Usage(ListOutput),
    /// Show the import methods of the service
    ImportInfo(ShowOutput),
    /// Manage the image cache (administrators)
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Manage metadata definitions of properties
    ///
    /// Dashboards offer the properties that are defined here, for images and other resources.
    #[command(subcommand)]
    Metadef(Box<MetadefCommand>),
}
