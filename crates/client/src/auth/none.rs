//! `auth_type: none`: a service without authentication.

use futures_util::future::BoxFuture;
use url::Url;

use crate::{Error, Identity, Project, identity::Token};

/// No authentication; only the address is needed.
#[derive(Clone, Debug)]
pub struct NoAuth {
    endpoint: Url,
}

impl NoAuth {
    /// For the image service at `endpoint`.
    #[must_use]
    pub fn new(endpoint: Url) -> Self {
        NoAuth { endpoint }
    }
}

impl Identity for NoAuth {
    fn token(&self) -> BoxFuture<'_, Result<Token, Error>> {
        Box::pin(async { Ok(Token::None) })
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
