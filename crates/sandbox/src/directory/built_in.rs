//! The users of a service without a file of users: those of the test cloud.

use serde_json::{Value, json};

use super::{Assignment, Credential, DOMAIN, Directory, Resource, Scope, Table, Users};

/// The default user, a member of [`PROJECT`].
pub const USER: &str = "demo";
/// The password of every user.
pub const PASSWORD: &str = "secret";
/// The project of [`USER`].
pub const PROJECT: &str = "demo";
/// The id of [`PROJECT`], which owns the images of [`USER`].
pub const PROJECT_ID: &str = "b9bd5e30605c4b1c837e5e29b527e31e";
/// A user with read access to the images of [`PROJECT`].
pub const READER: &str = "demo-reader";
/// A member of [`OTHER_PROJECT`].
pub const OTHER_USER: &str = "other";
/// Another project.
pub const OTHER_PROJECT: &str = "other";
/// The id of [`OTHER_PROJECT`], as used for the members of an image.
pub const OTHER_PROJECT_ID: &str = "5c3f6b8a7d2e4f1f9a0b1c2d3e4f5a6b";
/// The administrator.
pub const ADMIN: &str = "admin";
/// The project of [`ADMIN`].
pub const ADMIN_PROJECT: &str = "admin";
/// The regions of the catalog, all with the same service.
pub const REGIONS: [&str; 2] = ["RegionOne", "RegionTwo"];
/// The id and the secret of the application credential of [`USER`].
pub const APPLICATION_CREDENTIAL: (&str, &str) = ("2f6a4f0a9c1b4b0f8d0d6b1f0a5e7c31", "app-secret");

const ADMIN_PROJECT_ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const USER_ID: &str = "4a9ed8ca4f8241d9b83e8723f84d5812";
const ADMIN_ID: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";

/// Name and id of a user, the id of its project, and its role there.
const USERS: [(&str, &str, &str, &str); 4] = [
    (USER, USER_ID, PROJECT_ID, "member"),
    (READER, "8d7c6b5a49384756a1b2c3d4e5f60718", PROJECT_ID, "reader"),
    (OTHER_USER, "1b2c3d4e5f60718293a4b5c6d7e8f901", OTHER_PROJECT_ID, "member"),
    (ADMIN, ADMIN_ID, ADMIN_PROJECT_ID, "admin"),
];

/// The roles that Keystone creates.
const ROLES: [&str; 5] = ["admin", "manager", "member", "reader", "service"];

impl Default for Users {
    fn default() -> Self {
        let mut directory = Directory::empty();
        for (name, id) in [
            (PROJECT, PROJECT_ID),
            (OTHER_PROJECT, OTHER_PROJECT_ID),
            (ADMIN_PROJECT, ADMIN_PROJECT_ID),
        ] {
            directory.insert(Table::Projects, project(id, name, DOMAIN.1));
        }
        for (name, id, project, role) in USERS {
            let mut user = user(id, name, DOMAIN.1);
            user.insert("default_project_id".into(), project.into());
            directory.insert(Table::Users, user);
            directory.set_password(id, PASSWORD);
            let scope = Scope::Project(project.to_owned());
            directory.assign(id, scope, &role_id(role));
        }
        directory.assign(ADMIN_ID, Scope::System, &role_id("admin"));
        directory.assign(ADMIN_ID, Scope::Domain(DOMAIN.1.to_owned()), &role_id("admin"));
        let (id, secret) = APPLICATION_CREDENTIAL;
        let roles = vec![role_id("member"), role_id("reader")];
        directory.add_credential(id, "imgpush", secret, (USER_ID, PROJECT_ID), roles);
        Users(directory)
    }
}

impl Directory {
    /// The first domain, the roles and the regions, without users.
    pub(super) fn empty() -> Self {
        let mut directory = Directory::default();
        directory.insert(Table::Domains, domain(DOMAIN.1, DOMAIN.0));
        for name in ROLES {
            let role = json!({
                "id": role_id(name), "name": name, "domain_id": null, "description": null,
                "options": {},
            });
            directory.insert(Table::Roles, object(role));
        }
        for id in REGIONS {
            let region = json!({"id": id, "description": "", "parent_region_id": null});
            directory.insert(Table::Regions, object(region));
        }
        for (id, kind) in [("glance", "image"), ("keystone", "identity")] {
            let service = json!({"id": id, "type": kind, "name": id, "enabled": true});
            directory.insert(Table::Services, object(service));
        }
        directory
    }

    pub(crate) fn assign(&mut self, user: &str, scope: Scope, role: &str) {
        let (user, role) = (user.to_owned(), role.to_owned());
        self.assignments.insert(Assignment { user, scope, role });
    }

    /// Adds an application credential of a user for a project.
    pub(crate) fn add_credential(
        &mut self,
        id: &str,
        name: &str,
        secret: &str,
        (user, project): (&str, &str),
        roles: Vec<String>,
    ) -> &mut Credential {
        let shown = |role: &String| {
            let role = self.get(Table::Roles, role)?;
            Some(json!({"id": role["id"], "name": role["name"], "domain_id": null}))
        };
        let shown: Vec<Value> = roles.iter().filter_map(shown).collect();
        let resource = object(json!({
            "id": id, "name": name, "description": null, "project_id": project,
            "user_id": user, "unrestricted": false, "expires_at": null, "system": null,
            "roles": shown,
        }));
        let (user, project) = (user.to_owned(), project.to_owned());
        let credential = Credential { user, project, roles, secret: secret.to_owned(), resource };
        self.credentials.entry(id.to_owned()).insert_entry(credential).into_mut()
    }
}

pub(super) fn role_id(name: &str) -> String {
    format!("{name:0>32}")
}

pub(super) fn domain(id: &str, name: &str) -> Resource {
    object(json!({
        "id": id, "name": name, "description": "", "enabled": true, "tags": [], "options": {},
    }))
}

pub(super) fn project(id: &str, name: &str, domain: &str) -> Resource {
    object(json!({
        "id": id, "name": name, "domain_id": domain, "description": "", "enabled": true,
        "parent_id": domain, "is_domain": false, "tags": [], "options": {},
    }))
}

pub(super) fn user(id: &str, name: &str, domain: &str) -> Resource {
    object(json!({
        "id": id, "name": name, "domain_id": domain, "enabled": true, "default_project_id": null,
        "password_expires_at": null, "options": {},
    }))
}

fn object(value: Value) -> Resource {
    match value {
        Value::Object(object) => object,
        _ => Resource::new(),
    }
}
