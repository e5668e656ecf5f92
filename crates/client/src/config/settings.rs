//! The settings of one cloud, merged from a profile, files, variables and options.

use super::keys::{canonical, is_auth, is_known};
use super::yaml::{Map, Node};
use crate::ConfigError;

/// The settings of a cloud, by the current names of the keys. It has no `Debug`, since it holds secrets.
#[derive(Clone, Default)]
pub(super) struct Settings {
    cloud: Map,
    auth: Map,
}

impl Settings {
    /// The settings of a cloud in a file, which override the profile that it names. Ignored parts are added
    /// to `notes`.
    ///
    /// # Errors
    ///
    /// A message about a value of the wrong type.
    pub(super) fn from_file(
        name: &str,
        cloud: Map,
        profiles: &Map,
        notes: &mut Vec<String>,
    ) -> Result<Settings, String> {
        let mut settings = Settings::default();
        let profile = ["profile", "cloud"].iter().find_map(|key| cloud.get(*key)?.text());
        if let Some(profile) = profile {
            match profiles.get(profile) {
                Some(Node::Map(map)) => {
                    settings.merge_cloud(
                        &format!("public-clouds.{profile}"),
                        map.clone(),
                        notes,
                    )?;
                }
                _ => notes.push(format!("cloud {name}: unknown profile {profile}")),
            }
        }
        settings.merge_cloud(&format!("clouds.{name}"), cloud, notes)?;
        Ok(settings)
    }

    /// Merges a cloud's mapping, which has priority. Empty values are ignored.
    fn merge_cloud(
        &mut self,
        place: &str,
        cloud: Map,
        notes: &mut Vec<String>,
    ) -> Result<(), String> {
        let mut unknown = Vec::new();
        let mut beside = Map::new();
        let mut auth = Map::new();
        for (old, key, value) in by_current_names(cloud) {
            match value {
                Node::Map(map) if key == "auth" => auth = map,
                Node::Null => {}
                Node::Text(text) if text.is_empty() => {}
                _ if key == "auth" => {
                    return Err(format!("{place}.auth is not a mapping"));
                }
                value if is_auth(&key) => {
                    beside.insert(key, value);
                }
                value => {
                    if !is_known(&key) {
                        unknown.push(old);
                    }
                    self.cloud.insert(key, value);
                }
            }
        }
        for (old, key, value) in by_current_names(auth) {
            if value == Node::Null || value == Node::Text(String::new()) {
                continue;
            }
            if !is_auth(&key) {
                unknown.push(format!("auth.{old}"));
            }
            self.auth.insert(key, value);
        }
        // Keys beside `auth` have priority over the same keys in it, as in openstackclient.
        self.auth.append(&mut beside);
        if !unknown.is_empty() {
            notes.push(format!("{place}: unknown keys are ignored: {}", unknown.join(", ")));
        }
        Ok(())
    }

