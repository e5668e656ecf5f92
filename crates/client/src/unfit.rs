//! Attributes and properties that cannot be set so.

use crate::attribute::{Access, Attribute, Place};

/// An attribute that cannot be set so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// The key is a base attribute, which is not set as a property.
    #[error("{0} is an attribute of every image, not a property")]
    BaseAttribute(String),
    /// The key belongs to the service, which answers 403.
    #[error("{0} is set by the server only")]
    ReadOnly(String),
    /// The key is empty or longer than 255 characters.
    #[error("a property's name must have 1 to 255 characters")]
    Length,
    /// The value is of another kind.
    #[error("{name} takes {expected}")]
    Value {
        /// The attribute.
        name: String,
        /// What it takes.
        expected: &'static str,
    },
    /// Every image has one.
    #[error("{0} cannot be unset: every image has one")]
    Needed(String),
}

/// Whether a key may be one of the client's extra properties.
pub(crate) fn check_property_key(key: &str) -> Result<(), Unfit> {
    if key.is_empty() || key.chars().count() > 255 {
        return Err(Unfit::Length);
    }
    match Attribute::of_key(key) {
        Some(Attribute { access: Access::Service, .. }) => Err(Unfit::ReadOnly(key.to_owned())),
        Some(Attribute { place: Place::Base, .. }) => Err(Unfit::BaseAttribute(key.to_owned())),
        _ if RESERVED.contains(&key) || key.starts_with("os_glance") => {
            Err(Unfit::ReadOnly(key.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Keys beside the attributes that Glance answers with 403 (`glance/api/v2/images.py`,
/// `_reserved_properties`), and `store`, which chooses a store only at upload time and would stay
/// behind as a property without meaning.
const RESERVED: [&str; 4] = ["location", "deleted", "deleted_at", "store"];
