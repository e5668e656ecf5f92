//! The implementations of [`Identity`](crate::Identity).

mod basic;
mod fixed;
mod keystone;
mod none;

pub use basic::Basic;
pub use fixed::FixedToken;
pub use keystone::{
    ApplicationCredential, Domain, Keystone, LoginMethod, Oidc, OidcClient, OidcEndpoint,
    OidcGrant, Scope, User,
};
pub use none::NoAuth;
