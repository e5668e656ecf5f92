//! Commands for image records: `show`, `find`, `create`, `set`, `unset`, `delete`.

use std::path::PathBuf;

use clap::Args;
use imgpush_client::{MemberStatus, Visibility};
use imgpush_engine::source::SourceOptions;
use imgpush_engine::{PushOptions, Via};

use super::ShowOutput;
use crate::args::property::{property, property_of_upload, set_properties};
use crate::args::values::visibility;
use crate::args::{Decompress, ProgressKind, heading};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  imgpush image show noble
  imgpush image show noble -f value -c status
  imgpush image show noble --json | jq -r .properties.os_hash_value")]
pub(crate) struct ShowArgs {
    /// Image, by name or id
    pub(crate) image: String,

    /// Print the size with a unit
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) human_readable: bool,

    #[command(flatten)]
    pub(crate) output: ShowOutput,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  id=$(imgpush image find noble)

  # Delete all images of a name
  imgpush image find --all noble | xargs imgpush image delete

Exit codes: 0 found, 21 no such image, or several images of that name.")]
pub(crate) struct FindArgs {
    /// Image, by name or id
    #[arg(value_name = "NAME_OR_ID")]
    pub(crate) image: String,

    /// Print the ids of all images of that name, including hidden ones
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) all: bool,
}

/// `--visibility`, and the four flags of openstackclient.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = heading::IMAGE)]
pub(crate) struct VisibilityFlags {
    /// Visibility: private, shared, community or public
    #[arg(long = "visibility", value_name = "VISIBILITY", value_parser = visibility)]
    named: Option<Visibility>,

    /// Make the image visible to all projects (usually administrators)
    #[arg(long)]
    public: bool,

    /// Make the image visible only to its project
    #[arg(long)]
    private: bool,

    /// Let all projects use the image by id, without listing it
    #[arg(long)]
    community: bool,

    /// Make the image visible to its project and its members
    #[arg(long)]
    shared: bool,
}

impl VisibilityFlags {
    pub(crate) fn visibility(&self) -> Option<Visibility> {
        let flags = [
            (self.public, Visibility::Public),
            (self.private, Visibility::Private),
            (self.community, Visibility::Community),
            (self.shared, Visibility::Shared),
        ];
        let flag = flags.into_iter().find_map(|(set, who)| set.then_some(who));
        self.named.clone().or(flag)
    }
}

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = heading::IMAGE)]
struct ProtectedFlags {
    /// Protect the image from deletion
    #[arg(long)]
    protected: bool,

    /// Allow deletion of the image
    #[arg(long)]
    unprotected: bool,
}

impl ProtectedFlags {
    fn protected(&self) -> Option<bool> {
        (self.protected || self.unprotected).then_some(self.protected)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # Upload a file
  imgpush image create --file noble.qcow2 --tag lts noble

  # Create a record, then import data into it
  imgpush image create --disk-format qcow2 noble
  imgpush image stage noble --file noble.qcow2
  imgpush image import noble --wait

With --file, the format is detected and the image is verified, as by
`imgpush push`, which has more options.")]
pub(crate) struct CreateArgs {
    /// Image name
    pub(crate) name: String,

    /// Image id [default: set by Glance]
    #[arg(long, value_name = "UUID", help_heading = heading::IMAGE)]
    pub(crate) id: Option<String>,

    /// Container format
    #[arg(long, value_name = "FORMAT", default_value = "bare", help_heading = heading::IMAGE)]
    pub(crate) container_format: String,

    /// Disk format [default: detected with --file, otherwise raw]
    #[arg(long, value_name = "FORMAT", help_heading = heading::IMAGE)]
    pub(crate) disk_format: Option<String>,

    /// Minimum disk size for servers, in GiB
    #[arg(long, value_name = "GIB", help_heading = heading::IMAGE)]
    pub(crate) min_disk: Option<u64>,

    /// Minimum memory for servers, in MiB
    #[arg(long, value_name = "MIB", help_heading = heading::IMAGE)]
    pub(crate) min_ram: Option<u64>,

    #[command(flatten)]
    protected: ProtectedFlags,

    #[command(flatten)]
    pub(crate) visibility: VisibilityFlags,

    /// Hide the image from image lists
    #[arg(long, help_heading = heading::IMAGE)]
    pub(crate) hidden: bool,

    /// Image property (repeatable)
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = property_of_upload,
        help_heading = heading::IMAGE)]
    pub(crate) properties: Vec<(String, String)>,

