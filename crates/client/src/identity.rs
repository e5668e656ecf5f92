//! Tokens and the service address: the one interface between the client and an authentication service.

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use crate::{Error, Secret};

/// Provides the token of requests and the address of the image service.
///
/// [`auth`](crate::auth) contains the implementations of this crate; a program may add its own.
pub trait Identity: std::fmt::Debug + Send + Sync {
    /// The current token. Logs in on the first call and before a token expires.
    fn token(&self) -> BoxFuture<'_, Result<Token, Error>>;

    /// Another token to replace `stale`, which the server has refused.
    ///
    /// `None` if no other token is available: then the refusal is final. Callers that receive the same
    /// refusal at the same time cause one login, not one each.
    fn renew<'a>(&'a self, stale: &'a Token) -> BoxFuture<'a, Result<Option<Token>, Error>>;

    /// The address of the image service, with or without a version at its end.
    fn endpoint(&self) -> BoxFuture<'_, Result<Url, Error>>;

    /// The project that owns the images created with it. It logs in if that shows the project, and sends no
    /// other request.
    fn project(&self) -> BoxFuture<'_, Result<Project, Error>> {
        Box::pin(async { Ok(Project::Unknown) })
    }

    /// The id of the project with this id or name. `domain` is the id or name of its domain.
    ///
    /// Without a service that knows projects, the text is the id.
    fn find_project<'a>(
        &'a self,
        name_or_id: &'a str,
        domain: Option<&'a str>,
    ) -> BoxFuture<'a, Result<String, Error>> {
        let _ = domain;
        Box::pin(async { Ok(name_or_id.to_owned()) })
    }
}

/// The owner of the images that an [`Identity`] creates.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Project {
    /// The project with this id.
    Id(String),
    /// No project: without authentication their `owner` is null.
    None,
    /// There may be a project, but the login does not show which.
    Unknown,
}

/// The authentication of a request. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Token {
    /// None: a service without authentication.
    None,
    /// `X-Auth-Token`.
    Keystone(Secret),
    /// `Authorization: Basic …`, already encoded.
    Basic(Secret),
}

impl Token {
    /// Adds the header, marked as sensitive so that it is not logged.
    ///
    /// A token that is not allowed in a header is omitted; the server then answers 401.
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

    /// Whether both are the same secret of the same type.
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
