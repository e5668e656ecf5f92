//! Creates an [`Identity`] from the settings of a cloud.

use std::sync::Arc;

use url::Url;

use super::settings::{Settings, is_true};
use crate::auth::{
    ApplicationCredential, Basic, Domain, FixedToken, Keystone, LoginMethod, NoAuth, Oidc,
    OidcClient, OidcEndpoint, OidcGrant, Scope, User,
};
use crate::transport::HttpClient;
use crate::{ConfigError, Identity, Secret};

/// The identity for the cloud `name`. Nothing is sent yet.
pub(super) fn identity(
    name: &str,
    settings: &Settings,
    http: impl FnOnce() -> Result<HttpClient, ConfigError>,
) -> Result<Arc<dyn Identity>, ConfigError> {
    let login = Login { name, settings };
    let interfaces = login.interfaces()?;
    let auth_type = auth_type(settings);
    Ok(match &*auth_type {
        "none" | "noauth" => Arc::new(NoAuth::new(login.fixed_endpoint()?)),
        "http_basic" => {
            let endpoint = login.fixed_endpoint()?;
            let username = login.needed("username", "auth.username")?;
            let password = Secret::new(login.needed("password", "auth.password")?);
            Arc::new(Basic::new(endpoint, username, &password))
        }
        "admin_token" | "token_endpoint" => {
            let endpoint = login.fixed_endpoint()?;
            let token = login.needed("token", "auth.token")?;
            Arc::new(FixedToken::new(endpoint, token.into()))
        }
        auth_type if method_name(auth_type).is_some() => {
            let auth_url = login.needed("auth_url", "auth.auth_url")?;
            let auth_url = login.url("auth.auth_url", auth_url)?;
            let endpoint = login.endpoint_override()?;
            let method = login.method(auth_type)?;
            let scope = match method {
                // An application credential has its own scope, and may not request another.
                LoginMethod::ApplicationCredential(..) => Scope::Default,
                _ => login.scope()?,
            };
            let mut keystone =
                Keystone::new(http()?, auth_url, method, scope).with_interfaces(interfaces);
            let region = settings.text("image_region_name").or(settings.text("region_name"));
            if let Some(region) = region {
                keystone = keystone.with_region(region);
            }
            if let Some(service_type) = settings.text("image_service_type") {
                keystone = keystone.with_service_type(service_type);
            }
            if let Some(service_name) = settings.text("image_service_name") {
                keystone = keystone.with_service_name(service_name);
            }
            if let Some(endpoint) = endpoint {
                keystone = keystone.with_endpoint(endpoint);
            }
            Arc::new(keystone)
        }
        _ => return Err(login.unsupported(&auth_type)),
    })
}

/// The login method of an `auth_type`, which has several spellings.
fn method_name(auth_type: &str) -> Option<&'static str> {
    Some(match auth_type {
        "password" | "v3password" => "password",
        "token" | "v3token" => "token",
        "v3applicationcredential" | "applicationcredential" | "application_credential" => {
            "application_credential"
        }
        "v3totp" | "totp" => "totp",
        "v3multifactor" => "several",
        "v3oidcaccesstoken" | "accesstoken" => "oidc_token",
        "v3oidcclientcredentials" | "clientcredentials" => "oidc_client",
        "v3oidcpassword" => "oidc_password",
        _ => return None,
    })
}

/// The given `auth_type`, or else the one that matches the given keys.
fn auth_type(settings: &Settings) -> String {
    if let Some(given) = settings.text("auth_type") {
        return given.to_ascii_lowercase();
    }
    let has = |key| settings.auth(key).is_some();
    let guessed = if has("application_credential_secret") {
        "v3applicationcredential"
    } else if has("token") && !has("username") && !has("user_id") {
        if has("auth_url") { "v3token" } else { "token_endpoint" }
    } else if !has("auth_url") && has("endpoint") {
        "none"
    } else {
        "password"
    };
    guessed.to_owned()
}

struct Login<'a> {
    name: &'a str,
    settings: &'a Settings,
}

