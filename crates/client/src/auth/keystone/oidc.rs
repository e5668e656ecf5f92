//! OpenID Connect: how to get the token that Keystone takes as a login.

use crate::Secret;

/// A login by way of an identity provider that Keystone trusts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Oidc {
    /// The provider, as Keystone calls it.
    pub identity_provider: String,
    /// The protocol, as Keystone calls it: `openid` or `mapped`.
    pub protocol: String,
    /// How to get its token.
    pub grant: OidcGrant,
}

impl Oidc {
    /// By that provider, protocol and grant.
    #[must_use]
    pub fn new(
        identity_provider: impl Into<String>,
        protocol: impl Into<String>,
        grant: OidcGrant,
    ) -> Self {
        Oidc { identity_provider: identity_provider.into(), protocol: protocol.into(), grant }
    }
}

/// Where the provider's token comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OidcGrant {
    /// It is there already.
    AccessToken(Secret),
    /// The provider gives one to a client.
    Client(OidcClient),
    /// The provider gives one to a client for a user's name and password.
    Password(OidcClient, String, Secret),
}

/// A client of an identity provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OidcClient {
    /// Its id.
    pub id: String,
    /// Its secret; public clients have none.
    pub secret: Option<Secret>,
    /// Where the provider gives tokens.
    pub endpoint: OidcEndpoint,
    /// What is asked for; `openid profile` as a rule.
    pub scope: String,
    /// Which of the provider's tokens Keystone takes: `access_token` or `id_token`.
    pub token_type: String,
}

impl OidcClient {
    /// A client of that id at a provider.
    #[must_use]
    pub fn new(id: impl Into<String>, endpoint: OidcEndpoint) -> Self {
        OidcClient {
            id: id.into(),
            secret: None,
            endpoint,
            scope: "openid profile".to_owned(),
            token_type: "access_token".to_owned(),
        }
    }

    /// Sets the client's secret.
    #[must_use]
    pub fn with_secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Sets what is asked for.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Sets which of the provider's tokens Keystone takes.
    #[must_use]
    pub fn with_token_type(mut self, token_type: impl Into<String>) -> Self {
        self.token_type = token_type.into();
        self
    }
}

/// Where an identity provider gives tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OidcEndpoint {
    /// At this address.
    Token(url::Url),
    /// Where the provider's description at this address says, `…/.well-known/openid-configuration`.
    Discovery(url::Url),
}
