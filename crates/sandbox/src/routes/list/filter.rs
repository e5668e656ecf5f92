//! Filters of a list.

use serde_json::Value;

use crate::clock;
use crate::image::Image;
use crate::policy::Caller;
use crate::response::{Refusal, internal_error, refuse};

/// All conditions of a query.
#[derive(Debug)]
pub(super) struct Filters {
    conditions: Vec<(String, Condition)>,
    tags: Vec<String>,
    visibility: Option<String>,
    member_status: String,
}

#[derive(Debug, PartialEq)]
enum Condition {
    /// The value in the record.
    Is(String),
    /// One of these.
    OneOf(Vec<String>),
    AtLeast(i64),
    AtMost(i64),
    /// A time, compared by an operator.
    Time(Comparison, u64),
    /// Matches no image.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
}

/// Attributes that support `in:`.
const LISTABLE: [&str; 5] = ["name", "id", "status", "container_format", "disk_format"];

/// Attributes that are columns of Glance's table. All other keys are searched among the extra properties,
/// which contain no key of the service.
const COLUMNS: [&str; 10] = [
    "size",
    "virtual_size",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "min_disk",
    "min_ram",
    "owner",
    "protected",
    "os_hidden",
];

impl Filters {
    /// The last value of a repeated name applies.
    pub(super) fn new(
        params: &[(String, String)],
        tags: Vec<String>,
        member_status: String,
    ) -> Result<Self, Refusal> {
        let last = |name: &str| params.iter().rfind(|(key, _)| key == name).map(|(_, v)| &**v);
        let visibility = last("visibility");
        let known = ["", "community", "public", "private", "shared", "all"];
        if let Some(visibility) = visibility.filter(|visibility| !known.contains(visibility)) {
            return Err(refuse(400, format!("Invalid visibility value: {visibility}")));
        }
        if last("changes-since").is_some_and(|since| !since.is_empty()) {
            let text = "The \"changes-since\" filter is no longer available on v2.";
            return Err(refuse(400, text));
        }
        let hidden = last("os_hidden").unwrap_or("false").to_lowercase();
        let mut conditions = vec![("os_hidden".to_owned(), boolean("os_hidden", &hidden)?)];
        if let Some(protected) = last("protected") {
            conditions.push(("protected".to_owned(), boolean("protected", protected)?));
        }
        let mut seen: Vec<&str> =
            vec!["visibility", "os_hidden", "protected", "deleted", "changes-since", "tags"];
        for (key, value) in params.iter().rev() {
            if !seen.contains(&key.as_str()) {
                seen.push(key);
                conditions.push(condition(key, value)?);
            }
        }
        let visibility = visibility.map(str::to_owned);
        Ok(Filters { conditions, tags, visibility, member_status })
    }

    /// Whether the filters match an image.
    pub(super) fn fit(&self, caller: &Caller, image: &Image) -> bool {
        self.are_visible(caller, image)
            && self.conditions.iter().all(|(key, condition)| condition.fits(key, image))
            && self.tags.iter().all(|tag| {
                let tags = image.record["tags"].as_array();
                tags.is_some_and(|tags| tags.iter().any(|known| known == tag))
            })
    }

    /// Own, public, community and accepted images; community images of others only on request.
    fn are_visible(&self, caller: &Caller, image: &Image) -> bool {
        let visibility = image.text("visibility");
        let is_reachable = caller.is_admin()
            || caller.owns(image)
            || matches!(visibility, "public" | "community")
            || caller.is_member(image, &self.member_status);
        is_reachable
            && match self.visibility.as_deref() {
                Some("all") => true,
                Some(wanted) => visibility == wanted,
                None => visibility != "community" || caller.owns(image),
            }
    }
}

fn boolean(key: &str, value: &str) -> Result<Condition, Refusal> {
    if matches!(value, "true" | "false") {
        return Ok(Condition::Is(value.to_owned()));
    }
    Err(refuse(
        400,
        format!("Invalid value '{value}' for '{key}' filter. Valid values are 'true' or 'false'."),
    ))
}

fn condition(key: &str, value: &str) -> Result<(String, Condition), Refusal> {
    let bound = key.strip_suffix("_min").map(|key| (key, true));
    let bound = bound.or_else(|| key.strip_suffix("_max").map(|key| (key, false)));
    if let Some((key, is_least)) = bound {
        let bad = |_| refuse(400, "Unable to filter on a range with a non-numeric value.");
        let limit = value.trim().parse::<i64>().map_err(bad)?;
        if !["size", "virtual_size", "min_disk", "min_ram"].contains(&key) {
            return Err(internal_error());
        }
        let condition = if is_least { Condition::AtLeast } else { Condition::AtMost };
        return Ok((key.to_owned(), condition(limit)));
    }
    let condition = match key {
        "created_at" | "updated_at" => time(key, value)?,
        key if LISTABLE.contains(&key) => match split_operator(value) {
            ("in", list) => Condition::OneOf(split_list(list)?),
            ("eq", value) => Condition::Is(value.to_owned()),
            (operator, _) => {
                let text = format!("Unable to filter by unknown operator '{operator}'.");
                return Err(refuse(400, text));
            }
        },
        // Columns that cannot be compared with a string.
        "locations" | "members" | "properties" => return Err(internal_error()),
        "file" | "self" | "schema" | "stores" | "direct_url" => Condition::Never,
        _ => Condition::Is(value.to_owned()),
    };
    Ok((key.to_owned(), condition))
}

