//! Who asks, and where: the one thing the client needs from an authentication service.

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use crate::{Error, Secret};

/// Gives requests their right to be answered.
///
/// Every implementation is in [`auth`](crate::auth); an embedding application may bring its own.
pub trait Identity: std::fmt::Debug + Send + Sync {
    /// What to put on a request now. Logs in on the first call and before a token runs out.
    fn token(&self) -> BoxFuture<'_, Result<Token, Error>>;

    /// Another token in place of `stale`, which the server has refused.
    ///
    /// `None` when there is no other to be had: then the refusal stands. Callers that hit the same
    /// refusal together cause one login, not one each.
    fn renew<'a>(&'a self, stale: &'a Token) -> BoxFuture<'a, Result<Option<Token>, Error>>;

    /// The address of the image service, with or without a version at its end.
    fn endpoint(&self) -> BoxFuture<'_, Result<Url, Error>>;

    /// The project that owns the images made with it. Logs in where that tells; asks nothing else.
    fn project(&self) -> BoxFuture<'_, Result<Project, Error>> {
        Box::pin(async { Ok(Project::Unknown) })
    }
}

/// Whose the images are that an [`Identity`] makes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Project {
    /// Those of the project of this id.
    Id(String),
    /// Nobody's: without authentication their `owner` is null.
    None,
    /// There may be a project, and the login does not say which.
    Unknown,
}

/// What a request carries to be answered. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Token {
    /// Nothing: a service without authentication.
    None,
    /// `X-Auth-Token`.
    Keystone(Secret),
    /// `Authorization: Basic …`, already encoded.
    Basic(Secret),
}

impl Token {
    /// Adds the header, marked as sensitive so that nothing prints it.
    ///
    /// A token that cannot be a header value is left out; the server then answers 401.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        let (name, text) = match self {
            Token::None => return,
            Token::Keystone(token) => (HeaderName::from_static("x-auth-token"), token),
            Token::Basic(basic) => (header::AUTHORIZATION, basic),
        };
        if let Ok(mut value) = HeaderValue::from_str(text.expose()) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }

    /// Whether both are the same secret of the same kind.
    pub(crate) fn is_same(&self, other: &Token) -> bool {
        match (self, other) {
            (Token::None, Token::None) => true,
            (Token::Keystone(a), Token::Keystone(b)) | (Token::Basic(a), Token::Basic(b)) => {
                a.expose() == b.expose()
            }
            _ => false,
        }
    }
}
