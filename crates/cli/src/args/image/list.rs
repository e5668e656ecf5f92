//! `imgpush image list`.

use clap::Args;
use imgpush_client::{Attribute, Direction};

use super::ListOutput;
use crate::args::heading;
use crate::args::values::key_value;

#[derive(Debug, Args)]
#[command(next_help_heading = heading::FILTER)]
#[command(after_help = "\
Examples:
  imgpush image list --tag lts --property os_distro=ubuntu
  imgpush image list --sort size:desc --limit 10 --long

  # Find an image by its SHA-512
  imgpush image list --hash-value 3f1a... -f value -c ID

  # Use filters of the Image API
  imgpush image list --updated gte:2026-01-01T00:00:00Z \\
    --filter status=in:queued,saving -f csv")]
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

    /// Images of every visibility
    ///
    /// Community images of other projects are included.
    #[arg(long, group = "who")]
    pub(crate) all: bool,

    /// Only images with this property (repeatable)
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) properties: Vec<(String, String)>,

    /// Only images with this name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Only images with this status, such as active
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,

    /// Only shared images with this member status [default: accepted]
    #[arg(long, value_name = "STATUS", ignore_case = true, hide_short_help = true,
        value_parser = ["accepted", "pending", "rejected", "all"])]
    pub(crate) member_status: Option<String>,

    /// Only images of this project, by name or id
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,

    /// Domain of the project, by name or id
    #[arg(long, value_name = "DOMAIN", requires = "project", hide_short_help = true)]
    pub(crate) project_domain: Option<String>,

    /// Only images with this tag (repeatable)
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// Only hidden images
    #[arg(long)]
    pub(crate) hidden: bool,

    /// Only images with this disk format
    #[arg(long, value_name = "FORMAT", hide_short_help = true)]
    pub(crate) disk_format: Option<String>,

    /// Only images with this container format
    #[arg(long, value_name = "FORMAT", hide_short_help = true)]
    pub(crate) container_format: Option<String>,

    /// Only images with this MD5 digest
    #[arg(long, value_name = "HEX", hide_short_help = true)]
    pub(crate) checksum: Option<String>,

    /// Only images with this os_hash_value (SHA-512)
    #[arg(long, value_name = "HEX")]
    pub(crate) hash_value: Option<String>,

    /// Only images of at least this size
    #[arg(long, value_name = "BYTES", hide_short_help = true)]
    pub(crate) size_min: Option<u64>,

    /// Only images of at most this size
    #[arg(long, value_name = "BYTES", hide_short_help = true)]
    pub(crate) size_max: Option<u64>,

    /// Only images created before or after a time, such as gte:2026-01-01T00:00:00Z
    ///
    /// Operators are gt, gte, lt, lte, eq and neq. The time is in ISO 8601 format.
    #[arg(long, value_name = "OPERATOR:TIME", hide_short_help = true)]
    pub(crate) created: Option<String>,

    /// Only images changed before or after a time; see --created
    #[arg(long, value_name = "OPERATOR:TIME", hide_short_help = true)]
    pub(crate) updated: Option<String>,

    /// Filter of the Image API, such as disk_format=in:raw,qcow2 (repeatable)
    #[arg(long = "filter", value_name = "KEY=EXPRESSION", value_parser = key_value,
        hide_short_help = true)]
    pub(crate) filters: Vec<(String, String)>,

    /// Print more columns
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) long: bool,

    /// Sort keys, such as size:desc,name
    ///
    /// A direction is asc, the default, or desc. The service sorts by name, status, container_format,
    /// disk_format, size, id, created_at and updated_at. imgpush sorts by other keys itself, after it has
    /// received all images.
    #[arg(long, value_name = "KEY[:DIRECTION],...", default_value = "name:asc",
        value_delimiter = ',', value_parser = sort_key, help_heading = heading::OUTPUT)]
    pub(crate) sort: Vec<SortKey>,

    /// Maximum number of images, in the order of --sort
    ///
    /// openstackclient selects the newest images instead, and then sorts them.
    #[arg(long, alias = "max-items", value_name = "N", help_heading = heading::OUTPUT)]
    pub(crate) limit: Option<usize>,

    /// List only images after this one, by name or id
    #[arg(long, value_name = "IMAGE", hide_short_help = true, help_heading = heading::OUTPUT)]
    pub(crate) marker: Option<String>,

    /// Number of images per request
    #[arg(long, value_name = "N", hide_short_help = true, help_heading = heading::OUTPUT)]
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
    let key = key.trim();
    if key.is_empty() {
        return Err("expected KEY or KEY:DIRECTION".to_owned());
    }
    // openstackclient sorts by the titles of its columns, too.
    let title = key.to_lowercase().replace(' ', "_");
    let is_attribute = Attribute::named(&title).is_some();
    Ok(SortKey { key: if is_attribute { title } else { key.to_owned() }, direction })
}
