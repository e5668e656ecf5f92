//! Validation of records, with Glance's messages.

use serde_json::{Value, json};

use super::json_schema;
use crate::image::Record;
use crate::response::{Refusal, refuse, refuse_since};

/// Attributes that every record has.
pub(super) const BASE: [&str; 20] = [
    "id",
    "name",
    "disk_format",
    "container_format",
    "visibility",
    "protected",
    "os_hidden",
    "min_disk",
    "min_ram",
    "owner",
    "tags",
    "status",
    "size",
    "virtual_size",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "created_at",
    "updated_at",
    "locations",
];

/// Keys that only the service sets.
pub(super) const READ_ONLY: [&str; 12] = [
    "status",
    "size",
    "virtual_size",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "created_at",
    "updated_at",
    "file",
    "schema",
    "self",
    "direct_url",
];

/// Reserved keys.
pub(super) const RESERVED: [&str; 3] = ["location", "deleted", "deleted_at"];

const MAX_TAGS: usize = 128;
const MOST_OF_A_COLUMN: u64 = (1 << 31) - 1;
const MAX_PROPERTIES: usize = 128;

pub(super) fn read_only(key: &str) -> Refusal {
    refuse(403, format!("Attribute '{key}' is read-only."))
}

pub(super) fn is_reserved(key: &str) -> bool {
    RESERVED.contains(&key) || key.starts_with("os_glance")
}

/// The 403 of a reserved key in a new record; a patch uses the other wording.
pub(super) fn reserved(key: &str) -> Refusal {
    refuse_since(403, format!("Attribute '{key}' is reserved."))
}

/// Checks the value of a key against the schema.
pub(super) fn check_schema(key: &str, value: &Value) -> Result<(), Refusal> {
    json_schema::check("image", &json!({key: value}))
}

/// Checks that the schema does not have, but the service does.
pub(super) fn check_value(key: &str, value: &Value) -> Result<(), Refusal> {
    match key {
        "min_disk" | "min_ram" if value.as_i64().is_some_and(|number| number < 0) => Err(refuse(
            400,
            format!("Invalid value '{value}' for parameter '{key}': Cannot be a negative value"),
        )),
        // A column of the database.
        "min_disk" | "min_ram" if value.as_u64().is_some_and(|it| it > MOST_OF_A_COLUMN) => {
            let text = format!("'{key}' value out of range, must not exceed {MOST_OF_A_COLUMN}.");
            Err(refuse(400, text))
        }
        "name" if value.as_str().is_some_and(|name| name.chars().any(|c| c.len_utf8() > 3)) => {
            Err(refuse(400, "Name can't contain 4 byte unicode characters."))
        }
        "tags" if value.as_array().into_iter().flatten().any(has_wide_character) => {
            Err(refuse(400, "Param values can't contain 4 byte unicode."))
        }
        key if !BASE.contains(&key) && has_wide_character(value) => {
            let key = capitalized(key);
            Err(refuse(400, format!("{key} can't contain 4 byte unicode characters.")))
        }
        _ => Ok(()),
    }
}

/// Characters that the database of Glance does not store.
fn has_wide_character(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.chars().any(|c| c.len_utf8() > 3))
}

fn capitalized(key: &str) -> String {
    let mut characters = key.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + &characters.as_str().to_lowercase()
}

/// Limits of the complete record.
pub(super) fn check_limits(record: &Record) -> Result<(), Refusal> {
    let tags = record["tags"].as_array().map_or(0, Vec::len);
    if tags > MAX_TAGS {
        return Err(refuse(413, tags_exceeded(tags)));
    }
    let is_extra = |key: &str| {
        !BASE.contains(&key)
            && !READ_ONLY.contains(&key)
            && !key.starts_with("os_glance")
            && key != "stores"
    };
    let properties = record.keys().filter(|key| is_extra(key)).count();
    if properties > MAX_PROPERTIES {
        let text = format!(
            "The limit has been exceeded on the number of allowed image properties. Attempted: \
             {properties}, Maximum: {MAX_PROPERTIES}"
        );
        return Err(refuse(413, text));
    }
    Ok(())
}

pub(super) fn tags_exceeded(attempted: usize) -> String {
    format!(
        "The limit has been exceeded on the number of allowed image tags. Attempted: {attempted}, \
         Maximum: {MAX_TAGS}"
    )
}

/// Removes repeated tags, which are a set.
pub(super) fn without_duplicates(tags: &Value) -> Value {
    let mut seen: Vec<&Value> = Vec::new();
    for tag in tags.as_array().into_iter().flatten() {
        if !seen.contains(&tag) {
            seen.push(tag);
        }
    }
    seen.into_iter().cloned().collect()
}
