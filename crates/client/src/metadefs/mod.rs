//! Metadata definitions: the names, types and descriptions of properties that dashboards and other clients
//! offer for images, flavors, volumes and other resources.
//!
//! A namespace contains properties, objects (groups of properties) and tags, and is associated with the types
//! of the resources that it is for.

mod association;
mod definition;
mod namespace;
mod object;
mod property;
mod query;
mod resource_type;
mod tag;

pub use association::MetadefResourceTypeAssociation;
pub use namespace::MetadefNamespace;
pub use object::MetadefObject;
pub use property::MetadefProperty;
pub use query::MetadefNamespaceQuery;
pub use resource_type::MetadefResourceType;
