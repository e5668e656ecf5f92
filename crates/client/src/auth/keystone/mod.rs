//! Keystone v3: passwords, tokens, application credentials, TOTP, combinations of them, and OpenID Connect.
//!
//! Secrets are sent to the host of `auth_url` only. Redirects are followed only within it
//! ([`is_same_service`]), and only the path of a version document is used. An identity provider is contacted
//! at the configured address, or at the one in its description, within the limits of [`may_name`]. Tokens are
//! kept in memory only.

mod login;
mod oidc;
mod projects;
mod session;

use base64::Engine as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;
use url::Url;

pub use login::{ApplicationCredential, Domain, LoginMethod, Scope, User};
pub use oidc::{Oidc, OidcClient, OidcEndpoint, OidcGrant};
use session::{EndpointChoice, Session};

use crate::error::json_problem;
use crate::transport::{HttpClient, JSON, Reply, refusal};
use crate::{Error, Identity, Project, Secret, identity::Token, redact};

/// A user of a Keystone service.
pub struct Keystone {
    http: HttpClient,
    auth_url: Url,
    method: LoginMethod,
    scope: Scope,
    choice: EndpointChoice,
    endpoint: Option<Url>,
    /// Allows one login at a time, so that requests which are refused together cause a single login.
    session: Mutex<Option<Session>>,
}

impl Keystone {
    /// A user of the Keystone service at `auth_url`, with or without `/v3` at its end. The image service is
    /// looked up under the public interface in any region.
    #[must_use]
    pub fn new(http: HttpClient, auth_url: Url, method: LoginMethod, scope: Scope) -> Self {
        let choice = EndpointChoice {
            service_type: "image".to_owned(),
            service_name: None,
            interfaces: vec!["public".to_owned()],
            region: None,
        };
        Keystone {
            http,
            auth_url,
            method,
            scope,
            choice,
            endpoint: None,
            session: Mutex::new(None),
        }
    }

