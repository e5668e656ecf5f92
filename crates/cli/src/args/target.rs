//! The upload method and the stores.

use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};
use imgpush_engine::source::is_address;
use imgpush_engine::{Slowest, Stores, Target, Via};

use super::heading;

#[derive(Debug, Args)]
#[command(next_help_heading = heading::UPLOAD)]
pub(crate) struct TargetArgs {
    /// Upload method
    #[arg(long, value_name = "METHOD", default_value = "direct")]
    via: ViaKind,

    /// Store for the image (repeatable) [default: set by Glance]
    ///
    /// With --via direct, the data is uploaded to the first store and then copied to the others. Most
    /// services allow only administrators to copy.
    #[arg(long = "store", value_name = "STORE", conflicts_with = "all_stores")]
    stores: Vec<String>,

    /// Use all stores of the service
    #[arg(long, hide_short_help = true)]
    all_stores: bool,

    /// Accept the image if some of its stores fail
    #[arg(long, hide_short_help = true)]
    allow_failure: bool,

    /// Action for the slowest of several clouds
    #[arg(long, value_name = "ACTION", default_value = "wait", hide_short_help = true)]
    slowest: SlowestKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ViaKind {
    /// Upload the data to the image
    Direct,
    /// Stage the data, then import it (glance-direct)
    #[value(aliases = ["stage", "glance-direct"])]
    Import,
    /// Let Glance download FILE, an HTTP(S) URL, unchanged; imgpush reads it too, to verify the image
    WebDownload,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SlowestKind {
    /// Send to all clouds at the rate of the slowest
    Wait,
    /// Drop it if the others wait 10 s for it, and upload to it later if FILE can be read again
    Drop,
}

impl TargetArgs {
    /// Whether Glance downloads the source itself.
    pub(crate) fn is_fetched(&self) -> bool {
        self.via == ViaKind::WebDownload
    }

    /// What does not fit this source.
    pub(crate) fn misfit(&self, place: &Path) -> Option<&'static str> {
        (self.is_fetched() && !is_address(place))
            .then_some("--via web-download needs an http or https address")
    }

    /// The upload method of this source.
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

    /// The action for the slowest cloud.
    pub(crate) fn slowest(&self) -> Slowest {
        match self.slowest {
            SlowestKind::Wait => Slowest::Wait,
            SlowestKind::Drop => Slowest::Drop { after: PATIENCE },
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
