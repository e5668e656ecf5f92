//! The file of users: domains, projects, and users with their roles.

use std::path::Path;

use digest::Digest as _;
use serde_json::{Map, Value};

use super::built_in::{domain, project, role_id, user};
use super::{DOMAIN, Directory, Scope, Table, Users, text, yaml};
use crate::error::Error;

const ROOT: [&str; 3] = ["domains", "projects", "users"];
const OF_PROJECT: [&str; 3] = ["name", "id", "domain"];
const OF_USER: [&str; 8] =
    ["name", "id", "password", "domain", "project", "role", "roles", "application_credentials"];
const OF_CREDENTIAL: [&str; 4] = ["name", "id", "secret", "project"];

impl Users {
    /// Reads a YAML or JSON file.
    ///
    /// ```yaml
    /// users:
    ///   - name: alice
    ///     password: wonderland
    ///     project: rabbits
    ///     role: member            # the default
    ///     application_credentials:
    ///       - name: ci
    ///         secret: tea-party
    ///   - name: root
    ///     password: queen
    ///     roles:                  # several projects
    ///       admin: admin
    ///       rabbits: reader
    /// projects:                   # only for an id, a domain, or a project without users
    ///   - name: rabbits
    ///     id: 3f2b6c1d9a8e4f70b1c2d3e4f5a6b7c8
    /// ```
    ///
    /// A project or domain that a user names need not be listed. Ids that are not given are derived from the
    /// names, so they are the same after a restart.
    ///
    /// # Errors
    ///
    /// [`Error::Users`] if the file cannot be read or its content is not valid.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |reason: String| Error::Users { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        Users::parse(&text).map_err(failed)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let document = yaml::parse(text)?;
        let root = fields(&document, "the file", &ROOT)?;
        let mut directory = Directory::empty();
        for name in list(root, "domains")? {
            let name = name.as_str().ok_or("`domains` is a list of names")?;
            domain_id(&mut directory, name);
        }
        for entry in list(root, "projects")? {
            let fields = fields(entry, "a project", &OF_PROJECT)?;
            let name = required(fields, "name", "a project")?;
            let domain = domain_id(&mut directory, optional(fields, "domain")?.unwrap_or(DOMAIN.0));
            let id = optional(fields, "id")?;
            add_project(&mut directory, name, &domain, id);
        }
        let users = list(root, "users")?;
        if users.is_empty() {
            return Err("it has no `users`".to_owned());
        }
        for entry in users {
            add_user(&mut directory, entry)?;
        }
        Ok(Users(directory))
    }
}

fn add_user(directory: &mut Directory, entry: &Value) -> Result<(), String> {
    let given = fields(entry, "a user", &OF_USER)?;
    let name = required(given, "name", "a user")?;
    let what = format!("user {name}");
    let password = required(given, "password", &what)?;
    let domain = domain_id(directory, optional(given, "domain")?.unwrap_or(DOMAIN.0));
    let id = optional(given, "id")?.map_or_else(|| derived("user", name, &domain), str::to_owned);
    if directory.named(Table::Users, name, &domain).is_some()
        || directory.get(Table::Users, &id).is_some()
    {
        return Err(format!("{what} is listed twice"));
    }
    let mut roles: Vec<(&str, &str)> = Vec::new();
    if let Some(project) = optional(given, "project")? {
        roles.push((project, optional(given, "role")?.unwrap_or("member")));
    } else if given.contains_key("role") {
        return Err(format!("{what} has a `role` without a `project`"));
    }
    if let Some(more) = given.get("roles") {
        let more = more.as_object().ok_or_else(|| {
            format!("`roles` of {what} is a mapping of projects to roles, as in `demo: member`")
        })?;
        for (project, role) in more {
            let role = role
                .as_str()
                .ok_or_else(|| format!("the role of {what} in project {project} is not a text"))?;
            roles.push((project, role));
        }
    }
    let mut resource = user(&id, name, &domain);
    let mut first = None;
    for (project, role) in roles {
        let project = add_project(directory, project, &domain, None);
        let Some(role) = directory.named(Table::Roles, role, "") else {
            return Err(format!(
                "{what} has the unknown role {role}; the roles are admin, manager, member, reader \
                 and service"
            ));
        };
        let role = text(role, "id").to_owned();
        if first.is_none() {
            resource.insert("default_project_id".into(), project.clone().into());
            first = Some(project.clone());
        }
        // An administrator also administers the domain and the system, as after `keystone-manage bootstrap`.
        if role == role_id("admin") {
            directory.assign(&id, Scope::System, &role);
            directory.assign(&id, Scope::Domain(domain.clone()), &role);
        }
        directory.assign(&id, Scope::Project(project), &role);
    }
    directory.insert(Table::Users, resource);
    directory.set_password(&id, password);
    for entry in list(given, "application_credentials")? {
        let what = format!("an application credential of {what}");
        let given = fields(entry, &what, &OF_CREDENTIAL)?;
        let name = required(given, "name", &what)?;
        let secret = required(given, "secret", &what)?;
        let project = match optional(given, "project")? {
            Some(project) => add_project(directory, project, &domain, None),
            None => first.clone().ok_or_else(|| format!("{what} needs a `project`"))?,
        };
        let key = optional(given, "id")?
            .map_or_else(|| derived("application credential", name, &id), str::to_owned);
        let roles = directory.roles(&id, &Scope::Project(project.clone()));
        let all = directory.with_implied(&roles);
        let all: Vec<String> = all.iter().map(|role| text(role, "id").to_owned()).collect();
        if all.is_empty() {
            return Err(format!("{what} is for a project in which the user has no role"));
        }
        directory.add_credential(&key, name, secret, (&id, &project), all);
    }
    Ok(())
}

