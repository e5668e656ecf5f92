//! Verbs about the record: `show`, `find`, `create`, `set`, `unset`, `delete`.

use std::path::PathBuf;

use clap::Args;
use imgpush_client::{MemberStatus, Visibility};
use imgpush_engine::PushOptions;
use imgpush_engine::source::SourceOptions;

use super::ShowOutput;
use crate::args::values::key_value;
use crate::args::{Decompress, ProgressKind};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush image show noble
  imgpush image show noble -f value -c status
  imgpush image show noble -f json | jq -r .properties.os_hash_value")]
pub(crate) struct ShowArgs {
    /// The image, by name or id
    pub(crate) image: String,

    /// Print the size with a unit
    #[arg(long)]
    pub(crate) human_readable: bool,

    #[command(flatten)]
    pub(crate) output: ShowOutput,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  id=$(imgpush image find noble) || echo 'not there, or not the only one'
  imgpush image find --all noble | xargs imgpush image delete

Exit codes: 0 found, 21 not there, or several of that name.")]
pub(crate) struct FindArgs {
    /// The image, by name or id
    #[arg(value_name = "NAME_OR_ID")]
    pub(crate) image: String,

    /// Print the ids of all images of that name, hidden ones too
    #[arg(long)]
    pub(crate) all: bool,
}

/// openstackclient's four flags.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct VisibilityFlags {
    /// Everybody sees it; for administrators mostly
    #[arg(long)]
    public: bool,

    /// Only its project sees it
    #[arg(long)]
    private: bool,

    /// Everybody may use it, but only its project has it in lists
    #[arg(long)]
    community: bool,

    /// Its project and its members see it
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
        flags.into_iter().find_map(|(set, who)| set.then_some(who))
    }
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct ProtectedFlags {
    /// Refuse to delete it
    #[arg(long)]
    protected: bool,

    /// Let it be deleted
    #[arg(long)]
    unprotected: bool,
}

impl ProtectedFlags {
    fn protected(&self) -> Option<bool> {
        (self.protected || self.unprotected).then_some(self.protected)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush image create --file noble.qcow2 --tag lts noble
  imgpush image create --disk-format qcow2 noble      then: imgpush image stage noble …
  imgpush image create --id 5f1c… --private --property os_distro=debian bookworm

Data given with --file goes the way of `imgpush push`, which has more options: it is recognised,
hashed while it is sent, and compared with what the service stored.")]
pub(crate) struct CreateArgs {
    /// The name of the image
    pub(crate) name: String,

    /// The id; the service makes one up by default
    #[arg(long, value_name = "UUID")]
    pub(crate) id: Option<String>,

    /// The disk image to push; - for the standard input
    ///
    /// Without it only the record is made; `imgpush image stage` and `image import` give it data.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// What the data is wrapped in
    #[arg(long, value_name = "FORMAT", default_value = "bare")]
    pub(crate) container_format: String,

    /// The format of the disk; recognised with --file, else raw by default
    #[arg(long, value_name = "FORMAT")]
    pub(crate) disk_format: Option<String>,

    /// The smallest disk it boots from, in GiB
    #[arg(long, value_name = "GIB")]
    pub(crate) min_disk: Option<u64>,

    /// The least memory it boots with, in MiB
    #[arg(long, value_name = "MIB")]
    pub(crate) min_ram: Option<u64>,

    #[command(flatten)]
    protected: ProtectedFlags,

    #[command(flatten)]
    pub(crate) visibility: VisibilityFlags,

    /// Leave it out of lists
    #[arg(long)]
    pub(crate) hidden: bool,

    /// An extra property; repeat for more
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) properties: Vec<(String, String)>,

    /// A tag; repeat for more
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// The project it shall belong to, by its id; for administrators
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    pub(crate) project: Option<String>,

    /// How to show progress on stderr
    #[arg(
        long,
        value_name = "HOW",
        default_value = "auto",
        requires = "file",
        hide_short_help = true
    )]
    pub(crate) progress: ProgressKind,

    #[command(flatten)]
    pub(crate) output: ShowOutput,
}

impl CreateArgs {
    pub(crate) fn protected(&self) -> Option<bool> {
        self.protected.protected()
    }

    /// How the engine is to read `--file`.
    pub(crate) fn source_options(&self) -> SourceOptions {
        Decompress::of_image(self.disk_format.as_deref()).options()
    }

