//! Keystone through `openstack_sdk`: passwords, tokens, application credentials, TOTP, OIDC.
//!
//! `openstack_sdk` is used for what it is good at, the many ways to log in and the service catalog,
//! and for nothing else: it has no streaming upload, and its client is not ours to time out or to
//! read early answers with. Four of its habits are kept out on purpose:
//!
//! - its token cache on disk is off unless the configuration asks for it (`auth_cache: true` of the
//!   cloud, `cache: {auth: true}` of the file), since a nightly job should leave no token behind;
//! - it is always told whether to cache, because otherwise it looks for a `clouds.yaml` of its own;
//! - it logs in by the public interface and no region whatever the cloud says, since it looks for the
//!   identity service itself under those and waits for itself for ever when there is none; the image
//!   endpoint is chosen from its catalog here;
//! - a new token comes from a new session: exchanging a token for a token keeps the old one's end.
//!
//! And one is helped: its ways to log in register themselves in static memory, from crates that
//! nothing else refers to, so a linker leaves them out (its build script means to prevent that, but
//! does not find them in a published manifest). `keep_plugins` refers to them.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use openstack_sdk::auth::AuthError;
use openstack_sdk::config::CloudConfig;
use openstack_sdk::{AsyncOpenStack, OpenStackError};
use tokio::sync::Mutex;
use tokio::time::timeout;
use url::Url;

use crate::http::{Payload, Transport};
use crate::{Error, Identity, Project, Tls, identity::Token, redact};

/// A user of a Keystone.
pub struct Keystone {
    config: CloudConfig,
    region: Option<String>,
    interface: String,
    endpoint_override: Option<Url>,
    tls: Tls,
    /// One login at a time, so that requests which are refused together cause one.
    session: Mutex<Option<AsyncOpenStack>>,
}

impl Keystone {
    /// With the credentials of `config`; `endpoint_override` replaces the catalog's image endpoint.
    #[must_use]
    pub fn new(mut config: CloudConfig, endpoint_override: Option<Url>, tls: Tls) -> Self {
        let public = || "public".to_owned();
        let interface = config.interface.replace(public()).unwrap_or_else(public);
        let region = config.region_name.take();
        Keystone { config, region, interface, endpoint_override, tls, session: Mutex::new(None) }
    }

    /// A new login, unless `cached` and there is a token on disk that is still good.
    async fn connect(&self, cached: bool) -> Result<AsyncOpenStack, Error> {
        keep_plugins();
        let _no_trace = NoTrace::new();
        let connecting = AsyncOpenStack::builder(&self.config)
            .disable_auth_cache(!(cached && self.config.auth_cache == Some(true)))
            .connect();
        match timeout(LOGIN_TIMEOUT, connecting).await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err(error @ OpenStackError::Discovery { .. })) => {
                Err(self.unreachable().await.unwrap_or_else(|| self.login_error(error)))
            }
            Ok(Err(error)) => Err(self.login_error(error)),
            Err(elapsed) => Err(Error::Login {
                url: self.auth_url(),
                answered: false,
                source: Box::new(elapsed),
            }),
        }
    }

    /// Why the identity service cannot be reached: discovery does not say.
    async fn unreachable(&self) -> Option<Error> {
        let url = Url::parse(self.config.auth.as_ref()?.auth_url.as_deref()?).ok()?;
        let name = self.config.name.as_deref().unwrap_or_default();
        let transport = match Transport::new(name, &self.tls) {
            Ok(transport) => transport,
            Err(error) => return Some(error),
        };
        let asked = transport
            .call(&Method::GET, &url, &Token::None, &HeaderMap::new(), &Payload::Nothing)
            .await;
        let error = asked.err()?;
        let answered = error.is_overload();
        Some(Error::Login { url: redact::shown(&url), answered, source: Box::new(error) })
    }

    fn auth_url(&self) -> String {
        let url = self.config.auth.as_ref().and_then(|auth| auth.auth_url.as_deref());
        url.map_or_else(|| "(no auth_url)".to_owned(), redact::shown_text)
    }

    fn login_error(&self, error: OpenStackError) -> Error {
        let url = self.auth_url();
        let refused = |message: String| Error::LoginRefused { url: url.clone(), message };
        match error {
            OpenStackError::AuthError { source: AuthError::Identity(error) }
                if error.code < 500 =>
            {
                refused(error.message)
            }
            OpenStackError::AuthError { source: AuthError::UnknownAuth { code, message } }
                if code < 500 =>
            {
                refused(message.unwrap_or_else(|| format!("status {code}")))
            }
            other => {
                let answered = matches!(
                    other,
                    OpenStackError::AuthError {
                        source: AuthError::Identity(_) | AuthError::UnknownAuth { .. }
                    }
                );
                Error::Login { url, answered, source: Box::new(other) }
            }
        }
    }
}

