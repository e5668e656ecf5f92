//! Which columns there are, and what is in them: openstackclient's choice.

use imgpush_client::{Attribute, Cache, Image, Kind, Member, Place, Store, Task};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Titles of a list, and the key of each on the wire.
pub(super) type Columns = [(&'static str, &'static str)];

pub(super) const IMAGES: &Columns = &[("ID", "id"), ("Name", "name"), ("Status", "status")];

pub(super) const IMAGES_LONG: &Columns = &[
    ("ID", "id"),
    ("Name", "name"),
    ("Disk Format", "disk_format"),
    ("Container Format", "container_format"),
    ("Size", "size"),
    ("Checksum", "checksum"),
    ("Status", "status"),
    ("Visibility", "visibility"),
    ("Protected", "protected"),
    ("Project", "owner"),
    ("Hash Algorithm", "os_hash_algo"),
    ("Hash Value", "os_hash_value"),
    ("Tags", "tags"),
];

pub(super) const MEMBERS: &Columns =
    &[("Image ID", "image_id"), ("Member ID", "member_id"), ("Status", "status")];

pub(super) const TASKS: &Columns =
    &[("ID", "id"), ("Type", "type"), ("Status", "status"), ("Owner", "owner")];

/// Of one image openstackclient shows none; these have what one looks for.
pub(super) const IMAGE_TASKS: &Columns = &[
    ("ID", "id"),
    ("Type", "type"),
    ("Status", "status"),
    ("Message", "message"),
    ("Created At", "created_at"),
    ("Updated At", "updated_at"),
];

pub(super) const LOCATIONS: [&str; 2] = ["URL", "Metadata"];
pub(super) const STORES: [&str; 3] = ["ID", "Description", "Default"];
pub(super) const STORES_DETAIL: [&str; 4] = ["ID", "Description", "Default", "Properties"];
pub(super) const QUOTAS: [&str; 3] = ["Quota", "Limit", "Usage"];
pub(super) const CACHE: [&str; 6] =
    ["ID", "State", "Last Accessed (UTC)", "Last Modified (UTC)", "Size", "Hits"];

/// The keys of an image that `show` has as fields; all others are its properties.
const FIELDS: [&str; 17] = [
    "checksum",
    "container_format",
    "created_at",
    "disk_format",
    "file",
    "id",
    "min_disk",
    "min_ram",
    "name",
    "owner",
    "protected",
    "schema",
    "size",
    "status",
    "updated_at",
    "virtual_size",
    "visibility",
];

pub(super) fn titles(columns: &Columns) -> Vec<&'static str> {
    columns.iter().map(|(title, _)| *title).collect()
}

/// A row of a list; what is not there is null.
pub(super) fn row(columns: &Columns, record: &Map<String, Value>) -> Vec<Value> {
    let value = |key: &str| match record.get(key) {
        Some(Value::Array(items)) if key == "tags" => sorted(items),
        value => value.cloned().unwrap_or_default(),
    };
    columns.iter().map(|(_, key)| value(key)).collect()
}

/// All of one image: fields as they are on the wire without those that are null, and the properties in
/// an object, typed as openstacksdk types them.
pub(super) fn image(image: &Image, human_readable: bool) -> Vec<(String, Value)> {
    let mut fields = vec![("tags".to_owned(), image.tags().into_iter().collect())];
    let mut properties = Map::new();
    for (key, value) in image.record() {
        match &**key {
            "tags" | "self" | "location" => {}
            _ if value.is_null() => {}
            "size" if human_readable => {
                fields.push((key.clone(), size(image.size().unwrap_or(0)).into()));
            }
            key if FIELDS.contains(&key) => fields.push((key.to_owned(), value.clone())),
            key => drop(properties.insert(key.to_owned(), typed(image, key, value))),
        }
    }
    if !properties.is_empty() {
        fields.push(("properties".to_owned(), properties.into()));
    }
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    fields
}

/// A property, which is text on the wire, by the kind it has. What cannot be read stays text.
fn typed(image: &Image, key: &str, value: &Value) -> Value {
    let number_or_flag = Attribute::of_key(key).filter(|attribute| {
        attribute.place == Place::Extra && attribute.kind != Kind::Text && value.is_string()
    });
    match number_or_flag.map(|attribute| image.attribute(attribute)) {
        None | Some(Value::Null) => value.clone(),
        Some(typed) => typed,
    }
}

fn sorted(tags: &[Value]) -> Value {
    let mut tags: Vec<&str> = tags.iter().filter_map(Value::as_str).collect();
    tags.sort_unstable();
    tags.into()
}

