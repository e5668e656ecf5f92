//! The objects, properties, tags and resource types of a namespace.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::access::{
    Missing, as_object, as_property, change, checked_body, no_namespace, not_found, require_reader,
    seen,
};
use super::views::{by_name, duplicate_tag, is_same_tag, object_view, prefix, without_repeated};
use crate::metadefs::{Namespace, Part};
use crate::policy::Caller;
use crate::response::{Refusal, internal_error, no_resource, refuse};
use crate::routes::json_schema;
use crate::routes::query::{limit_of, pop, pop_direction};
use crate::state::State;

/// The collections of a namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PartTable {
    Objects,
    Properties,
    Tags,
    Types,
}

impl PartTable {
    fn named(name: &str) -> Result<Self, Refusal> {
        match name {
            "objects" => Ok(PartTable::Objects),
            "properties" => Ok(PartTable::Properties),
            "tags" => Ok(PartTable::Tags),
            "resource_types" => Ok(PartTable::Types),
            _ => Err(no_resource()),
        }
    }

    fn parts(self, namespace: &Namespace) -> &Vec<Part> {
        match self {
            PartTable::Objects => &namespace.objects,
            PartTable::Properties => &namespace.properties,
            PartTable::Tags => &namespace.tags,
            PartTable::Types => &namespace.associations,
        }
    }

    fn parts_mut(self, namespace: &mut Namespace) -> &mut Vec<Part> {
        match self {
            PartTable::Objects => &mut namespace.objects,
            PartTable::Properties => &mut namespace.properties,
            PartTable::Tags => &mut namespace.tags,
            PartTable::Types => &mut namespace.associations,
        }
    }

    /// The word of its schema, its policies and its messages.
    fn word(self) -> &'static str {
        match self {
            PartTable::Objects => "object",
            PartTable::Properties => "property",
            PartTable::Tags => "tag",
            PartTable::Types => "resource_type_association",
        }
    }

    fn schema(self) -> &'static str {
        match self {
            PartTable::Types => "resource_type",
            _ => self.word(),
        }
    }

    fn read_only(self) -> &'static [&'static str] {
        match self {
            PartTable::Objects => &["self", "schema", "created_at", "updated_at"],
            PartTable::Properties => &["created_at", "updated_at"],
            PartTable::Tags | PartTable::Types => &["created_at", "updated_at"],
        }
    }

    /// The refusal of calls whose namespace does not exist.
    fn missing_namespace(self) -> Missing {
        if self == PartTable::Objects { no_namespace } else { not_found }
    }

    fn missing(self, name: &str) -> Refusal {
        refuse(
            404,
            match self {
                PartTable::Objects => format!("Could not find metadata object {name}"),
                PartTable::Properties => format!("Could not find property {name}"),
                PartTable::Tags => format!("Could not find metadata tag {name}"),
                PartTable::Types => format!("Failed to find resource type {name} to delete"),
            },
        )
    }

    fn duplicate(self, name: &str, namespace: &str) -> Refusal {
        let text = match self {
            PartTable::Objects => {
                format!(
                    "A metadata definition object with name={name} already exists in namespace={namespace}."
                )
            }
            PartTable::Properties => {
                format!(
                    "A metadata definition property with name={name} already exists in namespace={namespace}."
                )
            }
            PartTable::Tags => return duplicate_tag(name, namespace),
            PartTable::Types => format!(
                "The metadata definition resource-type association of resource-type={name} to \
                 namespace={namespace} already exists."
            ),
        };
        refuse(409, text)
    }

    /// Whether two names are the same.
    fn is_same(self, a: &str, b: &str) -> bool {
        if self == PartTable::Tags { is_same_tag(a, b) } else { a == b }
    }

    fn find(self, namespace: &Namespace, name: &str) -> Option<usize> {
        self.parts(namespace).iter().position(|part| self.is_same(&part.name, name))
    }

    /// The form of one part.
    fn view(self, namespace: &str, part: &Part) -> Map<String, Value> {
        match self {
            PartTable::Objects => object_view(namespace, part),
            PartTable::Properties => part.plain(),
            PartTable::Tags | PartTable::Types => part.dated(),
        }
    }

    /// The form after a change: an object shows only what was given.
    fn changed_view(self, namespace: &str, part: &Part) -> Map<String, Value> {
        let mut shown = self.view(namespace, part);
        if self == PartTable::Objects {
            for key in ["properties", "required"] {
                if !part.fields.contains_key(key) {
                    shown.remove(key);
                }
            }
        }
        shown
    }

    /// A new part from a checked body.
    fn part(self, fields: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
        match self {
            PartTable::Objects => as_object(fields),
            PartTable::Properties => as_property(&fields.into()),
            PartTable::Tags | PartTable::Types => Ok(fields),
        }
    }
}

