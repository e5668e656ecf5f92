//! `auth_type: http_basic`: user and password in every request.

use base64::Engine as _;
use futures_util::future::BoxFuture;
use url::Url;

use crate::{Error, Identity, Project, Secret, identity::Token};

/// HTTP basic authentication.
#[derive(Clone, Debug)]
pub struct Basic {
    endpoint: Url,
    header: Secret,
}

impl Basic {
    /// For the image service at `endpoint`.
    #[must_use]
    pub fn new(endpoint: Url, username: &str, password: &Secret) -> Self {
        let pair = format!("{username}:{}", password.expose());
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        Basic { endpoint, header: format!("Basic {encoded}").into() }
    }
}

impl Identity for Basic {
    fn token(&self) -> BoxFuture<'_, Result<Token, Error>> {
        Box::pin(async { Ok(Token::Basic(self.header.clone())) })
    }

    fn renew<'a>(&'a self, _: &'a Token) -> BoxFuture<'a, Result<Option<Token>, Error>> {
        Box::pin(async { Ok(None) })
    }

    fn endpoint(&self) -> BoxFuture<'_, Result<Url, Error>> {
        Box::pin(async { Ok(self.endpoint.clone()) })
    }

    fn project(&self) -> BoxFuture<'_, Result<Project, Error>> {
        Box::pin(async { Ok(Project::None) })
    }
}
