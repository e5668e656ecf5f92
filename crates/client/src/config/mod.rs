//! Which cloud is meant, and how to reach it: `clouds.yaml`, `secure.yaml`, `OS_*` and options.
//!
//! The rules are those of openstacksdk and openstackclient:
//!
//! - the cloud is the one named by the caller, else by `OS_CLOUD`, else the one that `OS_*` variables
//!   describe (called `envvars`), else the only one in the file;
//! - files are found as [`files`] says, and nowhere else;
//! - options win over the file. Variables fill only gaps that are no part of who one is (region,
//!   interface, CA bundle, `insecure`) and a password that the file leaves out: a stray `OS_USERNAME`
//!   must not turn a cloud of the file into another one.

mod files;
mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use openstack_sdk::config::{CloudConfig, ConfigFile};
use secrecy::SecretString;
use url::Url;

use crate::Identity;
use crate::auth::{Basic, FixedToken, Keystone, NoAuth};

/// Why no cloud can be reached by what the files, the variables and the options say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The named cloud is in no file.
    #[error("there is no cloud called {name}{}", known_clouds(known))]
    UnknownCloud {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },

    /// No cloud was named, and there is none or more than one to choose from.
    #[error("no cloud was chosen{}", known_clouds(known))]
    NoCloud {
        /// The names there are.
        known: Vec<String>,
    },

    /// A file that was named by a variable is not there.
    #[error("{variable} names {}, which is not there", path.display())]
    MissingFile {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },

    /// A file is there but cannot be used.
    #[error("{} cannot be used: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; no value of it is shown.
        message: String,
    },

    /// A value is needed and missing.
    #[error("cloud {cloud} has no {key}")]
    Missing {
        /// The cloud.
        cloud: String,
        /// The key, as `clouds.yaml` spells it.
        key: &'static str,
    },

    /// A value is there and wrong.
    #[error("{key} of cloud {cloud} is not usable: {message}")]
    Invalid {
        /// The cloud.
        cloud: String,
        /// The key, as `clouds.yaml` spells it.
        key: &'static str,
        /// What is wrong with it.
        message: String,
    },

    /// The way to log in is none that is known here.
    #[error("auth_type {auth_type} of cloud {cloud} is not supported")]
    UnsupportedAuthType {
        /// The cloud.
        cloud: String,
        /// Its `auth_type`.
        auth_type: String,
    },
}

fn known_clouds(known: &[String]) -> String {
    if known.is_empty() {
        " (no clouds.yaml names any)".to_owned()
    } else {
        format!(" (known: {})", known.join(", "))
    }
}

/// What the caller asks for beyond files and variables.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CloudOptions {
    /// The name of the cloud.
    pub cloud: Option<String>,
    /// Settings that win over file and variables, by the name of the `OS_*` variable in lower case
    /// without its prefix: `region_name`, `cacert`, `auth_url`, …
    pub settings: BTreeMap<String, String>,
}

impl CloudOptions {
    /// The cloud of that name; `None` leaves the choice to `OS_CLOUD` and the files.
    #[must_use]
    pub fn named(cloud: Option<String>) -> Self {
        CloudOptions { cloud, settings: BTreeMap::new() }
    }

    /// Sets one of [`settings`](CloudOptions::settings).
    #[must_use]
    pub fn with_setting(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.insert(key.into(), value.into());
        self
    }
}