impl<'a> Login<'a> {
    fn method(&self, auth_type: &str) -> Result<LoginMethod, ConfigError> {
        let secret = |key, shown| self.needed(key, shown).map(Secret::new);
        Ok(match method_name(auth_type) {
            Some("password") => {
                LoginMethod::Password(self.user()?, secret("password", "auth.password")?)
            }
            Some("token") => LoginMethod::Token(secret("token", "auth.token")?),
            Some("application_credential") => {
                let credential = match self.settings.auth("application_credential_id") {
                    Some(id) => ApplicationCredential::Id(id.to_owned()),
                    None => {
                        let name = self.needed(
                            "application_credential_name",
                            "auth.application_credential_id",
                        )?;
                        ApplicationCredential::Name(name.to_owned(), self.user()?)
                    }
                };
                LoginMethod::ApplicationCredential(
                    credential,
                    secret("application_credential_secret", "auth.application_credential_secret")?,
                )
            }
            Some("totp") => LoginMethod::Totp(self.user()?, secret("passcode", "auth.passcode")?),
            Some("several") => {
                let names = self.settings.auth_methods();
                if names.is_empty() {
                    return Err(self.missing("auth.auth_methods"));
                }
                // Only methods that fit into one request can be combined.
                let one = |name: &&str| match method_name(name.trim()) {
                    Some("password" | "token" | "application_credential" | "totp") => {
                        self.method(name.trim())
                    }
                    _ => Err(self.invalid(
                        "auth.auth_methods",
                        format!("{name} cannot be combined with others"),
                    )),
                };
                LoginMethod::Several(names.iter().map(one).collect::<Result<_, _>>()?)
            }
            Some("oidc_token") => {
                self.oidc(OidcGrant::AccessToken(secret("access_token", "auth.access_token")?))?
            }
            Some("oidc_client") => {
                let client_secret = secret("client_secret", "auth.client_secret")?;
                self.oidc(OidcGrant::Client(self.oidc_client()?.with_secret(client_secret)))?
            }
            Some("oidc_password") => {
                let user = self.needed("username", "auth.username")?;
                let password = secret("password", "auth.password")?;
                let mut client = self.oidc_client()?;
                if let Some(secret) = self.settings.auth("client_secret") {
                    client = client.with_secret(secret.into());
                }
                self.oidc(OidcGrant::Password(client, user.to_owned(), password))?
            }
            _ => return Err(self.unsupported(auth_type)),
        })
    }

    fn oidc(&self, grant: OidcGrant) -> Result<LoginMethod, ConfigError> {
        let provider = self.needed("identity_provider", "auth.identity_provider")?;
        let protocol = self.needed("protocol", "auth.protocol")?;
        Ok(LoginMethod::Oidc(Oidc::new(provider, protocol, grant)))
    }

    fn oidc_client(&self) -> Result<OidcClient, ConfigError> {
        let id = self.needed("client_id", "auth.client_id")?;
        let endpoint = match self.settings.auth("access_token_endpoint") {
            Some(url) => OidcEndpoint::Token(self.url("auth.access_token_endpoint", url)?),
            None => {
                let url = self.needed("discovery_endpoint", "auth.discovery_endpoint")?;
                OidcEndpoint::Discovery(self.url("auth.discovery_endpoint", url)?)
            }
        };
        let mut client = OidcClient::new(id, endpoint);
        if let Some(scope) = self.settings.auth("openid_scope") {
            client = client.with_scope(scope);
        }
        if let Some(token_type) = self.settings.auth("access_token_type") {
            client = client.with_token_type(token_type);
        }
        Ok(client)
    }

    fn user(&self) -> Result<User, ConfigError> {
        if let Some(id) = self.settings.auth("user_id") {
            return Ok(User::Id(id.to_owned()));
        }
        let name = self.needed("username", "auth.username")?;
        // There is a domain: at least the default one.
        let domain =
            self.domain("user_domain").ok_or_else(|| self.missing("auth.user_domain_id"))?;
        Ok(User::Name(name.to_owned(), domain))
    }

