//! Single settings of a cloud, by the name of their `OS_*` variable.

use std::collections::BTreeMap;

use openstack_sdk::config::{Auth, CloudConfig};

use super::Surroundings;

/// `OS_*` in lower case without the prefix.
pub(super) fn from_variables(at: &Surroundings) -> BTreeMap<String, String> {
    at.variables
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(key, value)| Some((key.strip_prefix("OS_")?.to_lowercase(), value.clone())))
        .collect()
}

/// Whether the settings say where to go: those of people who only choose among clouds do not.
pub(super) fn describe_a_cloud(settings: &BTreeMap<String, String>) -> bool {
    ["auth_url", "endpoint", "url", "image_endpoint_override"]
        .iter()
        .any(|key| settings.contains_key(*key))
}

/// Takes from the variables what a cloud of the file may leave to them.
pub(super) fn fill_gaps(config: &mut CloudConfig, variables: &BTreeMap<String, String>) {
    let auth = config.auth.clone().unwrap_or_default();
    let wants_password = auth.password.is_none()
        && (auth.username.is_some() || auth.user_id.is_some())
        && auth.application_credential_secret.is_none();
    // The file's parser sets `public` where the file says nothing, so an interface is no gap there
    // and the variable wins, as it does with openstackclient.
    let gaps = [
        ("region_name", config.region_name.is_none() && !config.options.contains_key("regions")),
        ("interface", true),
        ("cacert", config.cacert.is_none()),
        ("insecure", config.verify.is_none() && !config.options.contains_key("insecure")),
        ("password", wants_password),
    ];
    for (key, open) in gaps {
        if let (true, Some(value)) = (open, variables.get(key)) {
            set(config, key, value);
        }
    }
}

/// Sets what `key` names; a key of no meaning here is kept among the cloud's options.
pub(super) fn set(config: &mut CloudConfig, key: &str, value: &str) {
    let value = value.to_owned();
    match key {
        "auth_type" => config.auth_type = Some(value),
        "region_name" => config.region_name = Some(value),
        "interface" | "endpoint_type" => config.interface = Some(value),
        "cacert" => config.cacert = Some(value),
        "insecure" => config.verify = Some(!is_true(&value)),
        "verify" => config.verify = Some(is_true(&value)),
        _ => {
            let auth = config.auth.get_or_insert_with(Auth::default);
            if !set_auth(auth, key, &value) {
                config.options.insert(key.to_owned(), value.into());
            }
        }
    }
}

fn set_auth(auth: &mut Auth, key: &str, value: &str) -> bool {
    let text = || Some(value.to_owned());
    let secret = || Some(value.to_owned().into());
    match key {
        "auth_url" => auth.auth_url = text(),
        "endpoint" | "url" => auth.endpoint = text(),
        "token" => auth.token = secret(),
        "username" => auth.username = text(),
        "user_id" => auth.user_id = text(),
        "user_domain_name" => auth.user_domain_name = text(),
        "user_domain_id" => auth.user_domain_id = text(),
        "password" => auth.password = secret(),
        "passcode" => auth.passcode = secret(),
        "domain_id" => auth.domain_id = text(),
        "domain_name" => auth.domain_name = text(),
        "project_id" | "tenant_id" => auth.project_id = text(),
        "project_name" | "tenant_name" => auth.project_name = text(),
        "project_domain_id" => auth.project_domain_id = text(),
        "project_domain_name" => auth.project_domain_name = text(),
        "protocol" => auth.protocol = text(),
        "identity_provider" => auth.identity_provider = text(),
        "access_token" => auth.access_token = secret(),
        "access_token_type" => auth.access_token_type = text(),
        "access_token_endpoint" => auth.access_token_endpoint = text(),
        "client_id" => auth.client_id = text(),
        "client_secret" => auth.client_secret = secret(),
        "discovery_endpoint" => auth.discovery_endpoint = text(),
        "openid_scope" => auth.scope = text(),
        "application_credential_id" => auth.application_credential_id = text(),
        "application_credential_name" => auth.application_credential_name = text(),
        "application_credential_secret" => auth.application_credential_secret = secret(),
        "system_scope" => auth.system_scope = text(),
        _ => return false,
    }
    true
}

/// What a person leaves out and openstackclient fills in.
pub(super) fn normalise(config: &mut CloudConfig) {
    // The old names: publicURL, internalURL, adminURL.
    let interface = config.interface.as_deref().unwrap_or("public").trim_end_matches("URL");
    config.interface = Some(interface.to_owned());
    if config.verify.is_none()
        && let Some(insecure) = config.options.get("insecure")
    {
        config.verify = Some(!insecure.clone().into_bool().unwrap_or(false));
    }
    if config.region_name.is_none() {
        config.region_name = first_region(config);
    }
    let default_domain = option(config, "default_domain").unwrap_or_else(|| "default".to_owned());
    let Some(auth) = &mut config.auth else { return };
    if config.auth_type.is_none() {
        let has = |present: bool, auth_type: &str| present.then(|| auth_type.to_owned());
        config.auth_type =
            has(auth.application_credential_secret.is_some(), "v3applicationcredential")
                .or_else(|| {
                    let no_user = auth.username.is_none() && auth.user_id.is_none();
                    let keystone =
                        if auth.auth_url.is_some() { "v3token" } else { "token_endpoint" };
                    has(auth.token.is_some() && no_user, keystone)
                })
                .or_else(|| has(auth.auth_url.is_none() && auth.endpoint.is_some(), "none"));
    }
    if auth.username.is_some() && auth.user_domain_id.is_none() && auth.user_domain_name.is_none() {
        auth.user_domain_id = Some(default_domain.clone());
    }
    if auth.project_name.is_some()
        && auth.project_domain_id.is_none()
        && auth.project_domain_name.is_none()
    {
        auth.project_domain_id = Some(default_domain);
    }
}

/// A free setting of the cloud as text.
pub(super) fn option(config: &CloudConfig, key: &str) -> Option<String> {
    config.options.get(key)?.clone().into_string().ok().filter(|text| !text.is_empty())
}

/// `regions: [a, {name: b}]`: the first is the default.
fn first_region(config: &CloudConfig) -> Option<String> {
    let first = config.options.get("regions")?.clone().into_array().ok()?.into_iter().next()?;
    match first.clone().into_table() {
        Ok(mut table) => table.remove("name")?.into_string().ok(),
        Err(_) => first.into_string().ok(),
    }
}

fn is_true(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "t" | "true" | "on" | "y" | "yes")
}
