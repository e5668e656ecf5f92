//! The users, projects and roles of the identity service, in memory.

mod built_in;
mod clouds_file;
mod token;
mod users_file;
mod yaml;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde_json::{Map, Value, json};

pub use built_in::{
    ADMIN, ADMIN_PROJECT, APPLICATION_CREDENTIAL, OTHER_PROJECT, OTHER_PROJECT_ID, OTHER_USER,
    PASSWORD, PROJECT, PROJECT_ID, READER, REGIONS, USER,
};
pub(crate) use clouds_file::clouds_file;
pub(crate) use token::Token;

/// A resource of the Identity API in its form on the wire, without links.
pub(crate) type Resource = Map<String, Value>;

/// The name and the id of the first domain.
pub(crate) const DOMAIN: (&str, &str) = ("Default", "default");

/// A collection of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Domains,
    Projects,
    Users,
    Groups,
    Roles,
    Regions,
    Services,
    Endpoints,
}

/// The target of a role, and the scope of a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Project(String),
    Domain(String),
    System,
    /// No role at all.
    Unscoped,
}

/// A role of a user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Assignment {
    pub(crate) user: String,
    pub(crate) scope: Scope,
    pub(crate) role: String,
}

/// An application credential: a login with a secret instead of a password.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) user: String,
    pub(crate) project: String,
    /// The ids of its roles.
    pub(crate) roles: Vec<String>,
    pub(crate) secret: String,
    pub(crate) resource: Resource,
}

/// The users, projects and roles of a service with tokens.
///
/// By default these are the four users of the test cloud; [`Users::read`] takes them from a file.
#[derive(Clone, Debug)]
pub struct Users(pub(crate) Directory);

/// All resources.
#[derive(Clone, Default)]
pub(crate) struct Directory {
    tables: BTreeMap<Table, BTreeMap<String, Resource>>,
    passwords: HashMap<String, String>,
    /// The ids of users in the order of their file.
    order: Vec<String>,
    pub(crate) assignments: BTreeSet<Assignment>,
    pub(crate) credentials: BTreeMap<String, Credential>,
}

impl fmt::Debug for Directory {
    /// Shows no passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl Directory {
    pub(crate) fn all(&self, table: Table) -> impl Iterator<Item = &Resource> {
        self.tables.get(&table).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn get(&self, table: Table, id: &str) -> Option<&Resource> {
        self.tables.get(&table)?.get(id)
    }

    pub(crate) fn get_mut(&mut self, table: Table, id: &str) -> Option<&mut Resource> {
        self.tables.get_mut(&table)?.get_mut(id)
    }

    /// The resource with this name, in this domain if its table has domains.
    pub(crate) fn named(&self, table: Table, name: &str, domain: &str) -> Option<&Resource> {
        let has_domain = matches!(table, Table::Projects | Table::Users | Table::Groups);
        self.all(table).find(|resource| {
            text(resource, "name") == name && (!has_domain || text(resource, "domain_id") == domain)
        })
    }

    pub(crate) fn insert(&mut self, table: Table, resource: Resource) {
        let id = text(&resource, "id").to_owned();
        self.tables.entry(table).or_default().insert(id, resource);
    }

    /// Removes a resource with the roles and credentials that depend on it.
    pub(crate) fn remove(&mut self, table: Table, id: &str) -> Option<Resource> {
        let removed = self.tables.get_mut(&table)?.remove(id)?;
        let target = match table {
            Table::Projects => Scope::Project(id.to_owned()),
            Table::Domains => Scope::Domain(id.to_owned()),
            _ => Scope::Unscoped,
        };
        self.assignments.retain(|it| it.user != id && it.role != id && it.scope != target);
        self.credentials.retain(|_, it| it.user != id && it.project != id);
        self.passwords.remove(id);
        Some(removed)
    }

    pub(crate) fn set_password(&mut self, user: &str, password: &str) {
        if self.passwords.insert(user.to_owned(), password.to_owned()).is_none() {
            self.order.push(user.to_owned());
        }
    }

    pub(crate) fn has_password(&self, user: &str, password: &Value) -> bool {
        self.passwords.get(user).is_some_and(|known| password == known)
    }

    /// The ids of the user's roles in a scope, without those that a role implies.
    pub(crate) fn roles(&self, user: &str, scope: &Scope) -> Vec<String> {
        let own = self.assignments.iter().filter(|it| it.user == user && it.scope == *scope);
        own.map(|it| it.role.clone()).collect()
    }

    /// These roles and all that they imply: an administrator is also a member, and so on.
    pub(crate) fn with_implied(&self, roles: &[String]) -> Vec<&Resource> {
        let mut names: Vec<&str> = Vec::new();
        for role in roles.iter().filter_map(|id| self.get(Table::Roles, id)) {
            let name = text(role, "name");
            let at = IMPLIED.iter().position(|known| *known == name);
            names.push(name);
            names.extend(at.map_or(&[][..], |at| &IMPLIED[at + 1..]));
        }
        self.all(Table::Roles).filter(|role| names.contains(&text(role, "name"))).collect()
    }

    /// Whether a resource and its domain are enabled.
    pub(crate) fn is_enabled(&self, resource: &Resource) -> bool {
        let domain = self.get(Table::Domains, text(resource, "domain_id"));
        let is_on = |resource: &Resource| resource.get("enabled") != Some(&json!(false));
        is_on(resource) && domain.is_none_or(is_on)
    }
}

/// Each role implies the following ones.
const IMPLIED: [&str; 4] = ["admin", "manager", "member", "reader"];

pub(crate) fn text<'a>(resource: &'a Resource, key: &str) -> &'a str {
    resource.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A new id in the form of Keystone.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
