//! Members, tags, tasks, stores and the cache.

use clap::{Args, Subcommand};

use super::{ListOutput, ShowOutput};
use crate::args::heading;

#[derive(Debug, Args)]
pub(crate) struct ListOfImage {
    /// Image, by name or id
    pub(crate) image: String,

    #[command(flatten)]
    pub(crate) output: ListOutput,
}

#[derive(Debug, Args)]
pub(crate) struct Share {
    /// Image, by name or id
    pub(crate) image: String,

    /// Project, by name or id
    pub(crate) project: String,

    /// Domain of the project, by name or id
    #[arg(long, value_name = "DOMAIN", help_heading = heading::IMAGE)]
    pub(crate) project_domain: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ShareArgs {
    #[command(flatten)]
    pub(crate) share: Share,

    #[command(flatten)]
    pub(crate) output: ShowOutput,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  # In the project that owns the image
  imgpush image member add noble 6c3f...

  # In the other project
  imgpush image member accept 5f1c... 6c3f...")]
pub(crate) enum MemberCommand {
    /// List the projects that an image is shared with
    List(ListOfImage),
    /// Share an image with a project
    Add(ShareArgs),
    /// Stop sharing an image with a project
    Remove(Share),
    /// Show whether a project accepted an image
    #[command(visible_alias = "get")]
    Show(ShareArgs),
    /// Accept a shared image, so that image lists show it
    Accept(ShareArgs),
    /// Reject a shared image
    Reject(ShareArgs),
    /// Reset the answer of a project to pending
    Pending(ShareArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AddCommand {
    /// Share an image with a project
    Project(ShareArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum RemoveCommand {
    /// Stop sharing an image with a project
    Project(Share),
}

#[derive(Debug, Args)]
pub(crate) struct TagArgs {
    /// Image, by name or id
    pub(crate) image: String,

    /// Tags
    #[arg(value_name = "TAG", required = true)]
    pub(crate) tags: Vec<String>,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  imgpush image tag add noble lts daily")]
pub(crate) enum TagCommand {
    /// Add tags to an image
    Add(TagArgs),
    /// Remove tags from an image; a missing tag is an error
    Remove(TagArgs),
}

#[derive(Debug, Args)]
#[command(next_help_heading = heading::FILTER)]
pub(crate) struct TaskListArgs {
    /// Only tasks of this type, such as api_image_import
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,

    /// Only tasks with this status: pending, processing, success, failure
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,

    /// Sort key [default: created_at]
    #[arg(long, value_name = "KEY", help_heading = heading::OUTPUT)]
    pub(crate) sort_key: Option<String>,

    /// Sort direction [default: desc]
    #[arg(long, value_name = "DIRECTION", value_parser = ["asc", "desc"],
        help_heading = heading::OUTPUT)]
    pub(crate) sort_dir: Option<String>,

    /// Maximum number of tasks
    #[arg(long, alias = "max-items", value_name = "N", help_heading = heading::OUTPUT)]
    pub(crate) limit: Option<usize>,

    /// List only tasks after the one with this id
    #[arg(long, value_name = "ID", help_heading = heading::OUTPUT)]
    pub(crate) marker: Option<String>,

    #[command(flatten)]
    pub(crate) output: ListOutput,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  imgpush image task list --status failure")]
pub(crate) enum TaskCommand {
    /// List the tasks of all images (usually administrators)
    List(TaskListArgs),
    /// Show a task
    Show {
        /// Id of the task
        task: String,

        #[command(flatten)]
        output: ShowOutput,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Example:
  imgpush image stores -f value -c ID")]
pub(crate) struct StoresArgs {
    #[command(subcommand)]
    command: Option<StoresCommand>,

    #[command(flatten)]
    list: StoreListArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoresCommand {
    /// List the stores of the service, as openstackclient does
    #[command(alias = "info")]
    List(StoreListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StoreListArgs {
    /// Show the properties of the stores (administrators)
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) detail: bool,

    #[command(flatten)]
    pub(crate) output: ListOutput,
}

impl StoresArgs {
    /// The arguments, which are the same with `list` and without it.
    pub(crate) fn list(&self) -> &StoreListArgs {
        match &self.command {
            Some(StoresCommand::List(list)) => list,
            None => &self.list,
        }
    }
}

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  imgpush image cache queue noble jammy
  imgpush image cache clear --queue")]
pub(crate) enum CacheCommand {
    /// List cached and queued images
    List(ListOutput),
    /// Queue images for the cache
    Queue {
        /// Images, by name or id
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
    },
    /// Remove images from the cache and the queue
    Delete {
        /// Images, by name or id
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
    },
    /// Remove all images from the cache and the queue
    Clear {
        /// Clear only the cache
        #[arg(long, conflicts_with = "queue", help_heading = heading::IMAGE)]
        cache: bool,

        /// Clear only the queue
        #[arg(long, help_heading = heading::IMAGE)]
        queue: bool,
    },
    /// Delete invalid and incomplete files from the cache
    Clean,
    /// Remove images from the cache until it is within its size limit
    Prune,
}