/// `openstack_sdk` makes the folder of its cache also when it is not to cache; this removes it again
/// where it was not there before and holds nothing.
struct NoTrace(Option<PathBuf>);

impl NoTrace {
    fn new() -> Self {
        NoTrace(std::env::home_dir().map(|home| home.join(".osc")).filter(|path| !path.exists()))
    }
}

impl Drop for NoTrace {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Fails where there is none, and where there is something in it: both are as wanted.
            let _ = std::fs::remove_dir(path);
        }
    }
}

/// Makes the linker keep the ways to log in; the values are of no use.
fn keep_plugins() {
    use std::hint::black_box;
    black_box(&openstack_sdk_auth_applicationcredential::ANCHOR);
    black_box(&openstack_sdk_auth_oidcaccesstoken::ANCHOR);
    black_box(&openstack_sdk_auth_oidcclientcredentials::ANCHOR);
    black_box(&openstack_sdk_auth_password::ANCHOR);
    black_box(&openstack_sdk_auth_totp::ANCHOR);
}

/// Whether the session's token ends within [`MARGIN`]: a request made with it could be refused on
/// its way.
fn is_ending(session: &AsyncOpenStack) -> bool {
    let Some(info) = session.get_auth_info() else { return false };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let end = u64::try_from(info.token.expires_at.timestamp()).unwrap_or(0);
    // A token that lives shorter than the margin would be renewed for ever.
    end <= now.as_secs().saturating_add(MARGIN.as_secs())
}

/// Each of its requests has half a minute.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Covers a request and a slow clock, and still lets tokens of a few seconds work.
const MARGIN: Duration = Duration::from_secs(2);

fn token_of(session: &AsyncOpenStack) -> Token {
    session.get_auth_token().map_or(Token::None, Token::Keystone)
}

impl std::fmt::Debug for Keystone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keystone").field("auth_url", &self.auth_url()).finish_non_exhaustive()
    }
}

impl Identity for Keystone {
    fn token(&self) -> BoxFuture<'_, Result<Token, Error>> {
        Box::pin(async {
            let mut session = self.session.lock().await;
            if session.as_ref().is_none_or(is_ending) {
                *session = Some(self.connect(true).await?);
            }
            Ok(session.as_ref().map_or(Token::None, token_of))
        })
    }

    fn renew<'a>(&'a self, stale: &'a Token) -> BoxFuture<'a, Result<Option<Token>, Error>> {
        Box::pin(async {
            let mut session = self.session.lock().await;
            if let Some(current) = session.as_ref().map(token_of)
                && !current.is_same(stale)
            {
                return Ok(Some(current));
            }
            // The cache would give the refused token again.
            let fresh = self.connect(false).await?;
            let token = token_of(&fresh);
            *session = Some(fresh);
            Ok((!token.is_same(stale)).then_some(token))
        })
    }

    fn endpoint(&self) -> BoxFuture<'_, Result<Url, Error>> {
        Box::pin(async {
            if let Some(endpoint) = &self.endpoint_override {
                return Ok(endpoint.clone());
            }
            self.token().await?;
            let session = self.session.lock().await;
            let session = session.as_ref().expect("token() has just logged in or failed");
            let catalog = session.get_token_catalog().unwrap_or_default();
            let images = catalog.iter().filter(|service| service.service_type == "image");
            let fitting = images.flat_map(|service| &service.endpoints).find(|endpoint| {
                endpoint.interface == self.interface
                    && (self.region.is_none() || endpoint.region == self.region)
            });
            fitting.and_then(|endpoint| Url::parse(&endpoint.url).ok()).ok_or_else(|| {
                Error::NoEndpoint {
                    region: self.region.clone().unwrap_or_else(|| "(any)".to_owned()),
                    interface: self.interface.clone(),
                }
            })
        })
    }

    fn project(&self) -> BoxFuture<'_, Result<Project, Error>> {
        Box::pin(async {
            self.token().await?;
            let session = self.session.lock().await;
            let info = session.as_ref().and_then(AsyncOpenStack::get_auth_info);
            let id = info.and_then(|info| info.token.project).and_then(|project| project.id);
            Ok(id.map_or(Project::Unknown, Project::Id))
        })
    }
}