    /// Sets the value of `key`; an empty value changes nothing.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let key = canonical(key);
        // Both determine whether certificates are verified; the later one applies.
        match &*key {
            "verify" => drop(self.cloud.remove("insecure")),
            "insecure" if self.text("verify").is_some_and(is_false) => {
                self.cloud.remove("verify");
            }
            _ => {}
        }
        let to = if is_auth(&key) { &mut self.auth } else { &mut self.cloud };
        to.insert(key, Node::Text(value.to_owned()));
    }

    /// Adds those missing values that a cloud of a file may take from variables.
    pub(super) fn fill_gaps(&mut self, variable: impl Fn(&str) -> Option<String>) {
        let has = |settings: &Settings, key: &str| settings.cloud.contains_key(key);
        let mut open = vec!["interface"];
        if !has(self, "region_name") && !has(self, "regions") {
            open.push("region_name");
        }
        if !has(self, "verify") && !has(self, "insecure") {
            open.push("insecure");
        }
        for key in ["cacert", "cert", "key", "default_domain"] {
            if !has(self, key) {
                open.push(key);
            }
        }
        let any = |keys: &[&str]| keys.iter().any(|key| self.auth.contains_key(*key));
        // Each secret, and the keys that show that it is needed.
        for (secret, wanted) in [
            ("password", any(&["username", "user_id"]) && !any(&["application_credential_secret"])),
            ("passcode", any(&["username", "user_id"])),
            (
                "application_credential_secret",
                any(&["application_credential_id", "application_credential_name"]),
            ),
            ("access_token", any(&["identity_provider"])),
            ("client_secret", any(&["client_id"])),
            ("default_domain_id", !any(&["default_domain_id", "default_domain_name"])),
            ("default_domain_name", !any(&["default_domain_id", "default_domain_name"])),
        ] {
            if wanted && !any(&[secret]) {
                open.push(secret);
            }
        }
        for key in open {
            let old = if key == "interface" { "endpoint_type" } else { key };
            if let Some(value) = variable(key).or_else(|| variable(old)) {
                self.set(key, &value);
            }
        }
    }

    /// Chooses one of the cloud's `regions`: the requested one, or else the first. Its values have priority
    /// over those of the cloud.
    ///
    /// # Errors
    ///
    /// The requested region is not one of them, or what `unusable` makes of a message about a value of the
    /// wrong type.
    pub(super) fn choose_region(
        &mut self,
        name: &str,
        wanted: Option<&str>,
        notes: &mut Vec<String>,
        unusable: impl Fn(String) -> ConfigError,
    ) -> Result<(), ConfigError> {
        let regions = match (self.cloud.remove("regions"), self.cloud.get("region_name")) {
            (Some(Node::List(regions)), _) => regions,
            (None, Some(Node::List(regions))) => regions.clone(),
            (None, Some(Node::Text(names))) if names.contains(',') => {
                names.split(',').map(|name| Node::Text(name.trim().to_owned())).collect()
            }
            _ => return Ok(()),
        };
        let named: Vec<(&str, Option<&Map>)> = regions
            .iter()
            .filter_map(|region| match region {
                Node::Map(map) => Some((map.get("name")?.text()?, map.get("values")?.map())),
                other => Some((other.text()?, None)),
            })
            .collect();
        let given = self.text("region_name");
        let wanted = wanted.or(given.filter(|name| named.iter().any(|(known, _)| known == name)));
        let chosen = match wanted {
            Some(wanted) => {
                let chosen = named.iter().find(|(name, _)| *name == wanted);
                Some(chosen.ok_or_else(|| ConfigError::UnknownRegion {
                    cloud: name.to_owned(),
                    region: wanted.to_owned(),
                    known: named.iter().map(|(name, _)| (*name).to_owned()).collect(),
                })?)
            }
            None => named.first(),
        };
        let Some((region, values)) = chosen else { return Ok(()) };
        let (region, values) = (Node::Text((*region).to_owned()), values.cloned());
        if let Some(values) = values {
            self.merge_cloud(&format!("clouds.{name}.regions"), values, notes).map_err(unusable)?;
        }
        self.cloud.insert("region_name".to_owned(), region);
        Ok(())
    }

    /// Adds implied values, as openstackclient does.
    pub(super) fn normalise(&mut self) {
        self.fill_addresses();
        let project_scoped =
            self.auth("project_id").is_some() || self.auth("project_name").is_some();
        if project_scoped {
            // In a project scope, `domain_*` is the domain of both user and project.
            for kind in ["id", "name"] {
                let Some(domain) = self.auth.remove(&format!("domain_{kind}")) else { continue };
                for whose in ["user_domain", "project_domain"] {
                    if !self.has_domain(whose) {
                        self.auth.insert(format!("{whose}_{kind}"), domain.clone());
                    }
                }
            }
        }
        let default = match (self.auth("default_domain_id"), self.auth("default_domain_name")) {
            (None, Some(name)) => ("name", name.to_owned()),
            (Some(id), _) => ("id", id.to_owned()),
            (None, None) => ("id", self.text("default_domain").unwrap_or("default").to_owned()),
        };
        for (of, whose) in [("username", "user_domain"), ("project_name", "project_domain")] {
            if self.auth(of).is_some() && !self.has_domain(whose) {
                self.auth.insert(format!("{whose}_{}", default.0), Node::Text(default.1.clone()));
            }
        }
    }

    /// Replaces `{region_name}` and similar in addresses by the values of these keys.
    fn fill_addresses(&mut self) {
        let values: Vec<(String, String)> = self
            .cloud
            .iter()
            .filter_map(|(key, value)| Some((format!("{{{key}}}"), value.text()?.to_owned())))
            .collect();
        let addresses = self.cloud.iter_mut().filter(|(key, _)| key.starts_with("image_endpoint"));
        let addresses = addresses.map(|(_, value)| value);
        for address in self.auth.get_mut("auth_url").into_iter().chain(addresses) {
            if let Node::Text(address) = address {
                for (name, value) in &values {
                    *address = address.replace(name, value);
                }
            }
        }
    }

    fn has_domain(&self, whose: &str) -> bool {
        ["id", "name"].iter().any(|kind| self.auth(&format!("{whose}_{kind}")).is_some())
    }

    /// A value beside `auth`.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.cloud.get(key)?.text()
    }

    /// A value beside `auth` that is one text or a list of texts.
    pub(super) fn texts(&self, key: &str) -> Vec<&str> {
        match self.cloud.get(key) {
            Some(Node::List(items)) => items.iter().filter_map(Node::text).collect(),
            Some(other) => other.text().into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// A value of `auth`.
    pub(super) fn auth(&self, key: &str) -> Option<&str> {
        self.auth.get(key)?.text()
    }

    /// The names of the combined login methods.
    pub(super) fn auth_methods(&self) -> Vec<&str> {
        match self.auth.get("auth_methods") {
            Some(Node::List(items)) => items.iter().filter_map(Node::text).collect(),
            Some(other) => other.text().into_iter().flat_map(|text| text.split(',')).collect(),
            None => Vec::new(),
        }
    }
}

/// The pairs with the current names of the keys. Outdated names come first, so that the current name applies
/// where both exist.
fn by_current_names(map: Map) -> impl Iterator<Item = (String, String, Node)> {
    let mut pairs: Vec<_> =
        map.into_iter().map(|(old, value)| (canonical(&old), old, value)).collect();
    pairs.sort_by_key(|(key, old, _)| key == old);
    pairs.into_iter().map(|(key, old, value)| (old, key, value))
}

/// Whether the settings contain an address to log in to. Settings that only choose a cloud do not.
pub(super) fn describe_a_cloud<'a>(mut keys: impl Iterator<Item = &'a str>) -> bool {
    keys.any(|key| matches!(key, "auth_url" | "endpoint" | "url" | "image_endpoint_override"))
}

pub(super) fn is_true(text: Option<&str>) -> bool {
    let text = text.unwrap_or_default().trim().to_ascii_lowercase();
    matches!(&*text, "1" | "t" | "true" | "on" | "y" | "yes")
}

pub(super) fn is_false(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    matches!(&*text, "0" | "f" | "false" | "off" | "n" | "no")
}
