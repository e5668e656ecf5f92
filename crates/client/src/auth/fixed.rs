//! A given token and address: `admin_token`, `token_endpoint`.

use futures_util::future::BoxFuture;
use url::Url;

use crate::{Error, Identity, Secret, identity::Token};

/// A token that is used unchanged and cannot be renewed.
#[derive(Clone, Debug)]
pub struct FixedToken {
    endpoint: Url,
    token: Secret,
}

impl FixedToken {
    /// For the image service at `endpoint`.
    #[must_use]
    pub fn new(endpoint: Url, token: Secret) -> Self {
        FixedToken { endpoint, token }
    }
}

impl Identity for FixedToken {
    fn token(&self) -> BoxFuture<'_, Result<Token, Error>> {
        Box::pin(async { Ok(Token::Keystone(self.token.clone())) })
    }

    fn renew<'a>(&'a self, _: &'a Token) -> BoxFuture<'a, Result<Option<Token>, Error>> {
        Box::pin(async { Ok(None) })
    }

    fn endpoint(&self) -> BoxFuture<'_, Result<Url, Error>> {
        Box::pin(async { Ok(self.endpoint.clone()) })
    }
}