fn time(key: &str, value: &str) -> Result<Condition, Refusal> {
    let (operator, text) = split_operator(value);
    let Some(time) = clock::parse(text) else {
        let text = format!("Bad \"{key}\" query filter format. Use ISO 8601 DateTime notation.");
        return Err(refuse(400, text));
    };
    let comparison = match operator {
        "gt" => Comparison::Greater,
        "gte" => Comparison::GreaterOrEqual,
        "lt" => Comparison::Less,
        "lte" => Comparison::LessOrEqual,
        "eq" => Comparison::Equal,
        "neq" => Comparison::NotEqual,
        _ => return Err(refuse(400, "Unable to filter on a unknown operator.")),
    };
    Ok(Condition::Time(comparison, time))
}

/// The part before the first colon, unless all of it is a time. So a name with a colon can only be found with
/// `eq:` or `in:`.
fn split_operator(value: &str) -> (&str, &str) {
    match value.split_once(':') {
        Some((operator, rest)) if clock::parse(value).is_none() => (operator, rest),
        _ => ("eq", value),
    }
}

/// Values separated by commas; values with commas are in double quotes.
fn split_list(list: &str) -> Result<Vec<String>, Refusal> {
    check_quotes(list)?;
    let mut values = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('"')
            && let Some(end) = closing_quote(inner)
        {
            values.push(inner[..end].to_owned());
            rest = &inner[end + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        } else {
            let (value, others) = rest.split_once(',').unwrap_or((rest, ""));
            values.push(value.to_owned());
            rest = others;
        }
    }
    Ok(values)
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Some(at),
            _ => {}
        }
    }
    None
}

fn check_quotes(list: &str) -> Result<(), Refusal> {
    let bad = |what: &str| Err(refuse(400, format!("Invalid filter value {list}. {what}")));
    let characters: Vec<char> = list.chars().collect();
    let mut is_open = false;
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| characters.get(at));
        if *character != '"' || before == Some(&'\\') {
            continue;
        }
        if !is_open && before.is_some_and(|before| *before != ',') {
            return bad("There is no comma before opening quotation mark.");
        }
        if is_open && characters.get(at + 1).is_some_and(|after| *after != ',') {
            return bad("There is no comma after closing quotation mark.");
        }
        is_open = !is_open;
    }
    if is_open { bad("The quote is not closed.") } else { Ok(()) }
}

impl Condition {
    fn fits(&self, key: &str, image: &Image) -> bool {
        let value = image.record.get(key).unwrap_or(&Value::Null);
        match self {
            Condition::Is(wanted) => match value {
                Value::String(text) => text == wanted,
                // A number is compared as a number.
                Value::Number(number) if COLUMNS.contains(&key) => {
                    wanted.parse::<f64>().ok() == number.as_f64()
                }
                Value::Bool(value) => value.to_string() == *wanted,
                _ => false,
            },
            Condition::OneOf(wanted) => {
                value.as_str().is_some_and(|text| wanted.iter().any(|wanted| wanted == text))
            }
            Condition::AtLeast(limit) => value.as_i64().is_some_and(|number| number >= *limit),
            Condition::AtMost(limit) => value.as_i64().is_some_and(|number| number <= *limit),
            Condition::Time(comparison, wanted) => {
                let time = if key == "created_at" { image.created } else { image.updated };
                // Glance stores complete seconds.
                comparison.holds(time / 1_000_000, wanted / 1_000_000)
            }
            Condition::Never => false,
        }
    }
}

impl Comparison {
    fn holds(self, a: u64, b: u64) -> bool {
        match self {
            Comparison::Greater => a > b,
            Comparison::GreaterOrEqual => a >= b,
            Comparison::Less => a < b,
            Comparison::LessOrEqual => a <= b,
            Comparison::Equal => a == b,
            Comparison::NotEqual => a != b,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_as_in_glance() {
        let split = |list: &str| split_list(list).ok();
        let values = |values: &[&str]| Some(values.iter().map(|v| (*v).to_owned()).collect());
        assert_eq!(split("\"a,b\",plain"), values(&["a,b", "plain"]));
        assert_eq!(split("plain,\"a,b\""), values(&["plain", "a,b"]));
        assert_eq!(split("a,b"), values(&["a", "b"]));
        assert_eq!(split(""), values(&[]));
        assert_eq!(split("in:x"), values(&["in:x"]));
        // The backslash stays, so a name with a quote cannot be found this way.
        assert_eq!(split("\"quo\\\"te\""), values(&["quo\\\"te"]));
        for bad in ["\"a,b", "a\"b,c", "\"a\"b"] {
            assert!(split(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn operators_are_before_the_first_colon() {
        assert_eq!(split_operator("in:in:x"), ("in", "in:x"));
        assert_eq!(split_operator("gt:5"), ("gt", "5"));
        assert_eq!(split_operator("plain"), ("eq", "plain"));
        assert_eq!(split_operator("2020-01-01T00:00:00Z"), ("eq", "2020-01-01T00:00:00Z"));
        assert!(condition("name", "gt:5").is_err());
        assert!(condition("architecture", "gt:5").is_ok());
        assert!(condition("size_min", "x").is_err());
        assert!(condition("created_at", "gt:bogus").is_err());
        assert!(condition("created_at", "xx:2020-01-01").is_err());
    }
}
