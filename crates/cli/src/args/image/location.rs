//! `imgpush image location`.

use std::time::Duration;

use clap::{Args, Subcommand};
use imgpush_client::Location;

use super::{ListOfImage, ShowOutput};
use crate::args::heading;
use crate::args::values::{duration, key_value};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  imgpush image create --disk-format qcow2 noble
  imgpush image location add noble http://mirror.example/noble.qcow2 \\
    --hash-value 3f1a... --wait")]
pub(crate) enum LocationCommand {
    /// List the locations of the data of an image (usually services)
    List(ListOfImage),
    /// Make a record the image of data that is stored elsewhere
    Add(Box<LocationAddArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct LocationAddArgs {
    /// Image without data, by name or id
    pub(crate) image: String,

    /// Address of the data, usually http:
    #[arg(value_name = "URL")]
    url: String,

    /// Hash of the data in hex
    ///
    /// Glance reads the data and compares it. Without this option Glance does not verify the data.
    #[arg(long, value_name = "HEX", help_heading = heading::IMAGE)]
    hash_value: Option<String>,

    /// Hash algorithm of --hash-value
    #[arg(long, value_name = "NAME", default_value = "sha512", requires = "hash_value",
        help_heading = heading::IMAGE)]
    hash_algo: String,

    /// Metadata of the location (repeatable)
    #[arg(long = "metadata", value_name = "KEY=VALUE", value_parser = key_value,
        help_heading = heading::IMAGE)]
    metadata: Vec<(String, String)>,

    /// Wait until the image is active
    #[arg(long, help_heading = heading::IMPORT)]
    pub(crate) wait: bool,

    /// With --wait: time-out [default: unlimited]
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "wait",
        help_heading = heading::IMPORT)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) output: ShowOutput,
}

impl LocationAddArgs {
    pub(crate) fn location(&self) -> Location {
        let mut location = Location::at(&self.url);
        if let Some(value) = &self.hash_value {
            location = location.with_hash(&self.hash_algo, value);
        }
        if !self.metadata.is_empty() {
            let pairs =
                self.metadata.iter().map(|(key, value)| (key.clone(), value.clone().into()));
            location.metadata = Some(pairs.collect());
        }
        location
    }
}