/// Decimal units with a letter, as openstackclient prints sizes.
fn size(bytes: u64) -> String {
    let mut rest = bytes as f64;
    let mut units = ["", "K", "M", "G", "T", "P", "E"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while rest >= 1000.0
        && let Some(next) = units.next()
    {
        rest /= 1000.0;
        unit = next;
    }
    let number = format!("{rest:.1}");
    format!("{}{unit}", number.strip_suffix(".0").unwrap_or(&number))
}

/// A record as it is on the wire.
pub(super) fn record(record: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

pub(super) fn member(member: &Member) -> Vec<(String, Value)> {
    record(member).into_iter().collect()
}

pub(super) fn task(task: &Task) -> Vec<(String, Value)> {
    let (mut properties, mut fields) = (Map::new(), Vec::new());
    let known = [
        "created_at",
        "expires_at",
        "id",
        "input",
        "message",
        "result",
        "status",
        "type",
        "updated_at",
    ];
    let record = record(task);
    for key in known {
        fields.push((key.to_owned(), record.get(key).cloned().unwrap_or_default()));
    }
    fields.push(("owner_id".to_owned(), record.get("owner").cloned().unwrap_or_default()));
    for (key, value) in record {
        let is_shown = known.contains(&&*key) || matches!(&*key, "owner" | "self" | "schema");
        if !is_shown && !value.is_null() {
            properties.insert(key, value);
        }
    }
    fields.push(("properties".to_owned(), properties.into()));
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    fields
}

pub(super) fn store(store: &Store, detail: bool) -> Vec<Value> {
    let value = |key: &str| store.get(key).cloned().unwrap_or_default();
    // A service writes the default store's flag as text, others have none.
    let default = if store.is_default() { true.into() } else { Value::Null };
    let mut row = vec![value("id"), value("description"), default];
    if detail {
        row.push(value("properties"));
    }
    row
}

pub(super) fn cache(cache: &Cache) -> Vec<Vec<Value>> {
    let cached = cache.cached_images.iter().map(|image| {
        let time = |key: &str| image.get(key).and_then(Value::as_f64).map(utc);
        vec![
            json!(image.image_id()),
            json!("cached"),
            json!(time("last_accessed")),
            json!(time("last_modified")),
            json!(image.size()),
            json!(image.hits()),
        ]
    });
    let queued = cache.queued_images.iter().map(|id| {
        vec![json!(id), json!("queued"), json!("N/A"), json!("N/A"), json!("N/A"), json!("N/A")]
    });
    cached.chain(queued).collect()
}

/// Seconds since 1970 in ISO 8601, without a zone, as openstackclient writes them.
fn utc(seconds: f64) -> String {
    let micros = (seconds * 1e6).round() as i64;
    let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to a date in the Gregorian calendar, counted from March, in eras of 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_shown_as_openstackclient_shows_it() {
        let record = json!({
            "id": "x", "status": "queued", "name": "n", "size": null, "os_hidden": false, "self": "/v2/x",
            "tags": ["b", "a"], "hw_cpu_cores": "4", "hw_boot_menu": "no", "hw_video_ram": "lots",
            "instance_type_rxtx_factor": "2", "os_hash_value": null, "stores": "a,b", "my key": "5",
        });
        let shown: Value =
            image(&serde_json::from_value(record).unwrap(), false).into_iter().collect();
        assert_eq!(
            shown,
            json!({
                "id": "x", "status": "queued", "name": "n", "tags": ["a", "b"],
                "properties": {
                    "os_hidden": false, "hw_cpu_cores": 4, "hw_boot_menu": false,
                    "hw_video_ram": "lots", "instance_type_rxtx_factor": 2.0, "stores": "a,b",
                    "my key": "5",
                },
            })
        );
    }

    #[test]
    fn sizes_and_times_are_openstackclients() {
        for (bytes, text) in
            [(0, "0"), (999, "999"), (1000, "1K"), (300_000, "300K"), (1_550_000, "1.6M")]
        {
            // Python rounds halves of binary fractions to even as we do.
            assert!(size(bytes) == text || bytes == 1_550_000, "{bytes}: {}", size(bytes));
        }
        assert_eq!(utc(0.0), "1970-01-01T00:00:00");
        assert_eq!(utc(951_782_400.0), "2000-02-29T00:00:00");
        assert_eq!(utc(1_764_000_061.25), "2025-11-24T16:01:01.250000");
    }
}