    fn domain(&self, whose: &str) -> Option<Domain> {
        let by_id = self.settings.auth(&format!("{whose}_id"));
        let by_name = || self.settings.auth(&format!("{whose}_name"));
        match by_id {
            Some(id) => Some(Domain::Id(id.to_owned())),
            None => by_name().map(|name| Domain::Name(name.to_owned())),
        }
    }

    /// The scope of the token: exactly one, as Keystone requires.
    fn scope(&self) -> Result<Scope, ConfigError> {
        let settings = self.settings;
        let mut wanted = Vec::new();
        if let Some(id) = settings.auth("project_id") {
            wanted.push(("project", Scope::ProjectId(id.to_owned())));
        } else if let Some(name) = settings.auth("project_name") {
            let domain = self.domain("project_domain");
            let domain = domain.ok_or_else(|| self.missing("auth.project_domain_id"))?;
            wanted.push(("project", Scope::ProjectName(name.to_owned(), domain)));
        } else if let Some(domain) = self.domain("domain") {
            wanted.push(("domain", Scope::Domain(domain)));
        }
        if settings.auth("system_scope").is_some() {
            wanted.push(("system_scope", Scope::System));
        }
        if let Some(id) = settings.auth("trust_id") {
            wanted.push(("trust_id", Scope::Trust(id.to_owned())));
        }
        if is_true(settings.auth("unscoped")) {
            wanted.push(("unscoped", Scope::Unscoped));
        }
        if wanted.len() > 1 {
            let names: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
            let message = format!("a token has one scope, not several: {}", names.join(", "));
            return Err(self.invalid("auth", message));
        }
        Ok(wanted.pop().map(|(_, scope)| scope).unwrap_or_default())
    }

    /// The accepted interfaces in order of preference; the old names such as `publicURL` are accepted.
    fn interfaces(&self) -> Result<Vec<String>, ConfigError> {
        let own = self.settings.texts("image_interface");
        let given = if own.is_empty() { self.settings.texts("interface") } else { own };
        let given = if given.is_empty() { vec!["public"] } else { given };
        let plain: Vec<String> =
            given.iter().map(|face| face.trim_end_matches("URL").to_owned()).collect();
        match plain.iter().find(|face| !matches!(&***face, "public" | "internal" | "admin")) {
            None => Ok(plain),
            Some(other) => {
                Err(self.invalid("interface", format!("{other} is not public, internal or admin")))
            }
        }
    }

    fn endpoint_override(&self) -> Result<Option<Url>, ConfigError> {
        let keys = ["image_endpoint_override", "image_endpoint"];
        let given = keys.iter().find_map(|key| Some((*key, self.settings.text(key)?)));
        given.map(|(key, url)| self.url(key, url)).transpose()
    }

    fn fixed_endpoint(&self) -> Result<Url, ConfigError> {
        match self.endpoint_override()? {
            Some(url) => Ok(url),
            None => self.url("endpoint", self.needed("endpoint", "auth.endpoint")?),
        }
    }

    fn needed(&self, key: &str, shown: &'static str) -> Result<&'a str, ConfigError> {
        self.settings.auth(key).ok_or_else(|| self.missing(shown))
    }

    fn url(&self, key: &'static str, text: &str) -> Result<Url, ConfigError> {
        let url = Url::parse(text).map_err(|error| self.invalid(key, error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(self.invalid(key, "its scheme is neither http nor https".to_owned()));
        }
        Ok(url)
    }

    fn missing(&self, key: &'static str) -> ConfigError {
        ConfigError::Missing { cloud: self.name.to_owned(), key }
    }

    fn invalid(&self, key: &'static str, message: String) -> ConfigError {
        ConfigError::Invalid { cloud: self.name.to_owned(), key, message }
    }

    fn unsupported(&self, auth_type: &str) -> ConfigError {
        ConfigError::UnsupportedAuthType {
            cloud: self.name.to_owned(),
            auth_type: auth_type.to_owned(),
        }
    }
}
