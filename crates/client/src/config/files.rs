//! The configuration files, found in openstacksdk's order.
//!
//! For each of `clouds`, `secure` and `clouds-public`: the file that `OS_CLIENT_CONFIG_FILE`,
//! `OS_CLIENT_SECURE_FILE` or `OS_CLIENT_VENDOR_FILE` names, or else the first existing file of `NAME.yaml`,
//! `NAME.yml`, `NAME.json` in the working directory, `$XDG_CONFIG_HOME/openstack`, `~/.config/openstack`,
//! each of `$XDG_CONFIG_DIRS` + `/openstack`, `/etc/openstack`.
//!
//! Unlike in openstacksdk, a named file that is missing and a file that cannot be parsed are errors, since
//! skipping them would select the wrong cloud.

use std::path::{Path, PathBuf};

use super::surroundings::Surroundings;
use super::yaml::{self, Map, Node};
use crate::ConfigError;

/// The content of the files.
#[derive(Default)]
pub(super) struct Files {
    /// `clouds` of clouds.yaml, merged with that of secure.yaml, which has priority.
    pub(super) clouds: Map,
    /// `public-clouds` of clouds-public.yaml: profiles that clouds refer to.
    pub(super) profiles: Map,
    /// The file with the clouds, for messages.
    pub(super) path: PathBuf,
}

/// Reads all files.
pub(super) fn load(at: &Surroundings) -> Result<Files, ConfigError> {
    let mut files = Files::default();
    if let Some(path) = find("clouds-public", "OS_CLIENT_VENDOR_FILE", at)? {
        files.profiles = section(&path, "public-clouds")?;
    }
    for (name, variable) in
        [("clouds", "OS_CLIENT_CONFIG_FILE"), ("secure", "OS_CLIENT_SECURE_FILE")]
    {
        if let Some(path) = find(name, variable, at)? {
            yaml::merge(&mut files.clouds, section(&path, "clouds")?);
            if files.path.as_os_str().is_empty() {
                files.path = path;
            }
        }
    }
    Ok(files)
}

/// The mapping under a key of a file; empty if there is none.
fn section(path: &Path, key: &str) -> Result<Map, ConfigError> {
    let unusable = |message: String| unusable(path, &message);
    let bytes = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let document = if path.extension().is_some_and(|suffix| suffix == "json") {
        let json = serde_json::from_slice(&bytes).map_err(|error| {
            unusable(format!("it is not JSON at line {} column {}", error.line(), error.column()))
        })?;
        Node::from_json(json)
    } else {
        let text =
            String::from_utf8(bytes).map_err(|_| unusable("it is not UTF-8 text".to_owned()))?;
        yaml::parse(&text).map_err(|message| unusable(without_values(&message)))?
    };
    let mut document = match document {
        Node::Map(map) => map,
        Node::Null => Map::new(),
        _ => return Err(unusable("it is not a mapping".to_owned())),
    };
    match document.remove(key) {
        None | Some(Node::Null) => Ok(Map::new()),
        Some(Node::Map(map)) => Ok(map),
        Some(_) => Err(unusable(format!("{key} is not a mapping"))),
    }
}

fn find(
    name: &str,
    variable: &'static str,
    at: &Surroundings,
) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(path) = at.variable(variable) {
        let path = at.expand_home(path);
        // A pipe is accepted, as a shell creates one for `<(…)`.
        if !path.exists() || path.is_dir() {
            return Err(ConfigError::MissingFile { variable, path });
        }
        return Ok(Some(path));
    }
    let candidates = directories(at).into_iter().flat_map(|directory| {
        ["yaml", "yml", "json"].map(|suffix| directory.join(format!("{name}.{suffix}")))
    });
    Ok(candidates.into_iter().find(|path| path.is_file()))
}

fn directories(at: &Surroundings) -> Vec<PathBuf> {
    let home = at.variable("HOME").map(PathBuf::from);
    let dot_config = home.map(|home| home.join(".config"));
    let user = at.variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| dot_config.clone());
    let site = at.variable("XDG_CONFIG_DIRS").unwrap_or("/etc/xdg");
    at.working_directory
        .clone()
        .into_iter()
        .chain([user, dot_config].into_iter().flatten().map(|d| d.join("openstack")))
        .chain(std::env::split_paths(site).map(|d| d.join("openstack")))
        .chain([PathBuf::from("/etc/openstack")])
        .collect()
}

/// The error for a file that exists and cannot be used.
pub(super) fn unusable(path: &Path, message: &str) -> ConfigError {
    ConfigError::File { path: path.to_owned(), message: message.to_owned() }
}

/// Removes quoted values from a parser's message, since they may be secrets.
fn without_values(message: &str) -> String {
    let mut shown = String::new();
    for (index, part) in message.split(['"', '\'']).enumerate() {
        shown.push_str(if index % 2 == 0 { part } else { "…" });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::without_values;

    #[test]
    fn a_quoted_value_is_not_shown() {
        let message = r#"invalid trailing content after "hunter2" at line 3"#;
        assert_eq!(without_values(message), "invalid trailing content after … at line 3");
    }
}
