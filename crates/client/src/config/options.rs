//! Settings by the caller, in addition to files and variables.

use std::collections::BTreeMap;
use std::fmt;

use super::keys;
use crate::Secret;

/// The choice of a cloud, and settings that override files and variables.
///
/// `Debug` shows only values that cannot be secret.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct CloudOptions {
    /// The name of the cloud.
    pub cloud: Option<String>,
    settings: BTreeMap<String, Secret>,
}

impl CloudOptions {
    /// The cloud with this name; `None` leaves the choice to `OS_CLOUD` and the files.
    #[must_use]
    pub fn named(cloud: Option<String>) -> Self {
        CloudOptions { cloud, settings: BTreeMap::new() }
    }

    /// Sets the name of the cloud.
    #[must_use]
    pub fn with_cloud(mut self, cloud: impl Into<String>) -> Self {
        self.cloud = Some(cloud.into());
        self
    }

    /// Sets a value that overrides file and variables, by the name of the `OS_*` variable in lower case
    /// without its prefix: `region_name`, `cacert`, `auth_url`, …
    #[must_use]
    pub fn with_setting(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.insert(key.into(), Secret::new(value));
        self
    }

    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.iter().map(|(key, value)| (&**key, value.expose()))
    }
}

impl fmt::Debug for CloudOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(key, value): (&str, &'_ str)| {
            let shown = if keys::is_public(key) { value.to_owned() } else { "…".to_owned() };
            (key.to_owned(), shown)
        };
        f.debug_struct("CloudOptions")
            .field("cloud", &self.cloud)
            .field("settings", &self.settings().map(shown).collect::<BTreeMap<_, _>>())
            .finish()
    }
}