/// `GET /v2/metadefs/resource_types`: all that were ever associated.
pub(super) async fn types(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Refusal> {
    require_reader(&caller, "list_metadef_resource_types")?;
    let inner = state.lock();
    let types: Vec<Value> = inner.metadefs.types.iter().map(|it| it.dated().into()).collect();
    Ok(Json(json!({"resource_types": types})))
}

/// `GET …/{namespace}/{table}`.
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((name, table)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Refusal> {
    let table = PartTable::named(&table)?;
    if table == PartTable::Objects {
        // Checked, and not applied.
        let (limit, _) = limit_and_direction(&mut query.clone())?;
        if limit == Some(0) {
            return Err(refuse(400, "limit param must be positive"));
        }
    }
    let inner = state.lock();
    let namespace = seen(&inner.metadefs, &caller, &name, table.missing_namespace())?;
    require_reader(&caller, "get_metadef_namespace")?;
    let mut parts: Vec<&Part> = table.parts(namespace).iter().collect();
    Ok(Json(match table {
        PartTable::Objects => {
            parts.sort_by_key(|part| &part.name);
            let shown = parts.iter().map(|part| Value::Object(object_view(&name, part)));
            let shown: Vec<Value> = shown.collect();
            json!({"objects": shown, "schema": "v2/schemas/metadefs/objects"})
        }
        PartTable::Properties => {
            json!({"properties": by_name(&namespace.properties, "", Part::plain)})
        }
        PartTable::Types => {
            let shown: Vec<Value> = parts.iter().map(|part| part.dated().into()).collect();
            json!({"resource_type_associations": shown})
        }
        PartTable::Tags => {
            let shown: Vec<Value> =
                page(parts, query)?.iter().map(|part| json!({"name": part.name})).collect();
            json!({"tags": shown})
        }
    }))
}

/// Tags have pages, but no links to them.
fn page(mut parts: Vec<&Part>, mut query: Vec<(String, String)>) -> Result<Vec<&Part>, Refusal> {
    let (limit, direction) = limit_and_direction(&mut query)?;
    if pop(&mut query, "sort_key").as_deref() == Some("name") {
        parts.sort_by_key(|part| &part.name);
    }
    if direction == "desc" {
        parts.reverse();
    }
    if let Some(marker) = pop(&mut query, "marker") {
        let at = parts.iter().position(|part| part.name == marker);
        let at = at.ok_or_else(|| PartTable::Tags.missing(&marker))?;
        parts.drain(..=at);
    }
    parts.truncate(limit.unwrap_or(usize::MAX));
    Ok(parts)
}

/// The parameters of a page. Without a limit all parts are listed.
fn limit_and_direction(
    query: &mut Vec<(String, String)>,
) -> Result<(Option<usize>, String), Refusal> {
    let limit = pop(query, "limit").map(|limit| limit_of(Some(&limit))).transpose()?;
    Ok((limit, pop_direction(query)?))
}

/// `GET …/{namespace}/{table}/{part}`.
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((name, table, part)): Path<(String, String, String)>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Refusal> {
    let table = PartTable::named(&table)?;
    if table == PartTable::Types {
        return Err(refuse(405, "The method GET is not allowed for this resource. "));
    }
    let inner = state.lock();
    let namespace = seen(&inner.metadefs, &caller, &name, table.missing_namespace())?;
    require_reader(&caller, "get_metadef_namespace")?;
    let mut wanted = part.as_str();
    // The name of a property may have the prefix of a resource type.
    let resource_type = query.iter().find(|(key, _)| key == "resource_type");
    if let Some((_, resource_type)) = resource_type.filter(|_| table == PartTable::Properties) {
        let prefix = prefix(namespace, resource_type);
        wanted = part.strip_prefix(prefix).ok_or_else(|| {
            refuse(
                404,
                format!(
                    "Property {part} does not start with the expected resource type association prefix of \
                     '{prefix}'."
                ),
            )
        })?;
    }
    let at = table.find(namespace, wanted).ok_or_else(|| table.missing(wanted))?;
    Ok(Json(Value::Object(table.view(&name, &table.parts(namespace)[at]))))
}

/// `POST …/{namespace}/{table}`; for tags it replaces all, or appends to them.
pub(super) async fn create(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((name, table)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let table = PartTable::named(&table)?;
    if table == PartTable::Tags {
        return create_tags(&state, &caller, &name, &headers, body).await;
    }
    let fields = checked_body(body, table.schema(), table.read_only()).await?;
    for property in properties_of(table, &fields) {
        json_schema::check_unnamed_property(property)?;
    }
    let part = Part::new(table.part(fields)?);
    let rule = format!("add_metadef_{}", table.word());
    let missing = table.missing_namespace();
    let shown = change(&state, &caller, &name, &rule, missing, |namespace, metadefs| {
        if table.find(namespace, &part.name).is_some() {
            return Err(table.duplicate(&part.name, &name));
        }
        if table == PartTable::Types {
            metadefs.know_type(&part.name);
        }
        let shown = table.changed_view(&name, &part);
        table.parts_mut(namespace).push(part);
        Ok(shown)
    })?;
    Ok((StatusCode::CREATED, Json(Value::Object(shown))).into_response())
}

/// The definitions of properties within an object. The schema of objects permits unknown attributes in them.
fn properties_of(table: PartTable, fields: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let properties = fields.get("properties").filter(|_| table == PartTable::Objects);
    properties.and_then(Value::as_object).into_iter().flatten().map(|(_, property)| property)
}

async fn create_tags(
    state: &State,
    caller: &Caller,
    name: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = checked_body(body, "tag_list", &["created_at", "updated_at"]).await?;
    // The schema permits a body without tags, but Glance does not expect it.
    let tags = given.get("tags").and_then(Value::as_array).ok_or_else(internal_error)?;
    let tags: Vec<Part> =
        tags.iter().filter_map(|it| Some(Part::new(it.as_object()?.clone()))).collect();
    let append = headers.get("x-openstack-append").and_then(|value| value.to_str().ok());
    let is_appended = append.is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let shown: Vec<Value> = tags.iter().map(|tag| json!({"name": tag.name})).collect();
    change(state, caller, name, "add_metadef_tags", not_found, |namespace, _| {
        let mut all = if is_appended { namespace.tags.clone() } else { Vec::new() };
        all.extend(tags);
        without_repeated(&all, name)?;
        namespace.tags = all;
        Ok(())
    })?;
    Ok((StatusCode::CREATED, Json(json!({"tags": shown}))).into_response())
}

/// `POST …/{namespace}/tags/{tag}`: without a body.
pub(super) async fn create_tag(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((name, table, tag)): Path<(String, String, String)>,
) -> Result<Response, Refusal> {
    let table = PartTable::named(&table)?;
    if table != PartTable::Tags {
        return Err(refuse(405, "The method POST is not allowed for this resource. "));
    }
    seen(&state.lock().metadefs, &caller, &name, not_found)?;
    let fields = Map::from_iter([("name".to_owned(), Value::from(tag))]);
    json_schema::check("metadef_tag", &Value::Object(fields.clone()))?;
    let part = Part::new(fields);
    let shown = change(&state, &caller, &name, "add_metadef_tag", not_found, |namespace, _| {
        if table.find(namespace, &part.name).is_some() {
            return Err(table.duplicate(&part.name, &name));
        }
        let shown = part.dated();
        namespace.tags.push(part);
        Ok(shown)
    })?;
    Ok((StatusCode::CREATED, Json(Value::Object(shown))).into_response())
}

/// `PUT …/{namespace}/{table}/{part}`: replaces it.
pub(super) async fn update(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((name, table, part)): Path<(String, String, String)>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let table = PartTable::named(&table)?;
    if table == PartTable::Types {
        return Err(refuse(405, "The method PUT is not allowed for this resource. "));
    }
    let fields = checked_body(body, table.schema(), table.read_only()).await?;
    // Glance checks this only in new objects.
    for property in properties_of(table, &fields) {
        json_schema::check_unnamed_property(property).map_err(|_| internal_error())?;
    }
    let fields = table.part(fields)?;
    let rule = format!("modify_metadef_{}", table.word());
    let missing = table.missing_namespace();
    let shown = change(&state, &caller, &name, &rule, missing, |namespace, _| {
        let at = table.find(namespace, &part).ok_or_else(|| table.missing(&part))?;
        let wanted = fields.get("name").and_then(Value::as_str).unwrap_or_default();
        if table.find(namespace, wanted).is_some_and(|other| other != at) {
            // Only for tags does Glance expect that.
            return Err(match table {
                PartTable::Tags => table.duplicate(wanted, &name),
                _ => internal_error(),
            });
        }
        let known = &mut table.parts_mut(namespace)[at];
        known.replace(fields);
        Ok(table.changed_view(&name, known))
    })?;
    Ok(Json(Value::Object(shown)))
}

/// `DELETE …/{namespace}/{table}/{part}`.
pub(super) async fn delete(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((name, table, part)): Path<(String, String, String)>,
) -> Result<StatusCode, Refusal> {
    let table = PartTable::named(&table)?;
    let verb =
        if matches!(table, PartTable::Objects | PartTable::Tags) { "delete" } else { "remove" };
    let rule = format!("{verb}_metadef_{}", table.word());
    change(&state, &caller, &name, &rule, table.missing_namespace(), |namespace, _| {
        let at = table.find(namespace, &part).ok_or_else(|| table.missing(&part))?;
        if namespace.is_protected {
            let what = table.word().replace("resource_type_", "resource-type-");
            let text =
                format!("Metadata definition {what} {part} is protected and cannot be deleted.");
            return Err(refuse(403, text));
        }
        table.parts_mut(namespace).remove(at);
        Ok(StatusCode::NO_CONTENT)
    })
}
