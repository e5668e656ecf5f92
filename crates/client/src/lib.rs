//! The Image resource of OpenStack Glance and its calls over HTTP.
//!
//! ```no_run
//! use imgpush_client::{Cloud, CloudOptions, ImageClient, NewImage};
//!
//! # async fn tour() -> Result<(), imgpush_client::Error> {
//! // clouds.yaml, secure.yaml and OS_* as openstackclient reads them.
//! let cloud = Cloud::load(&CloudOptions::named(Some("mycloud".into())))?;
//! let client = ImageClient::connect(&cloud).await?;
//!
//! let image = client.create(&NewImage::named("noble").with_formats("qcow2", "bare")).await?;
//! client.upload(&image.id, http_body_util::Full::from("data"), Some(4)).await?;
//! let image = client.image(&image.id).await?;
//! assert_eq!(image.os_hash_algo.as_deref(), Some("sha512"));
//! # Ok(()) }
//! ```
//!
//! Every request goes through one `reqwest` client with the cloud's certificates and the system's
//! proxies; redirects are not followed, since a token must not travel to another host. A 401 renews
//! the token once and asks again; only an upload, whose body is gone by then, leaves that to the
//! caller ([`ImageClient::renew`]).
//!
//! What this crate is not: it does not read, hash or check image data. `imgpush-engine` does.
#![forbid(unsafe_code)]

pub mod auth;
mod client;
mod config;
mod create;
mod data;
mod error;
mod http;
mod identity;
mod image;
mod list;
mod patch;
mod redact;
mod schema;
mod usage;

pub use client::ImageClient;
pub use config::{Cloud, CloudOptions, ConfigError, Surroundings, Tls};
pub use create::{NewImage, UnfitProperty};
pub use error::{Answer, Error};
pub use identity::{Identity, Token};
pub use image::{Image, ImageId, Status, Visibility};
pub use list::ImageQuery;
pub use patch::PatchOp;
pub use schema::ImageSchema;
pub use usage::{Quota, Usage};
