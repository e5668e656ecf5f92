//! `/v2/metadefs/namespaces`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{StatusCode, header};
use serde_json::{Map, Value, json};

use super::access::{
    as_object, as_property, change, checked_body, no_namespace, not_found, require_reader,
};
use super::views::{by_name, object_view, prefix, without_repeated};
use crate::clock;
use crate::metadefs::{Namespace, Part};
use crate::policy::Caller;
use crate::response::{Refusal, internal_error, no_resource, refuse};
use crate::routes::query::{encoded, limit_of, pop, pop_direction};
use crate::state::State;

const READ_ONLY: [&str; 4] = ["self", "schema", "created_at", "updated_at"];

const SORT_KEYS: [&str; 6] =
    ["created_at", "updated_at", "namespace", "visibility", "owner", "display_name"];

/// `GET`.
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Refusal> {
    let mut params = query.clone();
    let limit = pop(&mut params, "limit");
    // Glance does not expect other texts.
    if limit.as_deref().is_some_and(|limit| limit.parse::<i64>().is_err()) {
        return Err(internal_error());
    }
    let direction = pop_direction(&mut params)?;
    let marker = pop(&mut params, "marker");
    let key = pop(&mut params, "sort_key").unwrap_or_else(|| "created_at".to_owned());
    let filter = |name: &str| params.iter().rfind(|(key, _)| key == name).map(|(_, v)| v.as_str());
    let visibility = filter("visibility").filter(|visibility| !visibility.is_empty());
    if let Some(visibility) = visibility
        && !matches!(visibility, "public" | "private")
    {
        return Err(refuse(400, format!("Invalid visibility value: {visibility}")));
    }
    let limit = limit_of(limit.as_deref())?;
    require_reader(&caller, "get_metadef_namespaces")?;
    let inner = state.lock();
    let metadefs = &inner.metadefs;
    let after = match &marker {
        Some(name) => Some(metadefs.namespace(name).ok_or_else(|| no_namespace(name))?),
        None => None,
    };
    if !SORT_KEYS.contains(&key.as_str()) {
        return Err(internal_error());
    }
    let types = filter("resource_types").map(|types| types.split(',').collect::<Vec<_>>());
    let fits = |it: &&Namespace| {
        it.is_visible(&caller)
            && visibility.is_none_or(|wanted| (wanted == "public") == it.is_public)
            && types.as_ref().is_none_or(|types| {
                it.associations.iter().any(|it| types.contains(&it.name.as_str()))
            })
    };
    let mut found: Vec<&Namespace> = metadefs.namespaces.iter().filter(fits).collect();
    let sort_value = |it: &Namespace| {
        let text = it.shown().get(&key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match key.as_str() {
            "created_at" => (format!("{:020}", it.created), it.created),
            "updated_at" => (format!("{:020}", it.updated), it.created),
            _ => (text, it.created),
        }
    };
    found.sort_by_cached_key(|it| sort_value(it));
    if direction == "desc" {
        found.reverse();
    }
    if let Some(after) = after {
        let last = sort_value(after);
        let is_after = |it: &&Namespace| match direction.as_str() {
            "asc" => sort_value(it) > last,
            _ => sort_value(it) < last,
        };
        found.retain(is_after);
    }
    found.truncate(limit);
    let last = found.last().map(|it| it.name.as_str());
    let (first, next) = encoded("/v2/metadefs/namespaces", &query, last);
    let view = |it: &&Namespace| {
        let mut shown = it.shown();
        insert_parts(&mut shown, "resource_type_associations", &it.associations, Part::dated);
        Value::Object(shown)
    };
    let shown: Vec<Value> = found.iter().map(view).collect();
    let schema = "/v2/schemas/metadefs/namespaces";
    let mut answer = json!({"namespaces": shown, "first": first, "schema": schema});
    if let Some(next) = next.filter(|_| found.len() == limit) {
        answer["next"] = next.into();
    }
    Ok(Json(answer))
}

fn insert_parts(
    shown: &mut Map<String, Value>,
    key: &str,
    parts: &[Part],
    view: impl Fn(&Part) -> Map<String, Value>,
) {
    if !parts.is_empty() {
        let parts: Vec<Value> = parts.iter().map(|part| Value::Object(view(part))).collect();
        shown.insert(key.to_owned(), parts.into());
    }
}

/// `POST`: also with objects, properties, tags and resource types.
pub(super) async fn create(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Response, Refusal> {
    let given = checked_body(body, "namespace", &READ_ONLY).await?;
    let tags = given.get("tags").and_then(Value::as_array).into_iter().flatten();
    // The schema permits tags without a name, but Glance does not expect them.
    if tags.into_iter().any(|tag| tag.get("name").is_none()) {
        return Err(internal_error());
    }
    caller.require_admin("add_metadef_namespace")?;
    let parts = |key: &str| -> Vec<Part> {
        let all = given.get(key).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|it| Some(Part::new(it.as_object()?.clone()))).collect()
    };
    let property = |(name, value): (&String, &Value)| {
        let mut fields = as_property(value)?;
        fields.insert("name".into(), name.clone().into());
        Ok::<_, Refusal>(Part::new(fields))
    };
    let object = |part: Part| Ok::<_, Refusal>(Part::new(as_object(part.plain())?));
    let properties = given.get("properties").and_then(Value::as_object).into_iter().flatten();
    let now = clock::now();
    let mut namespace = Namespace {
        texts: Map::new(),
        name: String::new(),
        owner: None,
        is_public: false,
        is_protected: false,
        created: now,
        updated: now,
        objects: parts("objects").into_iter().map(object).collect::<Result<_, _>>()?,
        properties: properties.map(property).collect::<Result<_, _>>()?,
        tags: parts("tags"),
        associations: parts("resource_type_associations"),
    };
    describe(&mut namespace, &given, &caller);
    without_repeated(&namespace.tags, &namespace.name)?;
    let mut shown = namespace.shown();
    insert_parts(&mut shown, "objects", &namespace.objects, Part::plain);
    insert_parts(&mut shown, "tags", &namespace.tags, Part::plain);
    let associations = &namespace.associations;
    insert_parts(&mut shown, "resource_type_associations", associations, Part::plain);
    if !namespace.properties.is_empty() {
        let own = |part: &Part| part.fields.clone();
        shown.insert("properties".into(), by_name(&namespace.properties, "", own));
    }
    let path = format!("{}/v2/metadefs/namespaces/{}", state.url, namespace.name);
    state.change_metadefs(|metadefs| {
        if metadefs.namespace(&namespace.name).is_some() {
            let name = &namespace.name;
            let text = format!("The metadata definition namespace={name} already exists.");
            return Err(refuse(409, text));
        }
        for association in &namespace.associations {
            metadefs.know_type(&association.name);
        }
        metadefs.namespaces.push(namespace);
        Ok(())
    })?;
    Ok((StatusCode::CREATED, [(header::LOCATION, path)], Json(shown)).into_response())
}

/// Sets the attributes of a namespace; missing ones get their defaults.
fn describe(namespace: &mut Namespace, given: &Map<String, Value>, caller: &Caller) {
    let text = |key: &str| given.get(key).and_then(Value::as_str).map(str::to_owned);
    namespace.name = text("namespace").unwrap_or_default();
    namespace.owner = text("owner").or_else(|| caller.project.as_deref().map(str::to_owned));
    namespace.is_public = given.get("visibility") == Some(&json!("public"));
    namespace.is_protected = given.get("protected") == Some(&json!(true));
    let texts = ["display_name", "description"].into_iter();
    namespace.texts =
        texts.filter_map(|key| Some((key.to_owned(), given.get(key)?.clone()))).collect();
}

/// `GET …/{namespace}`: with all parts; the names of properties get the prefix of a resource type.
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Refusal> {
    let inner = state.lock();
    let namespace = inner.metadefs.namespace(&name).ok_or_else(|| no_namespace(&name))?;
    if !namespace.is_visible(&caller) {
        return Err(no_resource());
    }
    require_reader(&caller, "get_metadef_namespace")?;
    let wanted = query.iter().find(|(key, _)| key == "resource_type").map(|(_, value)| value);
    let prefix = wanted.map_or("", |wanted| prefix(namespace, wanted));
    let mut shown = namespace.shown();
    let view = |part: &Part| prefixed(object_view(&name, part), prefix);
    insert_parts(&mut shown, "objects", &namespace.objects, view);
    let associations = &namespace.associations;
    insert_parts(&mut shown, "resource_type_associations", associations, Part::dated);
    insert_parts(&mut shown, "tags", &namespace.tags, Part::plain);
    if !namespace.properties.is_empty() {
        shown.insert("properties".into(), by_name(&namespace.properties, prefix, Part::plain));
    }
    Ok(Json(Value::Object(shown)))
}

fn prefixed(mut object: Map<String, Value>, prefix: &str) -> Map<String, Value> {
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        let all = std::mem::take(properties).into_iter();
        *properties = all.map(|(name, value)| (format!("{prefix}{name}"), value)).collect();
    }
    if let Some(Value::Array(required)) = object.get_mut("required") {
        for name in required {
            *name = format!("{prefix}{}", name.as_str().unwrap_or_default()).into();
        }
    }
    object
}