    /// Sets the region of the image service.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.choice.region = Some(region.into());
        self
    }

    /// Sets the accepted interfaces in order of preference: `public`, `internal`, `admin`.
    #[must_use]
    pub fn with_interfaces<S: Into<String>>(
        mut self,
        interfaces: impl IntoIterator<Item = S>,
    ) -> Self {
        self.choice.interfaces = interfaces.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the type of the image service in the catalog, instead of `image`.
    #[must_use]
    pub fn with_service_type(mut self, service_type: impl Into<String>) -> Self {
        self.choice.service_type = service_type.into();
        self
    }

    /// Sets the name of the image service in the catalog.
    #[must_use]
    pub fn with_service_name(mut self, name: impl Into<String>) -> Self {
        self.choice.service_name = Some(name.into());
        self
    }

    /// Sets the address of the image service, instead of the one in the catalog.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: Url) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    async fn log_in(&self) -> Result<Session, Error> {
        timeout(LOGIN_TIMEOUT, self.log_in_unwatched())
            .await
            .map_err(|late| self.no_login(false, Box::new(late)))?
    }

    async fn log_in_unwatched(&self) -> Result<Session, Error> {
        let base = self.base().await?;
        let LoginMethod::Oidc(oidc) = &self.method else {
            return self.token_for(&base, &self.method).await;
        };
        let token = self.provider_token(&oidc.grant).await?;
        let url = below(
            &base,
            &[
                "OS-FEDERATION",
                "identity_providers",
                &oidc.identity_provider,
                "protocols",
                &oidc.protocol,
                "auth",
            ],
        );
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, secret_header("Bearer ", token.expose()));
        let (url, reply) = self.ask(&Method::POST, url, headers, None).await?;
        let session = self.session_of(&url, &reply)?;
        if self.scope == Scope::Default {
            return Ok(session);
        }
        self.token_for(&base, &LoginMethod::Token(session.token)).await
    }

    /// `POST /v3/auth/tokens`.
    async fn token_for(&self, base: &Url, method: &LoginMethod) -> Result<Session, Error> {
        let body = login::request(method, &self.scope).to_string().into_bytes();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        let url = below(base, &["auth", "tokens"]);
        let (url, reply) = self.ask(&Method::POST, url, headers, Some(body)).await?;
        self.session_of(&url, &reply)
    }

    fn session_of(&self, url: &Url, reply: &Reply) -> Result<Session, Error> {
        if !reply.status.is_success() {
            return Err(self.refused(&Method::POST, url, reply));
        }
        let token = reply.headers.get("x-subject-token").and_then(|token| token.to_str().ok());
        let token = token.ok_or_else(|| "it has no X-Subject-Token header".into());
        let body = serde_json::from_slice::<Value>(&reply.body);
        match (token, body) {
            (Ok(token), Ok(body)) => Ok(Session::new(token.into(), body)),
            (Err(source), _) => Err(unreadable(&Method::POST, url, source)),
            (_, Err(error)) => Err(unreadable(&Method::POST, url, json_problem(&error))),
        }
    }

    /// The address of the Identity API v3. Versions are requested only if `auth_url` names none; without a
    /// version document v3 is expected under `/v3`.
    async fn base(&self) -> Result<Url, Error> {
        let mut base = self.auth_url.clone();
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        let (above, version) = path.rsplit_once('/').unwrap_or_default();
        match version {
            "v3" => base.set_path(&path),
            "v2.0" => base.set_path(&format!("{above}/v3")),
            _ => {
                let path_of_v3 = self.version_path(&base, &path).await?;
                base.set_path(&path_of_v3.unwrap_or_else(|| format!("{path}/v3")));
            }
        }
        Ok(base)
    }

    /// The path of v3 in a version document. Its host and port are not used: they are those that the service
    /// knows of itself, which may be unreachable through a proxy or a port forward.
    async fn version_path(&self, url: &Url, path: &str) -> Result<Option<String>, Error> {
        let (url, reply) = self.ask(&Method::GET, url.clone(), HeaderMap::new(), None).await?;
        let status = reply.status;
        if status.is_server_error() || is_busy(status) {
            return Err(self.refused(&Method::GET, &url, &reply));
        }
        let document = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
        let list = |at: &str| document.pointer(at).and_then(Value::as_array);
        let versions = list("/versions/values").or_else(|| list("/versions"));
        let version = versions
            .into_iter()
            .flatten()
            .find(|version| version["id"].as_str().is_some_and(|id| id.starts_with("v3")));
        let links = version.and_then(|version| version["links"].as_array());
        let link = links.and_then(|links| links.iter().find(|link| link["rel"] == "self"));
        let path_of_v3 = link.and_then(|link| Url::parse(link["href"].as_str()?).ok());
        let path_of_v3 = path_of_v3.map(|url| url.path().trim_end_matches('/').to_owned());
        Ok(path_of_v3.filter(|path_of_v3| path_of_v3.starts_with(path)))
    }

    /// Gets the token of the identity provider.
    async fn provider_token(&self, grant: &OidcGrant) -> Result<Secret, Error> {
        let (client, user) = match grant {
            OidcGrant::AccessToken(token) => return Ok(token.clone()),
            OidcGrant::Client(client) => (client, None),
            OidcGrant::Password(client, user, password) => (client, Some((user, password))),
        };
        let url = match &client.endpoint {
            OidcEndpoint::Token(url) => url.clone(),
            OidcEndpoint::Discovery(url) => self.token_endpoint(url).await?,
        };
        let mut headers = HeaderMap::new();
        if let Some(secret) = &client.secret {
            let pair = format!("{}:{}", client.id, secret.expose());
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            headers.insert(header::AUTHORIZATION, secret_header("Basic ", &encoded));
        }
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let body = token_request(client, user).into_bytes();
        let (url, reply) = self.ask(&Method::POST, url, headers, Some(body)).await?;
        if !reply.status.is_success() {
            return Err(self.refused(&Method::POST, &url, &reply));
        }
        let answer = serde_json::from_slice::<Value>(&reply.body)
            .map_err(|error| unreadable(&Method::POST, &url, json_problem(&error)))?;
        match answer.get(&client.token_type).and_then(Value::as_str) {
            Some(token) => Ok(token.into()),
            None => {
                let missing = format!("it has no {}", client.token_type);
                Err(unreadable(&Method::POST, &url, missing.into()))
            }
        }
    }

    /// The token endpoint of a provider, taken from its description.
    async fn token_endpoint(&self, discovery: &Url) -> Result<Url, Error> {
        let asked = self.ask(&Method::GET, discovery.clone(), HeaderMap::new(), None).await?;
        let (url, reply) = asked;
        if !reply.status.is_success() {
            return Err(self.refused(&Method::GET, &url, &reply));
        }
        let described = serde_json::from_slice::<Value>(&reply.body)
            .map_err(|error| unreadable(&Method::GET, &url, json_problem(&error)))?;
        let endpoint = described.get("token_endpoint").and_then(Value::as_str);
        let endpoint = endpoint
            .and_then(|url| Url::parse(url).ok())
            .ok_or_else(|| unreadable(&Method::GET, &url, "it has no token_endpoint".into()))?;
        match may_name(&url, &endpoint) {
            true => Ok(endpoint),
            false => {
                let other = redact::shown(&endpoint);
                let message = format!(
                    "its token_endpoint {other} is on another host, to which no credentials are sent"
                );
                Err(unreadable(&Method::GET, &url, message.into()))
            }
        }
    }

    /// Sends a request that may contain a secret, and follows redirects within the host. Returns the response
    /// and the address that sent it.
    async fn ask(
        &self,
        method: &Method,
        mut url: Url,
        headers: HeaderMap,
        body: Option<Vec<u8>>,
    ) -> Result<(Url, Reply), Error> {
        for _ in 0..MAX_REDIRECTS {
            let reply = self
                .http
                .exchange(method, &url, headers.clone(), body.clone())
                .await
                .map_err(|error| self.no_login(false, Box::new(error)))?;
            let target = reply.headers.get(header::LOCATION).and_then(|target| {
                let target = url.join(target.to_str().ok()?).ok()?;
                (reply.status.is_redirection() && is_same_service(&url, &target)).then_some(target)
            });
            match target {
                // Status 300 offers versions; its body contains the target.
                Some(target) if reply.status != StatusCode::MULTIPLE_CHOICES => url = target,
                _ => return Ok((url, reply)),
            }
        }
        let source = "too many redirects";
        Err(unreadable(method, &url, source.into()))
    }

    /// The error for a response that is not a success.
    fn refused(&self, method: &Method, url: &Url, reply: &Reply) -> Error {
        let status = reply.status;
        let answer = refusal(method, url, reply);
        // Keystone answers 400 and 404 for unknown domains, providers and similar. A response without JSON
        // comes from another service at this address.
        let by_keystone = serde_json::from_slice::<Value>(&reply.body).is_ok();
        let is_refusal = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            || (status.is_client_error() && by_keystone && !is_busy(status));
        if is_refusal {
            let message = match answer.message.is_empty() {
                true => format!("status {}", status.as_u16()),
                false => answer.message,
            };
            let shown = if url.origin() == self.auth_url.origin() { &self.auth_url } else { url };
            return Error::LoginRefused { url: redact::shown(shown), message };
        }
        let error = answer.into_error();
        let answered = error.is_transient();
        self.no_login(answered, Box::new(error))
    }

    fn no_login(&self, answered: bool, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
        Error::Login { url: redact::shown(&self.auth_url), answered, source }
    }

    /// Runs `read` on a valid session, after a login if there is none.
    async fn with_session<T>(&self, read: impl FnOnce(&Session) -> T) -> Result<T, Error> {
        let mut session = self.session.lock().await;
        if let Some(session) = session.as_ref().filter(|session| !session.is_ending()) {
            return Ok(read(session));
        }
        Ok(read(session.insert(self.log_in().await?)))
    }
}