/// The id of a domain, which is created if needed.
fn domain_id(directory: &mut Directory, name: &str) -> String {
    if let Some(known) = directory.named(Table::Domains, name, "") {
        return text(known, "id").to_owned();
    }
    let id = derived("domain", name, "");
    directory.insert(Table::Domains, domain(&id, name));
    id
}

/// The id of a project, which is created if needed.
fn add_project(directory: &mut Directory, name: &str, domain: &str, id: Option<&str>) -> String {
    if let Some(known) = directory.named(Table::Projects, name, domain) {
        return text(known, "id").to_owned();
    }
    let id = id.map_or_else(|| derived("project", name, domain), str::to_owned);
    directory.insert(Table::Projects, project(&id, name, domain));
    id
}

/// An id that depends only on the names.
fn derived(kind: &str, name: &str, owner: &str) -> String {
    let sum = md5::Md5::digest(format!("{kind}\0{name}\0{owner}"));
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fields<'a>(
    value: &'a Value,
    what: &str,
    known: &[&str],
) -> Result<&'a Map<String, Value>, String> {
    let map = value.as_object().ok_or_else(|| {
        format!("{what} is not a mapping; expected the keys {}", known.join(", "))
    })?;
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => {
            Err(format!("{what} has the unknown key `{key}`; expected {}", known.join(", ")))
        }
        None => Ok(map),
    }
}

fn list<'a>(map: &'a Map<String, Value>, key: &str) -> Result<&'a [Value], String> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(format!("`{key}` is not a list")),
    }
}

fn optional<'a>(map: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, String> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(format!("`{key}` is not a text")),
    }
}

fn required<'a>(map: &'a Map<String, Value>, key: &str, what: &str) -> Result<&'a str, String> {
    optional(map, key)?.ok_or_else(|| format!("{what} has no `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        Users::parse(text).map(|_| ()).unwrap_err()
    }

    #[test]
    fn users_get_their_projects_and_roles() {
        let Users(directory) = Users::parse(
            "projects:\n  - {name: rabbits, id: p1}\nusers:\n  - name: alice\n    password: 0123\n    \
             roles: {rabbits: reader, hats: member}\n  - {name: root, password: q, project: hats, role: admin}\n",
        )
        .unwrap();
        let alice = text(directory.named(Table::Users, "alice", "default").unwrap(), "id");
        assert!(directory.has_password(alice, &"0123".into()));
        assert_eq!(directory.roles(alice, &Scope::Project("p1".into())), [role_id("reader")]);
        let root = text(directory.named(Table::Users, "root", "default").unwrap(), "id");
        assert_eq!(directory.roles(root, &Scope::System), [role_id("admin")]);
    }

    #[test]
    fn an_invalid_file_is_reported_with_the_place() {
        for (text, words) in [
            ("", "the file is not a mapping"),
            ("users: []", "no `users`"),
            ("user: []", "unknown key `user`"),
            ("users: [{name: a}]", "user a has no `password`"),
            ("users: [{name: a, passwort: b}]", "unknown key `passwort`"),
            ("users: [{name: a, password: b, role: x}]", "`role` without a `project`"),
            ("users: [{name: a, password: b, project: p, role: x}]", "unknown role x"),
            ("users: [{name: a, password: b}, {name: a, password: c}]", "listed twice"),
            ("users: [{name: a, password: b, roles: [x]}]", "mapping of projects to roles"),
            (
                "users: [{name: a, password: b, application_credentials: [{name: c, secret: d}]}]",
                "needs a `project`",
            ),
        ] {
            assert!(reason(text).contains(words), "{text}: {}", reason(text));
        }
    }
}
