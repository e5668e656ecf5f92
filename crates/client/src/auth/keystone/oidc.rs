//! OpenID Connect: how to get a token that Keystone accepts as a login.

use crate::Secret;

/// A login through an identity provider that Keystone trusts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Oidc {
    /// The provider's name in Keystone.
    pub identity_provider: String,
    /// The protocol's name in Keystone: `openid` or `mapped`.
    pub protocol: String,
    /// How to get the provider's token.
    pub grant: OidcGrant,
}

impl Oidc {
    /// A login with this provider, protocol and grant.
    #[must_use]
    pub fn new(
        identity_provider: impl Into<String>,
        protocol: impl Into<String>,
        grant: OidcGrant,
    ) -> Self {
        Oidc { identity_provider: identity_provider.into(), protocol: protocol.into(), grant }
    }
}

/// The source of the provider's token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OidcGrant {
    /// The token is given.
    AccessToken(Secret),
    /// The provider issues one to a client.
    Client(OidcClient),
    /// The provider issues one to a client for a user's name and password.
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
    /// The token endpoint of the provider.
    pub endpoint: OidcEndpoint,
    /// The requested scope; `openid profile` by default.
    pub scope: String,
    /// The provider's token that Keystone accepts: `access_token` or `id_token`.
    pub token_type: String,
}

impl OidcClient {
    /// A client with this id at a provider.
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

    /// Sets the requested scope.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Sets the provider's token that Keystone accepts.
    #[must_use]
    pub fn with_token_type(mut self, token_type: impl Into<String>) -> Self {
        self.token_type = token_type.into();
        self
    }
}

/// The address of an identity provider's token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OidcEndpoint {
    /// This address.
    Token(url::Url),
    /// The one in the provider's description at this address, `…/.well-known/openid-configuration`.
    Discovery(url::Url),
}
