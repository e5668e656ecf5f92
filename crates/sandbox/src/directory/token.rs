//! Tokens.

use std::time::{Duration, Instant};

use super::{Directory, Resource, Scope, Table, new_id};
use crate::clock;

/// A valid or expired token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) user: String,
    pub(crate) scope: Scope,
    /// The methods of the login.
    pub(crate) methods: Vec<String>,
    /// The id of the application credential of the login.
    pub(crate) credential: Option<String>,
    pub(crate) audit: String,
    pub(crate) issued: u64,
    pub(crate) expires: u64,
    end: Instant,
}

impl Token {
    pub(crate) fn new(user: String, scope: Scope, methods: Vec<String>, life: Duration) -> Self {
        let issued = clock::now();
        let micros = u64::try_from(life.as_micros()).unwrap_or(u64::MAX);
        Token {
            user,
            scope,
            methods,
            credential: None,
            audit: new_id().chars().take(22).collect(),
            issued,
            expires: issued.saturating_add(micros),
            end: Instant::now() + life,
        }
    }

    /// A token never outlives the one that it was created with.
    pub(crate) fn end_with(&mut self, other: &Token) {
        self.end = self.end.min(other.end);
        self.expires = self.expires.min(other.expires);
    }

    /// Whether it has expired, or was revoked with its user, its project or its roles.
    pub(crate) fn is_valid(&self, directory: &Directory) -> bool {
        let is_on = |table, id: &str| {
            directory.get(table, id).is_some_and(|resource| directory.is_enabled(resource))
        };
        self.end > Instant::now()
            && is_on(Table::Users, &self.user)
            && match &self.scope {
                Scope::Project(id) => is_on(Table::Projects, id),
                Scope::Domain(id) => is_on(Table::Domains, id),
                Scope::System | Scope::Unscoped => true,
            }
            && self.credential.as_ref().is_none_or(|id| directory.credentials.contains_key(id))
            && (self.scope == Scope::Unscoped || !self.roles(directory).is_empty())
    }

    /// The roles in its scope.
    pub(crate) fn roles<'a>(&self, directory: &'a Directory) -> Vec<&'a Resource> {
        let mut own = directory.roles(&self.user, &self.scope);
        if let Some(credential) =
            self.credential.as_ref().and_then(|id| directory.credentials.get(id))
        {
            let has_role = |role: &String| {
                directory
                    .with_implied(&own)
                    .iter()
                    .any(|it| it.get("id").is_some_and(|id| id == role))
            };
            own = credential.roles.iter().filter(|role| has_role(role)).cloned().collect();
        }
        directory.with_implied(&own)
    }
}
