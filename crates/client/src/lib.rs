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

mod attribute;
pub mod auth;
mod cache;
mod client;
mod config;
mod create;
mod data;
mod download;
mod error;
mod find;
mod http;
mod identity;
mod image;
mod import;
mod info;
mod list;
mod locations;
mod members;
mod pages;
mod patch;
mod record;
mod redact;
mod stores;
mod tags;
mod tasks;
mod wait;
mod words;

pub use attribute::{Access, Attribute, Kind, Place, Unfit};
pub use cache::{Cache, CachedImage, ClearTarget};
pub use client::ImageClient;
pub use config::{Cloud, CloudOptions, ConfigError, Surroundings, Tls};
pub use create::NewImage;
pub use data::UploadOptions;
pub use download::{Download, DownloadOptions};
pub use error::{Answer, Error};
pub use identity::{Identity, Token};
pub use image::{Image, ImageId};
pub use import::{Import, ImportMethod};
pub use info::{ImageSchema, Quota, Usage};
pub use list::{Compare, Direction, ImageQuery, PAGE_IMAGES};
pub use locations::{Location, ValidationData};
pub use members::Member;
pub use patch::PatchOp;
pub use stores::Store;
pub use tasks::Task;
pub use wait::WaitOptions;
pub use words::{MemberStatus, Status, TaskStatus, Visibility};
