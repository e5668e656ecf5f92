//! `/v2/images/{id}/members`: projects that an image is shared with.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::{Extension, Json};
use http::StatusCode;
use serde_json::{Value, json};

use super::body::json_body;
use crate::clock;
use crate::image::{Image, Member};
use crate::policy::Caller;
use crate::response::{Refusal, forbid, image_not_found, refuse};
use crate::state::State;

const MOST: usize = 128;

/// The responses that a member can give.
const STATUSES: [&str; 3] = ["pending", "accepted", "rejected"];

/// `GET`: the owner sees all members, a member only itself.
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let image = look_up(&state, &caller, &id)?;
    if !is_shared(&image) {
        let text =
            format!("Not allowed to list members for image {id}: Only shared images have members.");
        return Err(refuse(403, text));
    }
    let members: Vec<Value> = seen(&caller, &image).map(|member| view(&id, member)).collect();
    Ok(Json(json!({"members": members, "schema": "/v2/schemas/members"})))
}

/// `POST`.
pub(super) async fn add(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let body = json_body(body).await?;
    let project = match &body {
        Value::Array(_) => {
            return Err(refuse(400, "Expected a member in the form: {\"member\": \"image_id\"}"));
        }
        body => match body.get("member") {
            None => return Err(refuse(400, "Member to be added not specified")),
            Some(Value::String(project)) if !project.is_empty() => project.clone(),
            Some(Value::Number(number)) if number.as_f64() != Some(0.0) => number.to_string(),
            Some(_) => return Err(refuse(400, "Member can't be empty")),
        },
    };
    let image = look_up(&state, &caller, &id)?;
    if !is_shared(&image) {
        return Err(refuse(403, format!("Not allowed to create members for image {id}.")));
    }
    caller.require_owner(&image, "add_member")?;
    let now = clock::now();
    let member = Member { project, status: "pending".to_owned(), created: now, updated: now };
    let shown = view(&id, &member);
    state.change(&id, |image| {
        let attempted = image.members.len() + 1;
        if attempted > MOST {
            let text = format!(
                "Image member limit exceeded for image {id}: The limit has been exceeded on the \
                 number of allowed image members for this image. Attempted: {attempted}, Maximum: \
                 {MOST}:"
            );
            return Err(refuse(413, text));
        }
        if image.members.iter().any(|known| known.project == member.project) {
            let text = format!("Member {} is duplicated for image {id}", member.project);
            return Err(refuse(409, text));
        }
        image.members.push(member);
        Ok(())
    })?;
    Ok(Json(shown))
}

/// `GET …/{member}`.
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((id, project)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let image = look_up(&state, &caller, &id)?;
    if !is_shared(&image) {
        return Err(refuse(404, "Only shared images have members."));
    }
    Ok(Json(view(&id, find(&caller, &image, &project)?)))
}

/// `PUT …/{member}`: only the member itself accepts or rejects the image.
pub(super) async fn update(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((id, project)): Path<(String, String)>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let body = json_body(body).await?;
    if body.is_array() {
        return Err(refuse(400, "Expected a status in the form: {\"status\": \"status\"}"));
    }
    let status = body.get("status").ok_or_else(|| refuse(400, "Status not specified"))?;
    let image = look_up(&state, &caller, &id)?;
    if !is_shared(&image) {
        return Err(refuse(403, format!("Not allowed to update members for image {id}.")));
    }
    find(&caller, &image, &project)?;
    let is_member = caller.project.as_deref() == Some(project.as_str());
    if !caller.is_admin() && !is_member {
        return Err(forbid("modify_member"));
    }
    caller.require_member("modify_member")?;
    let Some(status) = STATUSES.iter().find(|known| status == **known) else {
        let text = "Incorrect request: Status must be \"pending\", \"accepted\" or \"rejected\".";
        return Err(refuse(400, text));
    };
    let image = state.change(&id, |image| {
        for member in image.members.iter_mut().filter(|member| member.project == project) {
            (*status).clone_into(&mut member.status);
            member.updated = clock::now();
        }
        Ok(())
    })?;
    Ok(Json(view(&id, find(&caller, &image, &project)?)))
}

/// `DELETE …/{member}`: only the owner; a member cannot leave, but it can reject.
pub(super) async fn remove(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((id, project)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let image = look_up(&state, &caller, &id)?;
    if !is_shared(&image) {
        return Err(refuse(403, format!("Not allowed to delete members for image {id}.")));
    }
    find(&caller, &image, &project)?;
    caller.require_owner(&image, "delete_member")?;
    state.change(&id, |image| {
        image.members.retain(|member| member.project != project);
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

fn look_up(state: &State, caller: &Caller, id: &str) -> Result<Arc<Image>, Refusal> {
    state.image(caller, id).map_err(|_| image_not_found(id))
}

fn is_shared(image: &Image) -> bool {
    image.text("visibility") == "shared"
}

fn seen<'a>(caller: &'a Caller, image: &'a Image) -> impl Iterator<Item = &'a Member> {
    let all = caller.is_admin() || caller.owns(image);
    image
        .members
        .iter()
        .filter(move |member| all || Some(member.project.as_str()) == caller.project.as_deref())
}

fn find<'a>(caller: &'a Caller, image: &'a Image, project: &str) -> Result<&'a Member, Refusal> {
    let found = seen(caller, image).find(|member| member.project == project);
    found.ok_or_else(|| {
        let id = image.id();
        refuse(404, format!("{project} not found in the member list of the image {id}."))
    })
}

fn view(id: &str, member: &Member) -> Value {
    json!({
        "member_id": member.project,
        "image_id": id,
        "status": member.status,
        "created_at": clock::seconds_text(member.created),
        "updated_at": clock::seconds_text(member.updated),
        "schema": "/v2/schemas/member",
    })
}
