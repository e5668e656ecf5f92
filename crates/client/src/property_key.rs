//! Keys that are allowed for properties of an image.

use crate::attribute::{Access, Attribute, Place};
use crate::invalid_attribute::InvalidAttribute;

/// Checks that a key is allowed for an extra property.
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

/// Keys other than attributes for which Glance answers 403 (`glance/api/v2/images.py`,
/// `_reserved_properties`).
const RESERVED: [&str; 3] = ["location", "deleted", "deleted_at"];
