//! `imgpush pull`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use imgpush_engine::DownloadOptions;

use super::image::DownloadArgs;
use super::{JobArgs, Selection, SparseArgs};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush pull noble                       into noble.qcow2, named by its disk_format
  imgpush pull noble -o disk.qcow2
  imgpush pull noble jammy -o images       into a folder
  imgpush pull --all --tag lts -o images   all active images of the project with that tag
  imgpush pull noble -o - | qemu-img info -

Safe to run again: what is there and proved is left, what was begun is gone on with. The name of each
file goes to stdout, all else to stderr. Exit codes: 0 all are there and proved, 2 another file is
there, 20 not authorised, 21 no such image or no data, 22 connection, 23 the data is not what the
image says, 26 nothing to prove it by, 27 not all of them, 130 interrupted.")]
pub(crate) struct PullArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// The file for one image, or the folder for several; - for the standard output
    ///
    /// By default the current folder, and a file called like the image and its disk_format. Where two images
    /// have one name, the start of the id is in both names. A file gets its name when its bytes are hashed and
    /// equal to what the image shows; until then they are in FILE.ID.part. To the standard output the last
    /// bytes come only then.
    #[arg(short, long, value_name = "FILE|FOLDER")]
    pub(crate) output: Option<PathBuf>,

    /// A store to read from; repeat for more, the best first
    #[arg(long = "store-preference", alias = "prefer", value_name = "STORE")]
    stores: Vec<String>,

    /// Replace a file that is there already and is not the image
    ///
    /// One that is the image is hashed and left alone. Without this another one is an error, before anything
    /// is fetched.
    #[arg(long)]
    overwrite: bool,

    /// Take an image that shows no hash to prove it by
    #[arg(long)]
    allow_unverified: bool,

    #[command(flatten)]
    pub(crate) jobs: JobArgs,

    /// Ranges of an image at a time; by default as many as make it faster, up to 4
    ///
    /// One service behind a fast network is rarely faster with more; a long way to it can be.
    #[arg(long, value_name = "N", hide_short_help = true)]
    connections: Option<NonZeroUsize>,

    #[command(flatten)]
    sparse: SparseArgs,

    #[command(flatten)]
    pub(crate) download: DownloadArgs,

    /// Print a JSON object for each image to stdout, as it ends
    #[arg(long)]
    pub(crate) json: bool,
}

impl PullArgs {
    /// What does not go together.
    pub(super) fn misfit(&self) -> Option<&'static str> {
        if !self.is_to_stdout() {
            return None;
        }
        if self.selection.is_several() {
            return Some("the standard output takes one image");
        }
        self.json.then_some("--json and the image cannot both go to the standard output")
    }

    /// Whether the image goes to the standard output.
    pub(crate) fn is_to_stdout(&self) -> bool {
        self.output.as_ref().is_some_and(|output| output.as_os_str() == "-")
    }

    /// What the engine is to do.
    pub(crate) fn options(&self) -> DownloadOptions {
        let mut options = self.download.options();
        options.prefer.clone_from(&self.stores);
        options.overwrite = self.overwrite;
        options.keep_same = true;
        options.allow_unverified = self.allow_unverified;
        options.connections = self.connections;
        options.sparse = self.sparse.sparse();
        options
    }
}
