//! The choice of a cloud and its settings: `clouds.yaml`, `secure.yaml`, `OS_*` variables and options.
//!
//! The rules are those of openstacksdk and openstackclient:
//!
//! - the cloud is the one that the caller names, or else `OS_CLOUD`, or else the one that `OS_*` variables
//!   describe (named `envvars`), or else the only one in the file;
//! - files are searched for as described in [`files`], and nowhere else;
//! - options override the file. Variables only add missing values that are not part of the user's identity
//!   (region, interface, certificates, `insecure`) and a secret that the file omits: a left-over
//!   `OS_USERNAME` must not change the user of a cloud in the file.

mod files;
mod keys;
mod login;
mod options;
mod settings;
mod surroundings;
mod yaml;

use std::fmt;
use std::sync::Arc;

pub use options::CloudOptions;
pub use surroundings::Surroundings;

use self::files::Files;
use self::settings::{Settings, is_false, is_true};
use self::yaml::{Map, Node};
use crate::transport::{HttpClient, HttpOptions};
use crate::{ConfigError, Identity};

/// One cloud with the settings that a connection needs.
#[derive(Clone)]
pub struct Cloud {
    name: String,
    settings: Settings,
    http: HttpOptions,
    notes: Vec<String>,
}

impl Cloud {
    /// The cloud that the options, and the variables and files of this process, select.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], with the file or the cloud that it concerns.
    pub fn load(options: &CloudOptions) -> Result<Cloud, ConfigError> {
        Cloud::load_from(options, &Surroundings::of_process())
    }

    /// The same for a given environment.
    ///
    /// # Errors
    ///
    /// As [`Cloud::load`].
    pub fn load_from(options: &CloudOptions, at: &Surroundings) -> Result<Cloud, ConfigError> {
        let mut files = files::load(at)?;
        let variables = variables(at);
        let from_variables = at.variable("OS_CLOUD_NAME").unwrap_or("envvars");
        let named = options.cloud.as_deref().or_else(|| at.variable("OS_CLOUD"));
        let described = settings::describe_a_cloud(variables.iter().map(|(key, _)| &**key))
            || (named.is_none()
                && settings::describe_a_cloud(options.settings().map(|(key, _)| key)));
        let known = known(&files, described.then_some(from_variables));
        let name = match (named, &*known) {
            (Some(name), _) => name.to_owned(),
            (None, _) if described => from_variables.to_owned(),
            (None, [only]) => only.clone(),
            (None, _) => return Err(ConfigError::NoCloud { known }),
        };
        let mut notes = Vec::new();
        let mut settings = if described && name == from_variables {
            let mut settings = Settings::default();
            for (key, value) in &variables {
                settings.set(key, value);
            }
            settings
        } else {
            let Some(cloud) = files.clouds.remove(&name) else {
                return Err(ConfigError::UnknownCloud { name, known });
            };
            let region = options.settings().find(|(key, _)| *key == "region_name");
            let region = region.map(|(_, value)| value).filter(|region| !region.is_empty());
            let region = region.or_else(|| at.variable("OS_REGION_NAME"));
            from_file(&name, cloud, &files, region, &variables, &mut notes)?
        };
        for (key, value) in options.settings() {
            settings.set(key, value);
        }
        settings.normalise();
        let http = http_options(&settings, at);
        Ok(Cloud { name, settings, http, notes })
    }

    /// The name of the cloud: the one in the file, or `envvars`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The options of requests to this cloud: its certificates, and those that the caller has set.
    #[must_use]
    pub fn http_options(&self) -> &HttpOptions {
        &self.http
    }

    /// Sets the options of requests to this cloud, instead of those in its configuration.
    #[must_use]
    pub fn with_http_options(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// Ignored parts of the configuration: unknown keys, an unknown profile. Values are not shown.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The identity for this cloud. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`], [`ConfigError::Invalid`] or [`ConfigError::UnsupportedAuthType`].
    pub fn identity(&self) -> Result<Arc<dyn Identity>, ConfigError> {
        self.identity_over(|| HttpClient::new(&self.name, &self.http))
    }

    /// The same with an existing HTTP client, or one that is created when needed.
    pub(crate) fn identity_over(
        &self,
        http: impl FnOnce() -> Result<HttpClient, ConfigError>,
    ) -> Result<Arc<dyn Identity>, ConfigError> {
        login::identity(&self.name, &self.settings, http)
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud")
            .field("name", &self.name)
            .field("http", &self.http)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

/// `OS_*` variables in lower case without the prefix. Those with outdated names come first.
fn variables(at: &Surroundings) -> Vec<(String, String)> {
    let mut variables: Vec<_> = at
        .variables
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(key, value)| Some((key.strip_prefix("OS_")?.to_lowercase(), value.clone())))
        .collect();
    variables.sort_by_key(|(key, _)| keys::canonical(key) == *key);
    variables
}

/// A cloud of a file, with the missing values that variables may add.
fn from_file(
    name: &str,
    cloud: Node,
    files: &Files,
    region: Option<&str>,
    variables: &[(String, String)],
    notes: &mut Vec<String>,
) -> Result<Settings, ConfigError> {
    let unusable = |message: String| files::unusable(&files.path, &message);
    let cloud = match cloud {
        Node::Map(cloud) => cloud,
        Node::Null => Map::new(),
        _ => return Err(unusable(format!("clouds.{name} is not a mapping"))),
    };
    let mut settings =
        Settings::from_file(name, cloud, &files.profiles, notes).map_err(unusable)?;
    settings.choose_region(name, region, notes, unusable)?;
    let variable = |key: &str| {
        let found = variables.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.clone())
    };
    settings.fill_gaps(variable);
    Ok(settings)
}

fn http_options(settings: &Settings, at: &Surroundings) -> HttpOptions {
    let mut options = HttpOptions::default();
    let verify = settings.text("verify");
    let insecure = is_true(settings.text("insecure")) || verify.is_some_and(is_false);
    options.insecure = insecure;
    // `verify` may name the trusted certificates.
    let path = verify.filter(|text| !is_false(text) && !is_true(Some(text)));
    let bundle = settings.text("cacert").or(path);
    // The fallback of the Python library requests, and so of openstackclient.
    let of_requests = || {
        let variables = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
        variables
            .iter()
            .find_map(|name| at.variable(name))
            .filter(|path| at.expand_home(path).exists())
    };
    options.ca_file = bundle.or_else(of_requests).map(|path| at.expand_home(path));
    if let Some(certificate) = settings.text("cert") {
        let key = settings.text("key").map(|path| at.expand_home(path));
        options = options.with_client_certificate(at.expand_home(certificate), key);
    }
    options
}

fn known(files: &Files, from_variables: Option<&str>) -> Vec<String> {
    files.clouds.keys().cloned().chain(from_variables.map(str::to_owned)).collect()
}