    /// Image tag (repeatable)
    #[arg(long = "tag", value_name = "TAG", help_heading = heading::IMAGE)]
    pub(crate) tags: Vec<String>,

    /// Project that owns the image, by name or id (administrators)
    #[arg(long, value_name = "PROJECT", help_heading = heading::IMAGE)]
    pub(crate) project: Option<String>,

    /// Domain of the project, by name or id
    #[arg(long, value_name = "DOMAIN", requires = "project", hide_short_help = true,
        help_heading = heading::IMAGE)]
    pub(crate) project_domain: Option<String>,

    /// Disk image: a file, HTTP(S) URL, or - for stdin
    ///
    /// Without --file, only the record is created. Use `imgpush image stage` and `imgpush image import` to add
    /// data.
    #[arg(long, value_name = "FILE|URL", help_heading = heading::SOURCE)]
    pub(crate) file: Option<PathBuf>,

    /// Upload by staging and glance-direct import
    #[arg(long = "import", requires = "file", hide_short_help = true,
        help_heading = heading::UPLOAD)]
    import: bool,

    /// Progress display on stderr
    #[arg(
        long,
        value_name = "MODE",
        default_value = "auto",
        num_args = 0..=1,
        default_missing_value = "auto",
        require_equals = true,
        requires = "file",
        hide_short_help = true,
        help_heading = heading::OUTPUT
    )]
    pub(crate) progress: ProgressKind,

    #[command(flatten)]
    pub(crate) output: ShowOutput,
}

impl CreateArgs {
    pub(crate) fn protected(&self) -> Option<bool> {
        self.protected.protected()
    }

    /// The upload method.
    pub(crate) fn via(&self) -> Via {
        if self.import { Via::Import } else { Via::Direct }
    }

    /// The options to read `--file`.
    pub(crate) fn source_options(&self) -> SourceOptions {
        Decompress::of_image(self.disk_format.as_deref(), Some(&self.container_format)).options()
    }

    /// The options of the engine.
    pub(crate) fn options(&self) -> PushOptions {
        let mut options = PushOptions::named(&self.name);
        options.id.clone_from(&self.id);
        options.disk_format.clone_from(&self.disk_format);
        options.container_format.clone_from(&self.container_format);
        options.tags = self.tags.iter().cloned().collect();
        options.visibility = self.visibility.visibility();
        options.protected = self.protected();
        options.hidden = self.hidden.then_some(true);
        // As in openstackclient: no default from the virtual size.
        options.min_disk = self.min_disk.or(Some(0));
        options.min_ram = self.min_ram;
        set_properties(&mut options, &self.properties);
        options
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  imgpush image set noble --name noble-old --hidden
  imgpush image set noble --property hw_disk_bus=scsi \\
    --property hw_scsi_model=virtio-scsi

  # Accept an image that another project shares
  imgpush image set 5f1c... --accept

All changes are sent in one request. Without changes, no request is sent.")]
pub(crate) struct SetArgs {
    /// Image, by name or id
    pub(crate) image: String,

    /// New image name
    #[arg(long, value_name = "NAME", help_heading = heading::IMAGE)]
    pub(crate) name: Option<String>,

    /// Minimum disk size for servers, in GiB
    #[arg(long, value_name = "GIB", help_heading = heading::IMAGE)]
    pub(crate) min_disk: Option<u64>,

    /// Minimum memory for servers, in MiB
    #[arg(long, value_name = "MIB", help_heading = heading::IMAGE)]
    pub(crate) min_ram: Option<u64>,

    /// Container format; only of an image without data
    #[arg(long, value_name = "FORMAT", help_heading = heading::IMAGE)]
    pub(crate) container_format: Option<String>,

    /// Disk format; only of an image without data
    #[arg(long, value_name = "FORMAT", help_heading = heading::IMAGE)]
    pub(crate) disk_format: Option<String>,

    #[command(flatten)]
    protected: ProtectedFlags,

    #[command(flatten)]
    pub(crate) visibility: VisibilityFlags,

    /// Image property (repeatable)
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = property,
        help_heading = heading::IMAGE)]
    pub(crate) properties: Vec<(String, String)>,

    /// Tag to add (repeatable)
    #[arg(long = "tag", value_name = "TAG", help_heading = heading::IMAGE)]
    pub(crate) tags: Vec<String>,

