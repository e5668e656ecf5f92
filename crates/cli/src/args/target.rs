//! On which way an image goes into a cloud, and which stores it is to be in.

use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};
use imgpush_engine::source::is_address;
use imgpush_engine::{Slowest, Stores, Target, Via};

#[derive(Debug, Args)]
#[command(next_help_heading = "Target options")]
pub(crate) struct TargetArgs {
    /// The way into the service: sent to its place, staged and imported, or fetched by the service
    ///
    /// `direct` sends the data. `import`, or `stage`, lays it ready and has it imported (glance-direct).
    /// `web-download` has the service fetch FILE, which is an address, as it is; it is read here as well,
    /// to be proved first, and to be compared with afterwards.
    #[arg(long, value_name = "WAY", default_value = "direct")]
    via: ViaKind,

    /// A store for the image; repeat for more
    ///
    /// With `--via direct` the data goes into the first one, and is then copied into the others, which
    /// most services leave to administrators.
    #[arg(long = "store", value_name = "STORE", conflicts_with = "all_stores")]
    stores: Vec<String>,

    /// Every store there is
    #[arg(long)]
    all_stores: bool,

    /// Be content when one of several stores fails
    #[arg(long, hide_short_help = true)]
    allow_failure: bool,

    /// With several clouds: wait for the slowest, or drop it when the others have waited 10 s for it
    ///
    /// What was dropped is pushed afterwards, if FILE can be read again, and fails otherwise.
    #[arg(long, value_name = "WHAT", default_value = "wait")]
    slowest: SlowestKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ViaKind {
    Direct,
    #[value(aliases = ["stage", "glance-direct"])]
    Import,
    WebDownload,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SlowestKind {
    Wait,
    Drop,
}

impl TargetArgs {
    /// Whether the service fetches the source itself.
    pub(crate) fn is_fetched(&self) -> bool {
        self.via == ViaKind::WebDownload
    }

    /// What is wrong with them for that source.
    pub(crate) fn misfit(&self, place: &Path) -> Option<&'static str> {
        (self.is_fetched() && !is_address(place))
            .then_some("--via web-download needs an http or https address")
    }

    /// The way of that source.
    pub(crate) fn via(&self, place: &Path) -> Via {
        match self.via {
            ViaKind::Direct => Via::Direct,
            ViaKind::Import => Via::Import,
            ViaKind::WebDownload => Via::WebDownload { uri: place.display().to_string() },
        }
    }

    /// The target with its stores.
    pub(crate) fn applied(&self, target: Target) -> Target {
        let stores = match &self.stores[..] {
            _ if self.all_stores => Stores::All,
            [] => Stores::Default,
            stores => Stores::These(stores.to_vec()),
        };
        let target = target.into_stores(stores);
        if self.allow_failure { target.all_stores_must_succeed(false) } else { target }
    }

    /// What becomes of the slowest.
    pub(crate) fn slowest(&self) -> Slowest {
        match self.slowest {
            SlowestKind::Wait => Slowest::Wait,
            SlowestKind::Drop => Slowest::Drop { after: PATIENCE },
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