    /// What the engine is to do with it.
    pub(crate) fn options(&self) -> PushOptions {
        let mut options = PushOptions::named(&self.name);
        options.id.clone_from(&self.id);
        options.disk_format.clone_from(&self.disk_format);
        options.container_format.clone_from(&self.container_format);
        options.properties.clone_from(&self.properties);
        options.tags = self.tags.iter().cloned().collect();
        options.visibility = self.visibility.visibility();
        options.protected = self.protected();
        options.hidden = self.hidden.then_some(true);
        // As openstackclient: what is not said is not filled in.
        options.min_disk = self.min_disk.or(Some(0));
        options.min_ram = self.min_ram;
        options
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush image set noble --name noble-old --hidden
  imgpush image set noble --property hw_disk_bus=scsi --property hw_scsi_model=virtio-scsi
  imgpush image set 5f1c… --accept               an image that another project shared with yours

All that differs goes out as one request; when nothing differs, nothing is sent.")]
pub(crate) struct SetArgs {
    /// The image, by name or id
    pub(crate) image: String,

    /// A new name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// The smallest disk it boots from, in GiB
    #[arg(long, value_name = "GIB")]
    pub(crate) min_disk: Option<u64>,

    /// The least memory it boots with, in MiB
    #[arg(long, value_name = "MIB")]
    pub(crate) min_ram: Option<u64>,

    /// What the data is wrapped in; only while there is none
    #[arg(long, value_name = "FORMAT")]
    pub(crate) container_format: Option<String>,

    /// The format of the disk; only while there is no data
    #[arg(long, value_name = "FORMAT")]
    pub(crate) disk_format: Option<String>,

    #[command(flatten)]
    protected: ProtectedFlags,

    #[command(flatten)]
    pub(crate) visibility: VisibilityFlags,

    /// A property; repeat for more
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) properties: Vec<(String, String)>,

    /// A tag to add; repeat for more
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// The processor the guest needs
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    architecture: Option<String>,

    /// The server that it was made of
    #[arg(long, alias = "instance-uuid", value_name = "ID", hide_short_help = true)]
    instance_id: Option<String>,

    /// The image with its kernel
    #[arg(long, value_name = "ID", hide_short_help = true)]
    kernel_id: Option<String>,

    /// The distribution in it
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    os_distro: Option<String>,

    /// The distribution's version
    #[arg(long, value_name = "VERSION", hide_short_help = true)]
    os_version: Option<String>,

    /// The image with its ramdisk
    #[arg(long, value_name = "ID", hide_short_help = true)]
    ramdisk_id: Option<String>,

    #[command(flatten)]
    hidden: HiddenFlags,

    #[command(flatten)]
    active: ActiveFlags,

    /// The project it shall belong to, by its id; with --accept and its kin the project that answers
    #[arg(long, value_name = "ID")]
    pub(crate) project: Option<String>,

    #[command(flatten)]
    membership: MembershipFlags,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct HiddenFlags {
    /// Leave it out of lists
    #[arg(long)]
    hidden: bool,

    /// Have it in lists again
    #[arg(long)]
    unhidden: bool,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct ActiveFlags {
    /// Open it to downloads again
    #[arg(long)]
    activate: bool,

    /// Close it to downloads
    #[arg(long)]
    deactivate: bool,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct MembershipFlags {
    /// Have an image in lists that was shared with this project
    #[arg(long)]
    accept: bool,

    /// Do not have it in lists
    #[arg(long)]
    reject: bool,

    /// Take the answer back
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

    /// Properties that have flags of their own.
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
#[command(after_help = "Example:
  imgpush image unset noble --tag lts --property os_distro --property hw_disk_bus

All goes out as one request. What is not there is an error, behind which the rest is done.")]
pub(crate) struct UnsetArgs {
    /// The image, by name or id
    pub(crate) image: String,

    /// A tag to remove; repeat for more
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// A property to remove; repeat for more
    #[arg(long = "property", value_name = "KEY")]
    pub(crate) properties: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush image delete noble jammy
  imgpush image delete --ignore-missing noble
  imgpush image delete --store slow noble      the data in one store; the image stays

One that fails does not stop the others; the exit code is that of the first failure.")]
pub(crate) struct DeleteArgs {
    /// The images, by name or id
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,

    /// Delete only from this store
    #[arg(long, value_name = "STORE")]
    pub(crate) store: Option<String>,

    /// An image that is not there is no error
    #[arg(long)]
    pub(crate) ignore_missing: bool,
}
