//! The named attributes of the Image resource, in one table.
//!
//! openstacksdk names some attributes differently from the wire: `is_hidden` is `os_hidden`,
//! `needs_secure_boot` is `os_secure_boot`. The methods of [`Image`](crate::Image) and
//! [`NewImage`](crate::NewImage) have its names. Where a name is passed as text, both are accepted. Names are
//! case-sensitive, as in Glance: `OS_DISTRO` is a property of its own.

use serde_json::{Number, Value};

use crate::InvalidAttribute;
use crate::attribute_table::with_attributes;
use crate::record::is_true;

/// A named attribute of the Image resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribute {
    /// Its name in openstacksdk, and of the method in this crate.
    pub name: &'static str,
    /// Its key on the wire.
    pub key: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// Whether every record contains it.
    pub place: Place,
    /// Whether the client or the service sets it.
    pub access: Access,
}

/// The type of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Text.
    Text,
    /// True or false, as the JSON type or as text.
    Boolean,
    /// An integer.
    Integer,
    /// A floating-point number.
    Float,
    /// A set of texts.
    Tags,
    /// Names in one text, separated by commas.
    Names,
    /// Locations of the data.
    Locations,
    /// Names and values.
    Object,
}

/// Whether every record contains an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Every record contains it, `null` while it is not set; the wire uses the JSON type.
    Base,
    /// Only records where it is set contain it; on the wire it is text, whatever its type.
    Extra,
}

/// The party that sets an attribute, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// The client, at any time.
    Update,
    /// The client, when the record is created.
    Create,
    /// The service.
    Service,
}

/// The [`Kind`] for a type name of the table.
macro_rules! kind {
    (text) => {
        Kind::Text
    };
    (visibility) => {
        Kind::Text
    };
    (flag) => {
        Kind::Boolean
    };
    (boolean) => {
        Kind::Boolean
    };
    (count) => {
        Kind::Integer
    };
    (integer) => {
        Kind::Integer
    };
    (float) => {
        Kind::Float
    };
    (tags) => {
        Kind::Tags
    };
    (names) => {
        Kind::Names
    };
    (locations) => {
        Kind::Locations
    };
    (object) => {
        Kind::Object
    };
}

macro_rules! table {
    ($($(#[$doc:meta])* $kind:ident $name:ident $(($setter:ident))? = $key:literal
        $place:ident $access:ident;)*) => {
        /// The id and the status, which have types of their own, then all others.
        const TABLE: &[Attribute] = &[
            Attribute {
                name: "id",
                key: "id",
                kind: Kind::Text,
                place: Place::Base,
                access: Access::Create,
            },
            Attribute {
                name: "status",
                key: "status",
                kind: Kind::Text,
                place: Place::Base,
                access: Access::Service,
            },
            $(Attribute {
                name: stringify!($name),
                key: $key,
                kind: kind!($kind),
                place: Place::$place,
                access: Access::$access,
            },)*
        ];
    };
}
with_attributes!(table);

impl Attribute {
    /// All named attributes.
    #[must_use]
    pub fn all() -> &'static [Attribute] {
        TABLE
    }

    /// The attribute with this name in openstacksdk or on the wire. `owner_id` is `owner`.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Attribute> {
        let name = if name == "owner_id" { "owner" } else { name };
        TABLE.iter().find(|attribute| attribute.name == name || attribute.key == name)
    }

    /// The attribute with this key on the wire.
    #[must_use]
    pub fn of_key(key: &str) -> Option<&'static Attribute> {
        TABLE.iter().find(|attribute| attribute.key == key)
    }

    /// Converts a value to its form on the wire. Text is parsed where another type is needed.
    pub(crate) fn to_wire(self, value: Value) -> Result<Value, InvalidAttribute> {
        let invalid = |expected| InvalidAttribute::Value { name: self.name.to_owned(), expected };
        if self.place == Place::Extra {
            return property_value(value).ok_or_else(|| invalid("text, a number, true or false"));
        }
        Ok(match (self.kind, value) {
            (Kind::Text, Value::String(text)) => {
                if self.key == "id" && !is_uuid(&text) {
                    return Err(invalid("a UUID"));
                }
                text.into()
            }
            (Kind::Text, Value::Null) if NULLABLE.contains(&self.key) => Value::Null,
            (Kind::Text, _) => return Err(invalid("text")),
            (Kind::Boolean, Value::Bool(flag)) => flag.into(),
            (Kind::Boolean, Value::String(text)) => {
                boolean(&text).ok_or_else(|| invalid("true or false"))?.into()
            }
            (Kind::Boolean, _) => return Err(invalid("true or false")),
            (Kind::Integer, Value::Number(number)) if number.is_u64() => number.into(),
            (Kind::Integer, Value::String(text)) => {
                let number = text.trim().parse::<u64>();
                Number::from(number.map_err(|_| invalid("a whole number"))?).into()
            }
            (Kind::Integer, _) => return Err(invalid("a whole number")),
            (Kind::Tags, Value::Array(tags)) if tags.iter().all(Value::is_string) => tags.into(),
            (Kind::Tags, _) => return Err(invalid("a list of strings")),
            (_, value) => value,
        })
    }
}

