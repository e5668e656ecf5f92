//! `imgpush image metadef object`.

use clap::Subcommand;

use super::values::new_name;
use crate::args::heading;
use crate::args::image::{ListOutput, ShowOutput};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  imgpush image metadef object list OS::Compute::Hypervisor
  imgpush image metadef object show OS::Compute::Hypervisor CPU")]
pub(crate) enum ObjectCommand {
    /// Create an object without properties (usually administrators)
    Create {
        /// Namespace of the object
        #[arg(long, value_name = "NAMESPACE", help_heading = heading::METADEF)]
        namespace: String,

        /// Name of the new object
        #[arg(value_name = "OBJECT", value_parser = new_name)]
        object: String,

        #[command(flatten)]
        output: ShowOutput,
    },
    /// Delete objects of a namespace (usually administrators)
    Delete {
        /// Namespace
        namespace: String,

        /// Objects; without any, all objects of the namespace
        #[arg(value_name = "OBJECT")]
        objects: Vec<String>,
    },
    /// List the objects of a namespace
    List {
        /// Namespace
        namespace: String,

        #[command(flatten)]
        output: ListOutput,
    },
    /// Show a property of an object
    #[command(subcommand)]
    Property(ObjectPropertyCommand),
    /// Show an object
    Show {
        /// Namespace
        namespace: String,

        /// Object
        object: String,

        #[command(flatten)]
        output: ShowOutput,
    },
    /// Rename an object (usually administrators)
    Update {
        /// Namespace
        namespace: String,

        /// Object
        object: String,

        /// New name of the object
        #[arg(long, value_name = "NAME", value_parser = new_name,
            help_heading = heading::METADEF)]
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ObjectPropertyCommand {
    /// Show a property of an object
    Show {
        /// Namespace
        namespace: String,

        /// Object
        object: String,

        /// Property
        property: String,

        #[command(flatten)]
        output: ShowOutput,
    },
}