/// The time-out of each request of a login.
const LOGIN_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);
const MAX_REDIRECTS: usize = 5;

/// 408 and 429: the same request may succeed later.
fn is_busy(status: StatusCode) -> bool {
    matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// Whether a secret for `from` may be sent to `to`: the scheme, host and port must be the same, or `to` uses
/// https on the same host, whose certificate then identifies the host. Another port without TLS may belong to
/// another user of the host.
fn is_same_service(from: &Url, to: &Url) -> bool {
    from.origin() == to.origin() || (from.host() == to.host() && to.scheme() == "https")
}

/// Whether the description of an identity provider may name this address for its tokens: the provider's own
/// service, or one with TLS if the description was received over TLS too. Providers have token endpoints on
/// other hosts, and without TLS an attacker in between could name one.
fn may_name(description: &Url, endpoint: &Url) -> bool {
    let is_by_tls = description.scheme() == "https" && endpoint.scheme() == "https";
    is_same_service(description, endpoint) || is_by_tls
}

fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    url.path_segments_mut()
        .expect("an http address has a path, and only those are taken")
        .pop_if_empty()
        .extend(segments);
    url
}

/// The body of a token request to a provider. A client without a secret identifies itself here.
fn token_request(client: &OidcClient, user: Option<(&String, &Secret)>) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("scope", &client.scope);
    match user {
        None => form.append_pair("grant_type", "client_credentials"),
        Some((user, password)) => form
            .append_pair("grant_type", "password")
            .append_pair("username", user)
            .append_pair("password", password.expose()),
    };
    if client.secret.is_none() {
        form.append_pair("client_id", &client.id);
    }
    form.finish()
}

