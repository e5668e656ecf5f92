//! The keys of a cloud's configuration: which belong to `auth`, which are known, and whose values may be
//! shown.

/// Keys of `auth`, as keystoneauth's login methods name them.
pub(super) const AUTH: [&str; 33] = [
    "access_token",
    "access_token_endpoint",
    "access_token_type",
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
    "auth_methods",
    "auth_url",
    "client_id",
    "client_secret",
    "default_domain_id",
    "default_domain_name",
    "discovery_endpoint",
    "domain_id",
    "domain_name",
    "endpoint",
    "identity_provider",
    "openid_scope",
    "passcode",
    "password",
    "project_domain_id",
    "project_domain_name",
    "project_id",
    "project_name",
    "protocol",
    "system_scope",
    "token",
    "trust_id",
    "unscoped",
    "user_domain_id",
    "user_domain_name",
    "user_id",
    "username",
];

/// Keys beside `auth` that this crate uses, or that are known to be for other programs only.
const CLOUD: [&str; 51] = [
    "api_timeout",
    "auth",
    "auth_cache",
    "auth_type",
    "cacert",
    "cache",
    "cert",
    "cloud",
    "compute_bypass_quota",
    "default_domain",
    "default_microversion",
    "description",
    "disable_vendor_agent",
    "external_network",
    "floating_ip_source",
    "force_ipv4",
    "identity_api_version",
    "image_api_use_tasks",
    "image_endpoint",
    "image_format",
    "insecure",
    "interface",
    "internal_network",
    "key",
    "location",
    "log_file",
    "log_level",
    "max_concurrency",
    "message",
    "metrics",
    "nat_destination",
    "nat_source",
    "networks",
    "object_store_endpoint",
    "prefer_ipv6",
    "private",
    "profile",
    "rate_limit",
    "region_name",
    "regions",
    "requires_floating_ip",
    "secgroup_source",
    "shade_log",
    "status",
    "status_code_retries",
    "swift_path",
    "timing",
    "user_agent",
    "vendor_hook",
    "verbose_level",
    "verify",
];

/// Key suffixes that every service may have: `compute_api_version`, `image_interface`, …
const PER_SERVICE: [&str; 12] = [
    "_api_version",
    "_auth_section",
    "_connect_retries",
    "_connect_retry_delay",
    "_default_microversion",
    "_endpoint_override",
    "_interface",
    "_max_version",
    "_min_version",
    "_region_name",
    "_service_name",
    "_service_type",
];

/// The current name of a key: `tenant-name` is `project_name`.
pub(super) fn canonical(key: &str) -> String {
    let key = key.replace('-', "_");
    let renamed = match &*key {
        "tenant_id" => "project_id",
        "tenant_name" => "project_name",
        "auth_plugin" => "auth_type",
        "auth_token" => "token",
        "user_name" => "username",
        "url" => "endpoint",
        "scope" => "openid_scope",
        _ => match key.strip_suffix("endpoint_type") {
            Some(service) => return format!("{service}interface"),
            None => return key,
        },
    };
    renamed.to_owned()
}

pub(super) fn is_auth(key: &str) -> bool {
    AUTH.contains(&key)
}

/// Whether a key beside `auth` is known.
pub(super) fn is_known(key: &str) -> bool {
    is_auth(key) || CLOUD.contains(&key) || PER_SERVICE.iter().any(|suffix| key.ends_with(suffix))
}

/// Whether the value of this key may be shown. Addresses may not, since some users write passwords into them.
pub(super) fn is_public(key: &str) -> bool {
    matches!(
        &*canonical(key),
        "auth_type"
            | "cacert"
            | "cert"
            | "domain_id"
            | "domain_name"
            | "image_api_version"
            | "image_interface"
            | "image_region_name"
            | "insecure"
            | "interface"
            | "project_domain_id"
            | "project_domain_name"
            | "project_id"
            | "project_name"
            | "region_name"
            | "system_scope"
            | "user_domain_id"
            | "user_domain_name"
            | "user_id"
            | "username"
            | "verify"
    )
}
