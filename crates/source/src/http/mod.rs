//! Files at `http` and `https` addresses.

#[cfg(feature = "http")]
mod client;
#[cfg(feature = "http")]
mod connection;
mod options;
#[cfg(feature = "http")]
mod proxy;
#[cfg(feature = "http")]
mod range;
#[cfg(feature = "http")]
mod resolver;
#[cfg(feature = "http")]
mod retry_after;
#[cfg(feature = "http")]
mod source;

pub use options::{Credentials, HttpOptions};
#[cfg(feature = "http")]
pub use source::HttpSource;