/// A header that is never logged. A value that is not allowed in a header is sent as an empty one, and
/// refused.
fn secret_header(scheme: &str, secret: &str) -> HeaderValue {
    let value = HeaderValue::from_str(&format!("{scheme}{secret}"));
    let mut value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

fn unreadable(
    method: &Method,
    url: &Url,
    source: Box<dyn std::error::Error + Send + Sync>,
) -> Error {
    Error::Decode { method: method.clone(), url: redact::shown(url), source }
}

impl std::fmt::Debug for Keystone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keystone")
            .field("auth_url", &redact::shown(&self.auth_url))
            .field("scope", &self.scope)
            .field("choice", &self.choice)
            .finish_non_exhaustive()
    }
}

impl Identity for Keystone {
    fn token(&self) -> BoxFuture<'_, Result<Token, Error>> {
        Box::pin(self.with_session(|session| Token::Keystone(session.token.clone())))
    }

    fn renew<'a>(&'a self, stale: &'a Token) -> BoxFuture<'a, Result<Option<Token>, Error>> {
        Box::pin(async {
            let mut session = self.session.lock().await;
            let token_of = |session: &Session| Token::Keystone(session.token.clone());
            if let Some(current) = session.as_ref().map(token_of)
                && !current.is_same(stale)
            {
                return Ok(Some(current));
            }
            let token = token_of(session.insert(self.log_in().await?));
            Ok((!token.is_same(stale)).then_some(token))
        })
    }

    fn endpoint(&self) -> BoxFuture<'_, Result<Url, Error>> {
        Box::pin(async {
            if let Some(endpoint) = &self.endpoint {
                return Ok(endpoint.clone());
            }
            let found =
                self.with_session(|session| session.endpoint(&self.choice).map(Url::parse)).await?;
            let region = || self.choice.region.clone().unwrap_or_else(|| "(any)".to_owned());
            let interface = || self.choice.interfaces.join(" or ");
            match found {
                Ok(Ok(url)) if matches!(url.scheme(), "http" | "https") => Ok(url),
                Ok(_) => Err(Error::NoEndpoint {
                    region: region(),
                    interface: interface(),
                    regions: Vec::new(),
                }),
                Err(regions) => {
                    Err(Error::NoEndpoint { region: region(), interface: interface(), regions })
                }
            }
        })
    }

    fn project(&self) -> BoxFuture<'_, Result<Project, Error>> {
        Box::pin(async {
            let project = self.with_session(|session| session.project.clone()).await?;
            Ok(project.map_or(Project::Unknown, Project::Id))
        })
    }

    fn find_project<'a>(
        &'a self,
        name_or_id: &'a str,
        domain: Option<&'a str>,
    ) -> BoxFuture<'a, Result<String, Error>> {
        Box::pin(self.project_id(name_or_id, domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_followed_to_no_other_service() {
        let same = |from: &str, to: &str| {
            is_same_service(&Url::parse(from).unwrap(), &Url::parse(to).unwrap())
        };
        assert!(same("http://h:5000/v3/auth/tokens", "http://h:5000/identity/v3/auth/tokens"));
        assert!(same("http://h/v3", "https://h/v3"));
        assert!(same("http://h:5000/v3", "https://h:5000/v3"));
        assert!(!same("https://h/v3", "http://h/v3"));
        assert!(!same("http://h:5000/v3", "http://h:5001/v3"));
        assert!(!same("https://h/v3", "https://h.example/v3"));
        assert!(same("https://h/v3", "https://h:5000/v3"));
        assert!(!same("http://127.0.0.1:5000/v3", "http://127.0.0.2:5000/v3"));
        let names =
            |from: &str, to: &str| may_name(&Url::parse(from).unwrap(), &Url::parse(to).unwrap());
        assert!(names("https://idp.example/.well-known", "https://tokens.example/token"));
        assert!(names("http://idp.example/.well-known", "http://idp.example/token"));
        assert!(!names("http://idp.example/.well-known", "https://tokens.example/token"));
        assert!(!names("https://idp.example/.well-known", "http://idp.example/token"));
    }
}
