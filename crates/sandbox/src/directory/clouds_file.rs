//! A `clouds.yaml` with one cloud for each user and project.

use std::fmt::Write as _;

use super::{Directory, REGIONS, Scope, Table, text};

/// The content of the file, with passwords. A user of one project has a cloud with the user's name, a user of
/// several has `USER-PROJECT`, and an application credential has `USER-NAME`.
pub(crate) fn clouds_file(directory: &Directory, auth_url: &str) -> (String, Vec<String>) {
    let (mut out, mut names) = ("clouds:\n".to_owned(), Vec::new());
    let mut entry = |name: String, auth_type: &str, auth: &[(&str, &str)]| {
        let region = REGIONS[0];
        let _ = write!(
            out,
            "  {}:\n    region_name: {region}\n    identity_api_version: '3'\n    auth_type: {auth_type}\n    \
             auth:\n      auth_url: {}\n",
            quoted(&name),
            quoted(auth_url),
        );
        for (key, value) in auth {
            let _ = writeln!(out, "      {key}: {}", quoted(value));
        }
        names.push(name);
    };
    let domain = |id: &str| directory.get(Table::Domains, id).map_or("", |it| text(it, "name"));
    for user in directory.order.iter().filter_map(|id| directory.get(Table::Users, id)) {
        let (id, name) = (text(user, "id"), text(user, "name"));
        let Some(password) = directory.passwords.get(id) else { continue };
        let mut projects: Vec<&str> = Vec::new();
        for it in directory.assignments.iter().filter(|it| it.user == id) {
            if let Scope::Project(project) = &it.scope
                && !projects.contains(&project.as_str())
            {
                projects.push(project);
            }
        }
        for id in &projects {
            let Some(project) = directory.get(Table::Projects, id) else { continue };
            let cloud = match projects.len() {
                1 => name.to_owned(),
                _ => format!("{name}-{}", text(project, "name")),
            };
            let auth = [
                ("username", name),
                ("password", password),
                ("user_domain_name", domain(text(user, "domain_id"))),
                ("project_name", text(project, "name")),
                ("project_domain_name", domain(text(project, "domain_id"))),
            ];
            entry(cloud, "password", &auth);
        }
        for (key, credential) in directory.credentials.iter().filter(|(_, it)| it.user == id) {
            let cloud = format!("{name}-{}", text(&credential.resource, "name"));
            let secret = &credential.secret;
            let auth =
                [("application_credential_id", &**key), ("application_credential_secret", secret)];
            entry(cloud, "v3applicationcredential", &auth);
        }
    }
    (out, names)
}

/// A scalar in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