/// The surroundings that decide which files and variables count.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The environment's variables.
    pub variables: BTreeMap<String, String>,
    /// The working directory.
    pub working_directory: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Surroundings {
            variables: std::env::vars_os()
                .filter_map(|(key, value)| {
                    Some((key.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            working_directory: std::env::current_dir().ok(),
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// One cloud, ready to be reached.
#[derive(Clone, Debug)]
pub struct Cloud {
    name: String,
    config: CloudConfig,
}

/// How the service's certificate is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// A PEM bundle that is trusted beside the system's.
    pub cacert: Option<PathBuf>,
    /// Trust any certificate.
    pub insecure: bool,
}

impl Cloud {
    /// The cloud that options, variables and files of this process mean.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], with the file or the cloud it is about.
    pub fn load(options: &CloudOptions) -> Result<Cloud, ConfigError> {
        Cloud::load_from(options, &Surroundings::of_process())
    }

    /// The same for given surroundings.
    ///
    /// # Errors
    ///
    /// As [`Cloud::load`].
    pub fn load_from(options: &CloudOptions, at: &Surroundings) -> Result<Cloud, ConfigError> {
        let file = files::load(at)?;
        let variables = settings::from_variables(at);
        let from_variables = at.variable("OS_CLOUD_NAME").unwrap_or("envvars");
        let named = options.cloud.as_deref().or_else(|| at.variable("OS_CLOUD"));
        let described = settings::describe_a_cloud(&variables)
            || (named.is_none() && settings::describe_a_cloud(&options.settings));
        let known = known(&file, described.then_some(from_variables));
        let name = match named {
            Some(name) => name.to_owned(),
            None if described => from_variables.to_owned(),
            None if known.len() == 1 => known[0].clone(),
            None => return Err(ConfigError::NoCloud { known }),
        };
        let mut config = if described && name == from_variables {
            let mut config = CloudConfig::default();
            for (key, value) in &variables {
                settings::set(&mut config, key, value);
            }
            config
        } else {
            let found = file.get_cloud_config(&name).ok().flatten();
            let Some(mut config) = found else {
                return Err(ConfigError::UnknownCloud { name, known });
            };
            settings::fill_gaps(&mut config, &variables);
            config
        };
        for (key, value) in &options.settings {
            settings::set(&mut config, key, value);
        }
        settings::normalise(&mut config);
        config.name = Some(name.clone());
        let asked = file.cache.as_ref().and_then(|cache| cache.auth);
        config.auth_cache = config.auth_cache.or(asked).or(Some(false));
        Ok(Cloud { name, config })
    }

    /// The name of the cloud: that of the file, or `envvars`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the certificates of this cloud are judged.
    #[must_use]
    pub fn tls(&self) -> Tls {
        Tls {
            cacert: self.config.cacert.as_deref().map(files::expand_home),
            insecure: self.config.verify == Some(false),
        }
    }

    /// Who asks there. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`], [`ConfigError::Invalid`] or [`ConfigError::UnsupportedAuthType`].
    pub fn identity(&self) -> Result<Arc<dyn Identity>, ConfigError> {
        let auth = self.config.auth.clone().unwrap_or_default();
        let auth_type = self.config.auth_type.as_deref().unwrap_or("password");
        let interface = self.config.interface.as_deref().unwrap_or("public");
        if !matches!(interface, "public" | "internal" | "admin") {
            return Err(ConfigError::Invalid {
                cloud: self.name.clone(),
                key: "interface",
                message: format!("{interface} is none of public, internal and admin"),
            });
        }
        let endpoint = match settings::option(&self.config, "image_endpoint_override") {
            Some(url) => Some(("image_endpoint_override", url)),
            None => auth.endpoint.clone().map(|url| ("endpoint", url)),
        };
        let fixed_endpoint = || {
            let missing = ConfigError::Missing { cloud: self.name.clone(), key: "auth.endpoint" };
            let (key, url) = endpoint.clone().ok_or(missing)?;
            self.url(key, &url)
        };
        let secret = |value: &Option<SecretString>, key| {
            value.clone().ok_or(ConfigError::Missing { cloud: self.name.clone(), key })
        };
        Ok(match auth_type {
            "none" | "noauth" => Arc::new(NoAuth::new(fixed_endpoint()?)),
            "http_basic" => {
                let missing =
                    ConfigError::Missing { cloud: self.name.clone(), key: "auth.username" };
                let username = auth.username.as_deref().ok_or(missing)?;
                let password = secret(&auth.password, "auth.password")?;
                Arc::new(Basic::new(fixed_endpoint()?, username, &password))
            }
            "admin_token" | "token_endpoint" => {
                Arc::new(FixedToken::new(fixed_endpoint()?, secret(&auth.token, "auth.token")?))
            }
            known if KEYSTONE_AUTH_TYPES.contains(&known) => {
                let auth_url = auth.auth_url.as_deref().ok_or(ConfigError::Missing {
                    cloud: self.name.clone(),
                    key: "auth.auth_url",
                })?;
                self.url("auth.auth_url", auth_url)?;
                let given = settings::option(&self.config, "image_endpoint_override");
                let given =
                    given.map(|url| self.url("image_endpoint_override", &url)).transpose()?;
                Arc::new(Keystone::new(self.config.clone(), given, self.tls()))
            }
            other => {
                return Err(ConfigError::UnsupportedAuthType {
                    cloud: self.name.clone(),
                    auth_type: other.to_owned(),
                });
            }
        })
    }

    fn url(&self, key: &'static str, text: &str) -> Result<Url, ConfigError> {
        let invalid =
            |message: String| ConfigError::Invalid { cloud: self.name.clone(), key, message };
        let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("neither http nor https".to_owned()));
        }
        Ok(url)
    }
}

/// What `openstack_sdk` logs in with, under both spellings it takes.
const KEYSTONE_AUTH_TYPES: [&str; 12] = [
    "password",
    "v3password",
    "token",
    "v3token",
    "v3applicationcredential",
    "applicationcredential",
    "v3totp",
    "v3multifactor",
    "v3oidcaccesstoken",
    "accesstoken",
    "v3oidcclientcredentials",
    "clientcredentials",
];

fn known(file: &ConfigFile, from_variables: Option<&str>) -> Vec<String> {
    let mut known = file.get_available_clouds();
    known.sort();
    known.extend(from_variables.map(str::to_owned));
    known
}
