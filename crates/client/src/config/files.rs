//! Which files count, in openstacksdk's order.
//!
//! For each of `clouds`, `secure` and `clouds-public`: the file that `OS_CLIENT_CONFIG_FILE`,
//! `OS_CLIENT_SECURE_FILE` or `OS_CLIENT_VENDOR_FILE` names, else the first that is there of
//! `NAME.yaml`, `NAME.yml`, `NAME.json` in the working directory, `$XDG_CONFIG_HOME/openstack`,
//! `~/.config/openstack`, each of `$XDG_CONFIG_DIRS` + `/openstack`, `/etc/openstack`.
//!
//! Unlike there, a named file that is missing and a file that cannot be parsed are errors: skipping
//! them ends in a wrong cloud.

use std::path::{Path, PathBuf};

use openstack_sdk::config::{ConfigFile, ConfigFileBuilderError};

use super::{ConfigError, Surroundings};

/// Vendor profiles, clouds and secrets, merged in this order.
pub(super) fn load(at: &Surroundings) -> Result<ConfigFile, ConfigError> {
    let mut builder = ConfigFile::builder();
    let mut last = PathBuf::new();
    for (name, variable) in [
        ("clouds-public", "OS_CLIENT_VENDOR_FILE"),
        ("clouds", "OS_CLIENT_CONFIG_FILE"),
        ("secure", "OS_CLIENT_SECURE_FILE"),
    ] {
        if let Some(path) = find(name, variable, at)? {
            builder = builder.add_source(&path).map_err(|error| unusable(&path, &error))?;
            last = path;
        }
    }
    builder.build().map_err(|error| unusable(&last, &error))
}

/// `~/x` in the home directory; anything else as it is.
pub(super) fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

fn find(
    name: &str,
    variable: &'static str,
    at: &Surroundings,
) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(path) = at.variable(variable) {
        let path = expand_home(path);
        if !path.is_file() {
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

fn unusable(path: &Path, error: &ConfigFileBuilderError) -> ConfigError {
    let message = match error {
        ConfigFileBuilderError::FileParse { source, .. }
        | ConfigFileBuilderError::ConfigDeserialize { source, .. }
        | ConfigFileBuilderError::ConfigBuild { source } => source.to_string(),
        other => other.to_string(),
    };
    ConfigError::File { path: path.to_owned(), message: without_values(&message) }
}

/// A type error quotes the value it did not like, which may be a secret in the wrong place.
fn without_values(message: &str) -> String {
    let mut shown = String::new();
    for (index, part) in message.split('"').enumerate() {
        shown.push_str(if index % 2 == 0 { part } else { "…" });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::without_values;

    #[test]
    fn a_quoted_value_is_not_shown() {
        let message =
            r#"invalid type: string "hunter2", expected struct Auth for key `clouds.a.auth`"#;
        assert_eq!(
            without_values(message),
            "invalid type: string …, expected struct Auth for key `clouds.a.auth`"
        );
    }
}