    /// CPU architecture that the guest needs
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = heading::IMAGE)]
    architecture: Option<String>,

    /// Id of the server that the image was created from
    #[arg(long, alias = "instance-uuid", value_name = "ID", hide_short_help = true,
        help_heading = heading::IMAGE)]
    instance_id: Option<String>,

    /// Id of the kernel image
    #[arg(long, value_name = "ID", hide_short_help = true, help_heading = heading::IMAGE)]
    kernel_id: Option<String>,

    /// Distribution of the guest
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = heading::IMAGE)]
    os_distro: Option<String>,

    /// Version of the distribution
    #[arg(long, value_name = "VERSION", hide_short_help = true, help_heading = heading::IMAGE)]
    os_version: Option<String>,

    /// Id of the ramdisk image
    #[arg(long, value_name = "ID", hide_short_help = true, help_heading = heading::IMAGE)]
    ramdisk_id: Option<String>,

    #[command(flatten)]
    hidden: HiddenFlags,

    #[command(flatten)]
    active: ActiveFlags,

    #[command(flatten)]
    membership: MembershipFlags,

    /// Project that is the new owner, by name or id (administrators)
    ///
    /// With --accept, --reject or --pending: the project that answers.
    #[arg(long, value_name = "PROJECT", help_heading = heading::IMAGE)]
    pub(crate) project: Option<String>,

    /// Domain of the project, by name or id
    #[arg(long, value_name = "DOMAIN", requires = "project", hide_short_help = true,
        help_heading = heading::IMAGE)]
    pub(crate) project_domain: Option<String>,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = heading::IMAGE)]
struct HiddenFlags {
    /// Hide the image from image lists
    #[arg(long)]
    hidden: bool,

    /// Show the image in image lists again
    #[arg(long)]
    unhidden: bool,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = heading::IMAGE)]
struct ActiveFlags {
    /// Allow downloads of the image again
    #[arg(long)]
    activate: bool,

    /// Block downloads of the image
    #[arg(long)]
    deactivate: bool,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = heading::IMAGE)]
struct MembershipFlags {
    /// Accept an image shared with the project
    #[arg(long)]
    accept: bool,

    /// Reject an image shared with the project
    #[arg(long)]
    reject: bool,

    /// Reset the answer to pending
    #[arg(long)]
    pending: bool,
}

impl SetArgs {
    pub(crate) fn protected(&self) -> Option<bool> {
        self.protected.protected()
    }

    pub(crate) fn hidden(&self) -> Option<bool> {
        (self.hidden.hidden || self.hidden.unhidden).then_some(self.hidden.hidden)
    }

    /// True to activate, false to deactivate.
    pub(crate) fn active(&self) -> Option<bool> {
        (self.active.activate || self.active.deactivate).then_some(self.active.activate)
    }

    pub(crate) fn membership(&self) -> Option<MemberStatus> {
        let flags = [
            (self.membership.accept, MemberStatus::Accepted),
            (self.membership.reject, MemberStatus::Rejected),
            (self.membership.pending, MemberStatus::Pending),
        ];
        flags.into_iter().find_map(|(set, status)| set.then_some(status))
    }

    /// Properties that have options of their own.
    pub(crate) fn named_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        [
            ("architecture", &self.architecture),
            ("instance_id", &self.instance_id),
            ("kernel_id", &self.kernel_id),
            ("os_distro", &self.os_distro),
            ("os_version", &self.os_version),
            ("ramdisk_id", &self.ramdisk_id),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  imgpush image unset noble --tag lts --property os_distro

All changes are sent in one request. A missing tag or property is an error; the
others are removed nevertheless.")]
pub(crate) struct UnsetArgs {
    /// Image, by name or id
    pub(crate) image: String,

    /// Tag to remove (repeatable)
    #[arg(long = "tag", value_name = "TAG", help_heading = heading::IMAGE)]
    pub(crate) tags: Vec<String>,

    /// Property to remove (repeatable)
    #[arg(long = "property", value_name = "KEY", help_heading = heading::IMAGE)]
    pub(crate) properties: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  imgpush image delete noble jammy
  imgpush image delete --ignore-missing noble

  # Delete the data in one store, and keep the image
  imgpush image delete --store slow noble

A failure does not stop the other deletions. The exit code is that of the first
failure.")]
pub(crate) struct DeleteArgs {
    /// Images, by name or id
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,

    /// Delete only the data in this store
    #[arg(long, value_name = "STORE", help_heading = heading::IMAGE)]
    pub(crate) store: Option<String>,

    /// Ignore missing images
    #[arg(long, help_heading = heading::IMAGE)]
    pub(crate) ignore_missing: bool,
}
