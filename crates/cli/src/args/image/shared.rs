//! What hangs on images: members, tags, tasks, stores, the cache.

use clap::{Args, Subcommand};

use super::{ListOutput, ShowOutput};

#[derive(Debug, Args)]
pub(crate) struct ListOfImage {
    /// The image, by name or id
    pub(crate) image: String,

    #[command(flatten)]
    pub(crate) output: ListOutput,
}

#[derive(Debug, Args)]
pub(crate) struct Share {
    /// The image, by name or id
    pub(crate) image: String,

    /// The project, by its id
    pub(crate) project: String,
}

#[derive(Debug, Args)]
pub(crate) struct ShareArgs {
    #[command(flatten)]
    pub(crate) share: Share,

    #[command(flatten)]
    pub(crate) output: ShowOutput,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples, in the project that owns the image and then in the other:
  imgpush image member add noble 6c3f…
  imgpush image member accept 5f1c… 6c3f…")]
pub(crate) enum MemberCommand {
    /// List the projects that an image is shared with
    List(ListOfImage),
    /// Share a shared image with a project
    Add(ShareArgs),
    /// Share it with a project no longer
    Remove(Share),
    /// Show what a project said to an image
    #[command(alias = "get")]
    Show(ShareArgs),
    /// Have the image in lists of the project it is shared with
    Accept(ShareArgs),
    /// Do not have it there
    Reject(ShareArgs),
    /// Take the answer back
    Pending(ShareArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AddCommand {
    /// Share an image with a project
    Project(ShareArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum RemoveCommand {
    /// Share an image with a project no longer
    Project(Share),
}

#[derive(Debug, Args)]
pub(crate) struct TagArgs {
    /// The image, by name or id
    pub(crate) image: String,

    /// The tags
    #[arg(value_name = "TAG", required = true)]
    pub(crate) tags: Vec<String>,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  imgpush image tag add noble lts daily")]
pub(crate) enum TagCommand {
    /// Add tags; those that are there stay
    Add(TagArgs),
    /// Remove tags; one that is not there is an error
    Remove(TagArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TaskListArgs {
    /// Only tasks of this type: api_image_import, import, …
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,

    /// Only tasks of this status: pending, processing, success or failure
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,

    /// The key to sort by; created_at by default
    #[arg(long, value_name = "KEY")]
    pub(crate) sort_key: Option<String>,

    /// The direction: asc or desc, which is the default
    #[arg(long, value_name = "DIRECTION", value_parser = ["asc", "desc"])]
    pub(crate) sort_dir: Option<String>,

    /// At most so many tasks in all
    #[arg(long, alias = "max-items", value_name = "N")]
    pub(crate) limit: Option<usize>,

    /// Only tasks behind this one, by its id
    #[arg(long, value_name = "TASK")]
    pub(crate) marker: Option<String>,

    #[command(flatten)]
    pub(crate) output: ListOutput,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  imgpush image task list --status failure")]
pub(crate) enum TaskCommand {
    /// List tasks of all images; for administrators mostly
    List(TaskListArgs),
    /// Show a task
    Show {
        /// The task, by its id
        task: String,

        #[command(flatten)]
        output: ShowOutput,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  imgpush image stores -f value -c ID")]
pub(crate) struct StoresArgs {
    /// openstackclient has a word here.
    #[arg(hide = true, value_parser = ["list", "info"])]
    _word: Option<String>,

    /// Show what the stores say of themselves, too; for administrators
    #[arg(long)]
    pub(crate) detail: bool,

    #[command(flatten)]
    pub(crate) output: ListOutput,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  imgpush image cache queue noble jammy
  imgpush image cache clear --queue")]
pub(crate) enum CacheCommand {
    /// List what is in the cache, and what shall be
    List(ListOutput),
    /// Have images in the cache
    Queue {
        /// The images, by name or id
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
    },
    /// Take images out of the cache and of what shall be in it
    Delete {
        /// The images, by name or id
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
    },
    /// Take all images out of both
    Clear {
        /// Only what is in the cache
        #[arg(long, conflicts_with = "queue")]
        cache: bool,

        /// Only what shall be in it
        #[arg(long)]
        queue: bool,
    },
    /// Remove what was left half-made in the cache
    Clean,
    /// Shrink the cache to its limit
    Prune,
}
