//! `imgpush image metadef property`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::values::{json_object, new_name};
use crate::args::heading;
use crate::args::image::{ListOutput, ShowOutput};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  imgpush image metadef property list OS::Compute::LibvirtImage
  imgpush image metadef property show OS::Compute::LibvirtImage hw_disk_bus
  imgpush image metadef property set Example::Builds build --title Build")]
pub(crate) enum PropertyCommand {
    /// Create a property (usually administrators)
    Create(PropertyCreateArgs),
    /// Delete properties of a namespace (usually administrators)
    Delete {
        /// Namespace
        namespace: String,

        /// Properties; without any, all properties of the namespace
        #[arg(value_name = "PROPERTY")]
        properties: Vec<String>,
    },
    /// List the properties of a namespace
    List {
        /// Namespace
        namespace: String,

        #[command(flatten)]
        output: ListOutput,
    },
    /// Change a property (usually administrators)
    ///
    /// Attributes that are not given are not changed.
    Set(PropertySetArgs),
    /// Show a property
    Show {
        /// Namespace
        namespace: String,

        /// Property
        property: String,

        #[command(flatten)]
        output: ShowOutput,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PropertyCreateArgs {
    /// Namespace
    pub(crate) namespace: String,

    /// Name of the new property, which is its key
    #[arg(long, value_name = "NAME", value_parser = new_name, help_heading = heading::METADEF)]
    pub(crate) name: String,

    /// Name of the property that users see
    #[arg(long, value_name = "TITLE", help_heading = heading::METADEF)]
    pub(crate) title: String,

    /// Type: string, integer, number, boolean, array or object
    #[arg(long = "type", value_name = "TYPE", help_heading = heading::METADEF)]
    pub(crate) kind: String,

    /// Further attributes as a JSON object; {} for none
    ///
    /// Names are those of the API or of openstacksdk, such as minLength or min_length.
    #[arg(long, value_name = "JSON", value_parser = json_object, help_heading = heading::METADEF)]
    pub(crate) schema: Map<String, Value>,

    #[command(flatten)]
    pub(crate) output: ShowOutput,
}

#[derive(Debug, Args)]
pub(crate) struct PropertySetArgs {
    /// Namespace
    pub(crate) namespace: String,

    /// Property
    pub(crate) property: String,

    /// New name of the property, which is its key
    #[arg(long, value_name = "NAME", value_parser = new_name, help_heading = heading::METADEF)]
    pub(crate) name: Option<String>,

    /// Name of the property that users see
    #[arg(long, value_name = "TITLE", help_heading = heading::METADEF)]
    pub(crate) title: Option<String>,

    /// Type: string, integer, number, boolean, array or object
    #[arg(long = "type", value_name = "TYPE", help_heading = heading::METADEF)]
    pub(crate) kind: Option<String>,

    /// Further attributes as a JSON object
    ///
    /// Names are those of the API or of openstacksdk, such as minLength or min_length. An attribute with the
    /// value null is removed.
    #[arg(long, value_name = "JSON", value_parser = json_object, help_heading = heading::METADEF)]
    pub(crate) schema: Option<Map<String, Value>>,
}
