//! `imgpush image list`.

use clap::Args;
use imgpush_client::Direction;

use super::ListOutput;
use crate::args::values::key_value;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush image list --tag lts --property os_distro=ubuntu
  imgpush image list --sort size:desc --limit 10 --long
  imgpush image list --hash-value 3f1a… -f value -c ID      is this file in the cloud already?
  imgpush image list --updated gte:2026-01-01T00:00:00Z --filter status=in:queued,saving -f csv")]
pub(crate) struct ListArgs {
    /// Only public images
    #[arg(long, group = "who")]
    pub(crate) public: bool,

    /// Only private images
    #[arg(long, group = "who")]
    pub(crate) private: bool,

    /// Only community images
    #[arg(long, group = "who")]
    pub(crate) community: bool,

    /// Only shared images
    #[arg(long, group = "who")]
    pub(crate) shared: bool,

    /// Images of every visibility, other projects' community images too
    #[arg(long, group = "who")]
    pub(crate) all: bool,

    /// Only images with this property; repeat for more
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) properties: Vec<(String, String)>,

    /// Only images of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Only images of this status: queued, saving, active, …
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,

    /// Of images shared with this project those it answered so; accepted by default
    #[arg(long, value_name = "STATUS", ignore_case = true,
        value_parser = ["accepted", "pending", "rejected", "all"])]
    pub(crate) member_status: Option<String>,

    /// Only images of this project, by its id
    ///
    /// openstackclient takes names too, which needs the identity service.
    #[arg(long, value_name = "ID")]
    pub(crate) project: Option<String>,

    /// Only images with this tag; repeat for more
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// Hidden images instead of the others
    #[arg(long)]
    pub(crate) hidden: bool,

    /// Only images of this disk format
    #[arg(long, value_name = "FORMAT", hide_short_help = true)]
    pub(crate) disk_format: Option<String>,

    /// Only images of this container format
    #[arg(long, value_name = "FORMAT", hide_short_help = true)]
    pub(crate) container_format: Option<String>,

    /// Only images with this MD5
    #[arg(long, value_name = "HEX", hide_short_help = true)]
    pub(crate) checksum: Option<String>,

    /// Only images with this secure hash, most often a SHA-512
    #[arg(long, value_name = "HEX")]
    pub(crate) hash_value: Option<String>,

    /// Only images of at least so many bytes
    #[arg(long, value_name = "BYTES", hide_short_help = true)]
    pub(crate) size_min: Option<u64>,

    /// Only images of at most so many bytes
    #[arg(long, value_name = "BYTES", hide_short_help = true)]
    pub(crate) size_max: Option<u64>,

    /// Only images made then: gt, gte, lt, lte, eq or neq, a colon, and an ISO 8601 time
    #[arg(long, value_name = "OP:TIME", hide_short_help = true)]
    pub(crate) created: Option<String>,

    /// Only images last changed then; as --created
    #[arg(long, value_name = "OP:TIME", hide_short_help = true)]
    pub(crate) updated: Option<String>,

    /// A filter of the Image API as it is, such as `disk_format=in:raw,qcow2`; repeat for more
    #[arg(long = "filter", value_name = "KEY=EXPRESSION", value_parser = key_value)]
    pub(crate) filters: Vec<(String, String)>,

    /// Show more columns
    #[arg(long)]
    pub(crate) long: bool,

    /// The order: keys with a direction each, asc or desc
    ///
    /// The service sorts by name, status, container_format, disk_format, size, id, created_at and
    /// updated_at. By other keys imgpush sorts itself, and prints when all images are in.
    #[arg(long, value_name = "KEY[:DIRECTION],…", default_value = "name:asc",
        value_delimiter = ',', value_parser = sort_key)]
    pub(crate) sort: Vec<SortKey>,

    /// At most so many images in all, the first in the order of --sort
    ///
    /// openstackclient takes the newest so many, and then sorts them.
    #[arg(long, alias = "max-items", value_name = "N")]
    pub(crate) limit: Option<usize>,

    /// Only images behind this one in the order, by name or id
    #[arg(long, value_name = "IMAGE")]
    pub(crate) marker: Option<String>,

    /// Images to ask for at a time
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(crate) page_size: Option<std::num::NonZeroUsize>,

    #[command(flatten)]
    pub(crate) output: ListOutput,
}

/// A key to sort by.
#[derive(Clone, Debug)]
pub(crate) struct SortKey {
    pub(crate) key: String,
    pub(crate) direction: Direction,
}

fn sort_key(text: &str) -> Result<SortKey, String> {
    let (key, direction) = text.split_once(':').unwrap_or((text, "asc"));
    let direction = match direction {
        "asc" => Direction::Ascending,
        "desc" => Direction::Descending,
        _ => return Err("the direction is asc or desc".to_owned()),
    };
    // openstackclient sorts by the titles of its columns, too.
    match key.trim().to_lowercase().replace(' ', "_") {
        key if key.is_empty() => Err("expected KEY or KEY:DIRECTION".to_owned()),
        key => Ok(SortKey { key, direction }),
    }
}