/// `PUT …/{namespace}`: attributes that are not given get their defaults again.
pub(super) async fn update(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let given = checked_body(body, "namespace", &READ_ONLY).await?;
    let rule = "modify_metadef_namespace";
    let changed = change(&state, &caller, &name, rule, not_found, |it, metadefs| {
        let wanted = given.get("namespace").and_then(Value::as_str).unwrap_or_default();
        if wanted != name && metadefs.namespace(wanted).is_some() {
            return Err(refuse(
                409,
                format!(
                    "Invalid update. It would result in a duplicate metadata definition namespace with \
                     the same name of {wanted}"
                ),
            ));
        }
        describe(it, &given, &caller);
        it.updated = clock::now();
        Ok(it.shown())
    })?;
    Ok(Json(Value::Object(changed)))
}

/// `DELETE …/{namespace}`.
pub(super) async fn delete(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    change(&state, &caller, &name, RULE, not_found, |it, _| require_unprotected(it))?;
    state.change_metadefs(|metadefs| {
        metadefs.namespaces.retain(|it| it.name != name);
        Ok(StatusCode::NO_CONTENT)
    })
}

const RULE: &str = "delete_metadef_namespace";

fn require_unprotected(namespace: &Namespace) -> Result<(), Refusal> {
    if !namespace.is_protected {
        return Ok(());
    }
    let name = &namespace.name;
    let text = format!("Metadata definition namespace {name} is protected and cannot be deleted.");
    Err(refuse(403, text))
}

/// `DELETE …/{namespace}/objects`, `…/properties` and `…/tags`: all of them.
pub(super) async fn clear(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((name, table)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    if !matches!(table.as_str(), "objects" | "properties" | "tags") {
        return Err(refuse(405, "The method DELETE is not allowed for this resource. "));
    }
    let rule = if table == "tags" { "delete_metadef_tags" } else { RULE };
    change(&state, &caller, &name, rule, not_found, |it, _| {
        require_unprotected(it)?;
        match table.as_str() {
            "objects" => it.objects.clear(),
            "properties" => it.properties.clear(),
            _ => it.tags.clear(),
        }
        Ok(StatusCode::NO_CONTENT)
    })
}
