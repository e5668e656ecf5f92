//! Which keys may be properties of an image.

use crate::attribute::{Access, Attribute, Place};
use crate::invalid_attribute::InvalidAttribute;

/// Whether a key may be one of the client's extra properties.
pub(crate) fn check_property_key(key: &str) -> Result<(), InvalidAttribute> {
    if key.is_empty() || key.chars().count() > 255 {
        return Err(InvalidAttribute::Length);
    }
    match Attribute::of_key(key) {
        Some(Attribute { access: Access::Service, .. }) => {
            Err(InvalidAttribute::ReadOnly(key.to_owned()))
        }
        Some(Attribute { place: Place::Base, .. }) => {
            Err(InvalidAttribute::BaseAttribute(key.to_owned()))
        }
        _ if RESERVED.contains(&key) || key.starts_with("os_glance") => {
            Err(InvalidAttribute::ReadOnly(key.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Keys beside the attributes that Glance answers with 403 (`glance/api/v2/images.py`,
/// `_reserved_properties`), and `store`, which chooses a store only at upload time and would stay
/// behind as a property without meaning.
const RESERVED: [&str; 4] = ["location", "deleted", "deleted_at", "store"];
