//! `POST /v2/images/{id}/actions/…`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State as Shared};
use http::StatusCode;

use crate::policy::Caller;
use crate::response::{Refusal, refuse};
use crate::state::State;

pub(super) async fn deactivate(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    act(&state, &caller, &id, "deactivate", "deactivated")
}

pub(super) async fn reactivate(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    act(&state, &caller, &id, "reactivate", "active")
}

/// Repeating an action is no error.
fn act(
    state: &State,
    caller: &Caller,
    id: &str,
    action: &str,
    to: &str,
) -> Result<StatusCode, Refusal> {
    let image = state.image(caller, id)?;
    caller.require_owner(&image, action)?;
    state.change(id, |image| {
        let status = image.status();
        if !matches!(status, "active" | "deactivated") {
            let text = format!("Not allowed to {action} image in status '{status}'");
            return Err(refuse(403, text));
        }
        image.set("status", to);
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
