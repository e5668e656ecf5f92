//! `GET /v2/images`.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::json;

use super::images::shown;
use super::query::{encoded, limit_of, pop};
use crate::image::Image;
use crate::policy::Caller;
use crate::response::{Refusal, refuse};
use crate::state::State;

mod filter;

use filter::Filters;

pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let mut params = query.clone();
    let limit = pop(&mut params, "limit");
    let marker = pop(&mut params, "marker");
    let member_status = pop(&mut params, "member_status");
    let mut tags = Vec::new();
    while let Some(tag) = pop(&mut params, "tag") {
        tags.push(tag.trim().to_owned());
    }
    let member_status = member_status.unwrap_or_else(|| "accepted".to_owned());
    if !matches!(member_status.as_str(), "pending" | "accepted" | "rejected" | "all") {
        return Err(refuse(400, format!("Invalid status: {member_status}")));
    }
    let limit = limit_of(limit.as_deref())?;
    let order = order(&mut params)?;
    let filters = Filters::new(&params, tags, member_status)?;

    // The lock is held only while references are copied.
    let all: Vec<Arc<Image>> = state.lock().images.values().cloned().collect();
    let mut found: Vec<&Arc<Image>> =
        all.iter().filter(|image| filters.fit(&caller, image)).collect();
    if let Some(marker) = marker {
        // The marker need not match the filters.
        let after = all.iter().find(|image| image.id() == marker && caller.sees(image));
        let after = after.ok_or_else(|| refuse(400, no_image_text(&marker)))?;
        found.retain(|image| compare(image, after, &order) == Ordering::Greater);
    }
    if found.len() > limit && limit > 0 {
        found.select_nth_unstable_by(limit - 1, |a, b| compare(a, b, &order));
    }
    found.truncate(limit);
    found.sort_by(|a, b| compare(a, b, &order));

    let last = found.last().map(|image| image.id());
    let (first, next) = encoded("/v2/images", &query, last);
    // A full page has a next one, which may be empty.
    let next = next.filter(|_| found.len() == limit);
    Ok(answer(&caller, &found, &first, next.as_deref()))
}

fn no_image_text(id: &str) -> String {
    format!("No image found with ID {id}")
}

/// Records are serialised without copying them.
fn answer(caller: &Caller, images: &[&Arc<Image>], first: &str, next: Option<&str>) -> Response {
    let records: Vec<String> = images
        .iter()
        .map(|image| serde_json::to_string(&*shown(caller, image)).unwrap_or_default())
        .collect();
    let mut rest = json!({"first": first, "schema": "/v2/schemas/images"});
    if let Some(next) = next {
        rest["next"] = next.into();
    }
    let rest = rest.to_string();
    let body = format!("{{\"images\":[{}],{}", records.join(","), &rest[1..]);
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Keys, and whether each is descending.
type Order = Vec<(String, bool)>;

const SORT_KEYS: [&str; 8] =
    ["name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at"];

/// `sort=key:dir,…` or `sort_key` and `sort_dir`; newest first by default.
fn order(params: &mut Vec<(String, String)>) -> Result<Order, Refusal> {
    let has = |params: &[(String, String)], name: &str| params.iter().any(|(key, _)| key == name);
    let (mut keys, mut directions) = (Vec::new(), Vec::new());
    if has(params, "sort") {
        if has(params, "sort_key") || has(params, "sort_dir") {
            return Err(refuse(400, "Old and new sorting syntax cannot be combined"));
        }
        for part in pop(params, "sort").unwrap_or_default().trim().split(',') {
            let (key, direction) = part.split_once(':').unwrap_or((part, ""));
            let direction = if direction.is_empty() { "desc" } else { direction };
            keys.push(checked_key(key)?);
            directions.push(checked_direction(direction)?);
        }
    } else {
        while let Some(key) = pop(params, "sort_key") {
            keys.push(checked_key(&key)?);
        }
        while let Some(direction) = pop(params, "sort_dir") {
            directions.push(checked_direction(&direction)?);
        }
        if directions.len() > 1 && directions.len() != keys.len() {
            return Err(refuse(400, "Number of sort dirs does not match the number of sort keys"));
        }
    }
    if keys.is_empty() {
        keys.push("created_at".to_owned());
    }
    // A single direction applies to all keys, and to those that complete the order.
    let default = if directions.len() > 1 { true } else { *directions.first().unwrap_or(&true) };
    let mut order: Order = keys
        .into_iter()
        .enumerate()
        .map(|(at, key)| (key, *directions.get(at).unwrap_or(&default)))
        .collect();
    for key in ["created_at", "id"] {
        if !order.iter().any(|(known, _)| known == key) {
            order.push((key.to_owned(), default));
        }
    }
    Ok(order)
}

fn checked_key(key: &str) -> Result<String, Refusal> {
    let key = key.trim();
    if SORT_KEYS.contains(&key) {
        return Ok(key.to_owned());
    }
    let known = SORT_KEYS.join(", ");
    Err(refuse(400, format!("Invalid sort key: {key}. It must be one of the following: {known}.")))
}

fn checked_direction(direction: &str) -> Result<bool, Refusal> {
    match direction.trim() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        other => Err(refuse(400, format!("Invalid sort direction: {other}"))),
    }
}

/// Missing values come first.
fn compare(a: &Image, b: &Image, order: &Order) -> Ordering {
    let mut ordering = Ordering::Equal;
    for (key, is_downward) in order {
        ordering = match key.as_str() {
            "created_at" => a.created.cmp(&b.created),
            "updated_at" => a.updated.cmp(&b.updated),
            "size" => a.record["size"].as_u64().cmp(&b.record["size"].as_u64()),
            key => {
                let text = |image: &Image| image.record[key].as_str().map(str::to_owned);
                text(a).cmp(&text(b))
            }
        };
        if *is_downward {
            ordering = ordering.reverse();
        }
        if ordering != Ordering::Equal {
            break;
        }
    }
    ordering
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &[(&str, &str)]) -> Result<Order, Refusal> {
        let mut params: Vec<(String, String)> =
            query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        order(&mut params)
    }

    fn key(name: &str, is_downward: bool) -> (String, bool) {
        (name.to_owned(), is_downward)
    }

    #[test]
    fn orders_are_completed() {
        let newest = vec![key("created_at", true), key("id", true)];
        assert_eq!(parsed(&[]).unwrap(), newest);
        let old = [("sort_key", "disk_format"), ("sort_key", "name"), ("sort_dir", "asc")];
        let upward = ["disk_format", "name", "created_at", "id"].map(|name| key(name, false));
        assert_eq!(parsed(&old).unwrap(), upward);
        let new = parsed(&[("sort", "name:asc,size")]).unwrap();
        assert_eq!(new[..2], [key("name", false), key("size", true)]);
        for bad in ["min_disk", "name:up", "", "name:asc,"] {
            assert!(parsed(&[("sort", bad)]).is_err(), "{bad}");
        }
        assert!(parsed(&[("sort", "name"), ("sort_key", "name")]).is_err());
        let mismatch = [("sort_key", "name"), ("sort_dir", "asc"), ("sort_dir", "desc")];
        assert!(parsed(&mismatch).is_err());
    }
}