/// Base attributes that may be set to null.
pub(crate) const NULLABLE: [&str; 4] = ["name", "owner", "container_format", "disk_format"];

/// Converts the value of an extra property to text, its form on the wire. None for values without a plain
/// text form.
pub(crate) fn property_value(value: Value) -> Option<Value> {
    Some(match value {
        Value::String(text) => text.into(),
        Value::Bool(flag) => flag.to_string().into(),
        Value::Number(number) => number.to_string().into(),
        _ => return None,
    })
}

fn boolean(text: &str) -> Option<bool> {
    let is_false =
        matches!(&*text.trim().to_ascii_lowercase(), "0" | "f" | "false" | "off" | "n" | "no");
    (is_true(text) || is_false).then(|| is_true(text))
}

/// Whether the text matches the pattern of ids in the Image API.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_names_find_the_attribute() {
        for (name, key) in [
            ("is_hidden", "os_hidden"),
            ("os_hidden", "os_hidden"),
            ("is_protected", "protected"),
            ("needs_config_drive", "img_config_drive"),
            ("needs_secure_boot", "os_secure_boot"),
            ("is_hw_boot_menu_enabled", "hw_boot_menu"),
            ("has_auto_disk_config", "auto_disk_config"),
            ("hash_value", "os_hash_value"),
            ("owner_id", "owner"),
        ] {
            assert_eq!(Attribute::named(name).map(|a| a.key), Some(key), "{name}");
        }
        for name in ["my_property", "OS_DISTRO", "Name", "Owner", "Is_Hidden", ""] {
            assert_eq!(Attribute::named(name), None, "{name}");
        }
    }

    #[test]
    fn no_two_attributes_share_a_name_or_a_key() {
        for (at, attribute) in TABLE.iter().enumerate() {
            for other in &TABLE[at + 1..] {
                assert!(attribute.name != other.name && attribute.key != other.key, "{other:?}");
            }
        }
    }

    #[test]
    fn values_are_converted_to_their_form_on_the_wire() {
        let wire = |name: &str, value| Attribute::named(name).unwrap().to_wire(value);
        assert_eq!(wire("is_hidden", json!("True")), Ok(json!(true)));
        assert_eq!(wire("min_disk", json!("12")), Ok(json!(12)));
        assert_eq!(wire("hw_cpu_cores", json!(4)), Ok(json!("4")));
        assert_eq!(wire("is_hw_boot_menu_enabled", json!(true)), Ok(json!("true")));
        assert_eq!(wire("disk_format", json!(null)), Ok(json!(null)));
        for (name, value) in [
            ("is_hidden", json!("perhaps")),
            ("min_ram", json!(-1)),
            ("min_ram", json!(1.5)),
            ("tags", json!("one")),
            ("visibility", json!(null)),
            ("os_distro", json!(["debian"])),
            ("id", json!("x")),
        ] {
            assert!(matches!(wire(name, value), Err(InvalidAttribute::Value { .. })), "{name}");
        }
    }
}
