//! `GET /v2/images`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State as Shared};
use serde_json::{Value, json};

use crate::answer::{Refusal, no_image, refuse};
use crate::state::{Record, State};

const DEFAULT_LIMIT: usize = 25;
const MOST: usize = 1000;

pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Refusal> {
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
    let limit = match value("limit").map(str::parse::<usize>) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit)) => limit.min(MOST),
        Some(Err(_)) => return Err(refuse(400, "limit param must be an integer")),
    };
    let mut records: Vec<Record> = state.lock().images.values().cloned().collect();
    for (key, wanted) in &query {
        if !PAGING.contains(&key.as_str()) {
            let filter = Filter::new(key, wanted)?;
            records.retain(|record| filter.fits(record));
        }
    }
    if value("os_hidden").is_none() {
        records.retain(|record| record["os_hidden"] == json!(false));
    }
    let (key, descending) = order(value("sort"), value("sort_key"), value("sort_dir"))?;
    records.sort_by(|a, b| {
        let sort = |record: &Record| (record[&key].to_string(), record["id"].to_string());
        if descending { sort(b).cmp(&sort(a)) } else { sort(a).cmp(&sort(b)) }
    });
    if let Some(marker) = value("marker") {
        let at = records.iter().position(|record| record["id"] == marker);
        records.drain(..=at.ok_or_else(|| no_image(marker))?);
    }
    let more = records.len() > limit;
    records.truncate(limit);

    let others: Vec<String> = query
        .iter()
        .filter(|(key, _)| key != "marker")
        .map(|(key, value)| format!("{key}={}", escaped(value)))
        .collect();
    let others = others.join("&");
    let mut answer = json!({"images": records, "schema": "/v2/schemas/images"});
    answer["first"] = format!("/v2/images?{others}").trim_end_matches('?').into();
    if let Some(last) = records.last().filter(|_| more) {
        let marker = last["id"].as_str().unwrap_or_default();
        answer["next"] =
            format!("/v2/images?marker={marker}&{others}").trim_end_matches('&').into();
    }
    Ok(Json(answer))
}

const PAGING: [&str; 5] = ["limit", "marker", "sort", "sort_key", "sort_dir"];

/// One condition of the query.
struct Filter<'a> {
    key: &'a str,
    wanted: Vec<&'a str>,
}

impl<'a> Filter<'a> {
    fn new(key: &'a str, value: &'a str) -> Result<Self, Refusal> {
        if key == "protected" && !matches!(value, "true" | "false") {
            return Err(refuse(400, format!("Invalid value '{value}' for 'protected' filter")));
        }
        let visible = ["public", "private", "shared", "community", "all"];
        if key == "visibility" && !visible.contains(&value) {
            return Err(refuse(400, format!("Invalid visibility value: {value}")));
        }
        let wanted = match value.strip_prefix("in:") {
            Some(list) => list.split(',').collect(),
            None => vec![value],
        };
        Ok(Filter { key, wanted })
    }

    fn fits(&self, record: &Record) -> bool {
        let size = |limit: &str| limit.parse::<u64>().ok().zip(record["size"].as_u64());
        self.wanted.iter().any(|wanted| match (self.key, *wanted) {
            ("visibility", "all") => true,
            ("size_min", limit) => size(limit).is_some_and(|(limit, size)| size >= limit),
            ("size_max", limit) => size(limit).is_some_and(|(limit, size)| size <= limit),
            ("tag", tag) => record["tags"].as_array().is_some_and(|t| t.contains(&json!(tag))),
            ("os_hidden", wanted) => {
                record["os_hidden"] == json!(wanted.eq_ignore_ascii_case("true"))
            }
            (key, wanted) => match record.get(key) {
                Some(Value::String(text)) => text == wanted,
                Some(Value::Null) | None => false,
                Some(other) => serde_json::to_string(other).is_ok_and(|text| text == wanted),
            },
        })
    }
}

/// `sort=key:dir` or `sort_key` and `sort_dir`; newest first by default.
fn order(
    sort: Option<&str>,
    key: Option<&str>,
    direction: Option<&str>,
) -> Result<(String, bool), Refusal> {
    let (key, direction) = match sort {
        Some(_) if key.is_some() || direction.is_some() => {
            return Err(refuse(400, "Old and new sorting syntax cannot be combined"));
        }
        Some(sort) => sort.split_once(':').map_or((sort, "desc"), |pair| pair),
        None => (key.unwrap_or("created_at"), direction.unwrap_or("desc")),
    };
    let known = [
        "name",
        "status",
        "container_format",
        "disk_format",
        "size",
        "id",
        "created_at",
        "updated_at",
    ];
    if !known.contains(&key) || !matches!(direction, "asc" | "desc") {
        return Err(refuse(400, format!("Unsupported sort key or direction: {key}:{direction}")));
    }
    Ok((key.to_owned(), direction == "desc"))
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b',' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
