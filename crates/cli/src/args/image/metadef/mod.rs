//! `imgpush image metadef`.

mod namespace;
mod object;
mod property;
mod resource_type;
mod values;

use clap::Subcommand;

pub(crate) use namespace::{
    NamespaceAttributes, NamespaceCommand, NamespaceCreateArgs, NamespaceListArgs,
    NamespaceSetArgs, NamespaceUnsetArgs,
};
pub(crate) use object::{ObjectCommand, ObjectPropertyCommand};
pub(crate) use property::{PropertyCommand, PropertyCreateArgs, PropertySetArgs};
pub(crate) use resource_type::{
    AssociationCommand, AssociationCreateArgs, AssociationDeleteArgs, ResourceCommand,
    ResourceTypeCommand,
};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  imgpush image metadef namespace list --resource-types OS::Glance::Image
  imgpush image metadef property list OS::Compute::LibvirtImage
  imgpush image metadef namespace show OS::Compute::LibvirtImage -f json

By default, only administrators change definitions.")]
pub(crate) enum MetadefCommand {
    /// Manage namespaces of metadata definitions
    #[command(subcommand)]
    Namespace(NamespaceCommand),
    /// Manage objects, which group properties of a namespace
    #[command(subcommand)]
    Object(ObjectCommand),
    /// Manage properties of a namespace
    #[command(subcommand)]
    Property(PropertyCommand),
    /// Manage the types of resources that definitions are for
    #[command(subcommand)]
    Resource(ResourceCommand),
}
