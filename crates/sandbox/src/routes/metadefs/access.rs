//! Reading and changing namespaces by their callers.

use serde_json::{Map, Value};

use crate::metadefs::{Metadefs, Namespace};
use crate::policy::{Caller, Role};
use crate::response::{Refusal, forbid, internal_error, refuse};
use crate::routes::body::json_body;
use crate::routes::json_schema;
use crate::routes::python::python;
use crate::routes::validate::read_only;
use crate::state::State;

/// The 404 of a namespace that does not exist, from Glance's database. Only some calls show it.
pub(super) fn no_namespace(name: &str) -> Refusal {
    refuse(404, format!("Metadata definition namespace={name} was not found."))
}

/// The 404 of a namespace that the caller cannot see, and in most calls of one that does not exist.
pub(super) fn not_found(name: &str) -> Refusal {
    refuse(404, format!("Namespace {name} not found"))
}

/// Refuses callers without a role that may read.
pub(super) fn require_reader(caller: &Caller, rule: &str) -> Result<(), Refusal> {
    if caller.role == Role::None { Err(forbid(rule)) } else { Ok(()) }
}

/// The refusal of a namespace that does not exist, which depends on the call: [`no_namespace`] or [`not_found`].
pub(super) type Missing = fn(&str) -> Refusal;

/// A namespace that the caller may read.
pub(super) fn seen<'a>(
    metadefs: &'a Metadefs,
    caller: &Caller,
    name: &str,
    missing: Missing,
) -> Result<&'a Namespace, Refusal> {
    let namespace = metadefs.namespace(name).ok_or_else(|| missing(name))?;
    if namespace.is_visible(caller) { Ok(namespace) } else { Err(not_found(name)) }
}

/// Changes a namespace and writes all of them. Only administrators may; other callers get 404 if they cannot
/// see the namespace.
pub(super) fn change<T>(
    state: &State,
    caller: &Caller,
    name: &str,
    rule: &str,
    missing: Missing,
    change: impl FnOnce(&mut Namespace, &mut Metadefs) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    state.change_metadefs(|metadefs| {
        seen(metadefs, caller, name, missing)?;
        caller.require_admin(rule)?;
        let at = metadefs.namespaces.iter().position(|it| it.name == name);
        let at = at.ok_or_else(|| missing(name))?;
        // The change sees the namespace apart from the others.
        let mut namespace = metadefs.namespaces[at].clone();
        let done = change(&mut namespace, metadefs)?;
        metadefs.namespaces[at] = namespace;
        Ok(done)
    })
}

/// Reads and validates a body; these attributes are read-only.
pub(super) async fn checked_body(
    body: axum::body::Body,
    schema: &str,
    read_only_keys: &[&str],
) -> Result<Map<String, Value>, Refusal> {
    let body = json_body(body).await?;
    let Some(object) = body.as_object() else { return Err(internal_error()) };
    if let Some(key) = read_only_keys.iter().find(|key| object.contains_key(**key)) {
        return Err(read_only(key));
    }
    json_schema::check(&format!("metadef_{schema}"), &body)?;
    Ok(object.clone())
}

/// A property as Glance stores it: the default is a text, and limits are integers. It does not expect possible
/// values that are no texts.
pub(super) fn as_property(value: &Value) -> Result<Map<String, Value>, Refusal> {
    let mut property = value.as_object().cloned().unwrap_or_default();
    if let Some(default) = property.get_mut("default") {
        *default = as_text(default);
    }
    for limit in ["minimum", "maximum"] {
        if let Some(limit) = property.get_mut(limit) {
            *limit = as_integer(limit);
        }
    }
    let values = property.get("enum").and_then(Value::as_array);
    if values.is_some_and(|values| values.iter().any(|value| !value.is_string())) {
        return Err(internal_error());
    }
    Ok(property)
}

fn as_integer(value: &Value) -> Value {
    match value.as_f64() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "as in Glance, up to the largest integer"
        )]
        Some(number) if !value.is_i64() && !value.is_u64() => (number as i64).into(),
        _ => value.clone(),
    }
}

fn as_text(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        other => python(other).into(),
    }
}

/// An object with its properties as Glance stores them.
pub(super) fn as_object(mut object: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        for property in properties.values_mut() {
            *property = as_property(property)?.into();
        }
    }
    Ok(object)
}
