//! Query strings, handled like by Glance's framework.

use crate::response::{Refusal, refuse};

const DEFAULT_LIMIT: usize = 25;
const MOST: usize = 1000;

/// Removes the first value of this name; a second one stays and becomes a filter.
pub(super) fn pop(query: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let at = query.iter().position(|(key, _)| key == name)?;
    Some(query.remove(at).1)
}

/// Removes the direction of the order; the default is `desc`.
pub(super) fn pop_direction(query: &mut Vec<(String, String)>) -> Result<String, Refusal> {
    let direction = pop(query, "sort_dir").unwrap_or_else(|| "desc".to_owned());
    if !matches!(direction.as_str(), "asc" | "desc") {
        return Err(refuse(400, format!("Invalid sort direction: {direction}")));
    }
    Ok(direction)
}

pub(super) fn limit_of(text: Option<&str>) -> Result<usize, Refusal> {
    let Some(text) = text else { return Ok(DEFAULT_LIMIT) };
    match text.trim().parse::<i64>() {
        Ok(limit) if limit < 0 => Err(refuse(400, "limit param must be positive")),
        Ok(limit) => Ok(usize::try_from(limit).unwrap_or(MOST).min(MOST)),
        Err(_) => Err(refuse(400, "limit param must be an integer")),
    }
}

/// The queries of the first and of the next page. Glance creates them from a dictionary: only the last value
/// of a repeated name remains, so a second `tag` is lost.
pub(super) fn encoded(
    path: &str,
    query: &[(String, String)],
    last: Option<&str>,
) -> (String, Option<String>) {
    let mut kept: Vec<(&str, &str)> = Vec::new();
    for (key, value) in query.iter().filter(|(key, _)| key != "marker") {
        match kept.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => kept.push((key, value)),
        }
    }
    let encode = |kept: &[(&str, &str)]| {
        let pairs: Vec<String> = kept
            .iter()
            .map(|(key, value)| format!("{}={}", escaped(key), escaped(value)))
            .collect();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
    };
    let first = encode(&kept);
    let next = last.map(|last| {
        kept.push(("marker", last));
        encode(&kept)
    });
    (first, next)
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        b' ' => "+".to_owned(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_pages_are_built_as_in_glance() {
        let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let query =
            [("tag", "a"), ("limit", "2"), ("marker", "m"), ("tag", "b c"), ("sort", "x:y")];
        let (first, next) = encoded("/v2/images", &query.map(pair), Some("n"));
        assert_eq!(first, "/v2/images?tag=b+c&limit=2&sort=x%3Ay");
        assert_eq!(next.as_deref(), Some("/v2/images?tag=b+c&limit=2&sort=x%3Ay&marker=n"));
        assert_eq!(encoded("/v2/images", &[], None), ("/v2/images".to_owned(), None));
    }
}
