//! `imgpush image metadef resource type`.

use clap::{Args, Subcommand};

use super::values::new_name;
use crate::args::heading;
use crate::args::image::{ListOutput, ShowOutput};

#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// List types of resources, and associate namespaces with them
    #[command(subcommand)]
    Type(ResourceTypeCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ResourceTypeCommand {
    /// Associate namespaces with types of resources
    #[command(subcommand)]
    Association(AssociationCommand),
    /// List all types of resources
    List(ListOutput),
}

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  imgpush image metadef resource type association create \\
    Example::Builds OS::Glance::Image
  imgpush image metadef resource type association list Example::Builds")]
pub(crate) enum AssociationCommand {
    /// Associate a namespace with a type of resource (usually administrators)
    Create(AssociationCreateArgs),
    /// Delete associations of a namespace (usually administrators)
    Delete(AssociationDeleteArgs),
    /// List the types of resources that a namespace is associated with
    List {
        /// Namespace
        namespace: String,

        #[command(flatten)]
        output: ListOutput,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AssociationCreateArgs {
    /// Namespace
    pub(crate) namespace: String,

    /// Type of resource, such as OS::Glance::Image; a new type is created
    #[arg(value_name = "TYPE", value_parser = new_name)]
    pub(crate) name: String,

    /// Set of properties, if resources of this type have several, such as image
    #[arg(long, value_name = "TARGET", help_heading = heading::METADEF)]
    pub(crate) properties_target: Option<String>,

    #[command(flatten)]
    pub(crate) output: ShowOutput,
}

#[derive(Debug, Args)]
pub(crate) struct AssociationDeleteArgs {
    /// Namespace
    pub(crate) namespace: String,

    /// Types of resources
    #[arg(value_name = "TYPE", required = true)]
    pub(crate) names: Vec<String>,

    /// Unprotect a protected namespace during the deletion
    ///
    /// If the command is interrupted, the namespace may stay unprotected.
    #[arg(long, help_heading = heading::METADEF)]
    pub(crate) force: bool,
}
