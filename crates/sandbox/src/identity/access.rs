//! The caller of the identity service, and its permissions.

use std::sync::MutexGuard;

use http::HeaderMap;

use super::reply::{IdentityRefusal, forbidden, unauthorized};
use crate::directory::{Token, text};
use crate::state::{Inner, State};

/// A caller with a valid token.
pub(super) struct SignedIn {
    pub(super) token: Token,
    pub(super) is_admin: bool,
}

impl SignedIn {
    /// Refuses operations that only an administrator may perform.
    pub(super) fn require_admin(&self, action: &str) -> Result<(), IdentityRefusal> {
        if self.is_admin { Ok(()) } else { Err(forbidden(action)) }
    }

    /// Refuses operations on another user.
    pub(super) fn require_self(&self, user: &str, action: &str) -> Result<(), IdentityRefusal> {
        if self.is_admin || self.token.user == user { Ok(()) } else { Err(forbidden(action)) }
    }
}

/// The caller, with the state locked.
pub(super) fn sign_in<'a>(
    state: &'a State,
    headers: &HeaderMap,
) -> Result<(SignedIn, MutexGuard<'a, Inner>), IdentityRefusal> {
    let inner = state.lock();
    let token =
        headers.get("x-auth-token").and_then(|token| inner.tokens.get(token.to_str().ok()?));
    let token = token.filter(|token| token.is_valid(&inner.directory)).cloned();
    let Some(token) = token else { return Err(unauthorized(state)) };
    let roles = token.roles(&inner.directory);
    let is_admin = roles.iter().any(|role| text(role, "name") == "admin");
    Ok((SignedIn { token, is_admin }, inner))
}
