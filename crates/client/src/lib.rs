//! The Image resource of OpenStack Glance and its calls over HTTP.
//!
//! ```no_run
//! use futures_util::TryStreamExt;
//! use imgpush_client::{Cloud, CloudOptions, ImageClient, ImageQuery, NewImage, UploadOptions};
//!
//! # async fn tour() -> Result<(), Box<dyn std::error::Error>> {
//! // clouds.yaml, secure.yaml and OS_* variables, as in openstackclient.
//! let cloud = Cloud::load(&CloudOptions::named(Some("mycloud".into())))?;
//! let client = ImageClient::connect(&cloud).await?;
//!
//! // A record, and its data.
//! let mut wanted = NewImage::named("noble").with_formats("raw", "bare");
//! wanted.set_os_distro("ubuntu");
//! let image = client.create(&wanted).await?;
//! let data = http_body_util::Full::from("data");
//! client.upload(image.id(), data, &UploadOptions::sized(4)).await?;
//!
//! // The record with the results of the service.
//! let mut image = client.find_existing("noble").await?;
//! assert_eq!(image.hash_algo(), Some("sha512"));
//!
//! // One PATCH with the changes.
//! image.set_hidden(true);
//! image.set_property("build", 814)?;
//! let image = client.commit(&image).await?;
//!
//! // The server applies filters; the next page is requested when the previous one is used up.
//! let query = ImageQuery::default().with("os_distro", "ubuntu").hidden().at_most(10);
//! let mut images = client.images(&query);
//! while let Some(image) = images.try_next().await? {
//!     println!("{} {:?} {:?}", image.id(), image.name(), image.size());
//! }
//! # Ok(()) }
//! ```
//!
//! | openstacksdk | here |
//! |---|---|
//! | `Image`, its attributes and `properties` | [`Image`]; [`NewImage`] for a record to create; [`Attribute`], the table of attributes |
//! | `create`, `fetch`, `commit`, `patch`, `delete` | [`create`](ImageClient::create), [`image`](ImageClient::image), [`commit`](ImageClient::commit), [`patch`](ImageClient::patch), [`delete`](ImageClient::delete), [`delete_if_exists`](ImageClient::delete_if_exists) |
//! | `list`, `find` with `ignore_missing` or not | [`images`](ImageClient::images) with an [`ImageQuery`], [`find`](ImageClient::find), [`find_existing`](ImageClient::find_existing) |
//! | `upload`, `stage`, `download` | [`upload`](ImageClient::upload), [`stage`](ImageClient::stage), [`download`](ImageClient::download) |
//! | `import_image`, `wait_for_status` | [`import`](ImageClient::import) with an [`Import`], [`wait`](ImageClient::wait), [`import_and_wait`](ImageClient::import_and_wait) |
//! | `deactivate`, `reactivate`, tags, members | [`deactivate`](ImageClient::deactivate), [`reactivate`](ImageClient::reactivate), [`add_tag`](ImageClient::add_tag), [`members`](ImageClient::members) and similar |
//! | tasks, stores, locations, cache | [`image_tasks`](ImageClient::image_tasks), [`tasks`](ImageClient::tasks), [`stores`](ImageClient::stores), [`add_location`](ImageClient::add_location), [`cache`](ImageClient::cache) and similar |
//! | `MetadefNamespace` and similar, `metadef_namespaces` and similar | [`MetadefNamespace`], [`MetadefObject`], [`MetadefProperty`] and similar; [`metadef_namespaces`](ImageClient::metadef_namespaces) with a [`MetadefNamespaceQuery`], [`metadef_objects`](ImageClient::metadef_objects), [`metadef_tags`](ImageClient::metadef_tags) and similar |
//! | `identity.find_project` | [`find_project`](ImageClient::find_project) |
//! | `/info/import`, `/info/usage`, schemas | [`import_info`](ImageClient::import_info), [`usage`](ImageClient::usage), [`schema`](ImageClient::schema), [`schema_of`](ImageClient::schema_of) |
//!
//! Intended differences from openstacksdk: a property that cannot be parsed is available as text, not as 0;
//! the server applies all filters, none is applied after the download; `find` requests hidden images by name
//! instead of reading all of them; a patch changes root keys only, once each; `glance-download` sends region
//! and image also without an interface; no call names a store twice; waiting detects failures; an update of a
//! metadata definition sends all of it, so that attributes that were not given do not get their defaults.
//!
//! All requests use one HTTP client with the cloud's certificates and the system's proxies, or the given
//! [`HttpOptions`]. Redirects are not followed, since a token must not be sent to another host. After a 401
//! the token is renewed and the request is repeated once. Uploads are the exception, since the body is
//! consumed by then: the caller renews the token with [`ImageClient::renew`]. A call without a response after
//! one minute is [`Error::TimedOut`]; image data has no time-out here.
//!
//! This crate does not read, hash or check image data, and a [`Download`] is not verified. `imgpush-engine`
//! does that, and is the main user of this crate; the `imgpush` program uses both.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod accessors;
mod age;
mod attribute;
mod attribute_table;
pub mod auth;
mod cache;
mod client;
mod config;
mod create;
mod data;
mod download;
mod enums;
mod error;
mod find;
mod identity;
mod image;
mod import;
mod info;
mod invalid_attribute;
mod list;
mod location;
mod locations;
mod members;
mod metadefs;
mod pages;
mod patch;
mod property_key;
mod record;
mod redact;
mod secret;
mod stores;
mod tags;
mod tasks;
mod timestamp;
mod transport;
mod wait;

// Types of other crates that occur in signatures of this one.
pub use ::bytes;
pub use ::http;
pub use ::http_body;
pub use ::serde_json;
pub use ::url;
pub use futures_util::{Stream, future::BoxFuture, stream::BoxStream};

pub use attribute::{Access, Attribute, Kind, Place};
pub use cache::{Cache, CachedImage, ClearTarget};
pub use client::{ImageClient, ImageClientBuilder};
pub use config::{Cloud, CloudOptions, Surroundings};
pub use create::NewImage;
pub use data::UploadOptions;
pub use download::{Download, DownloadOptions};
pub use enums::{MemberStatus, Status, TaskStatus, Visibility};
pub use error::{Answer, ConfigError, Error, NotActive};
pub use identity::{Identity, Project, Token};
pub use image::{Image, ImageId};
pub use import::{Import, ImportMethod};
pub use info::{ImageSchema, Quota, Usage};
pub use invalid_attribute::InvalidAttribute;
pub use list::{Compare, Direction, ImageQuery, PAGE_IMAGES};
pub use location::{Location, ValidationData};
pub use members::Member;
pub use metadefs::{
    MetadefNamespace, MetadefNamespaceQuery, MetadefObject, MetadefProperty, MetadefResourceType,
    MetadefResourceTypeAssociation,
};
pub use patch::PatchOp;
pub use secret::Secret;
pub use stores::Store;
pub use tasks::Task;
pub use transport::{ClientCertificate, HttpClient, HttpOptions};
pub use wait::WaitOptions;
