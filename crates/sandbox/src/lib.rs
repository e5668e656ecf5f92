//! An embedded service with the Image API v2 and scripted faults, for tests and demonstrations.
//!
//! ```
//! use imgpush_sandbox::{Fault, Operation, Sandbox, SandboxOptions};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
//! sandbox.inject(Operation::Upload, Fault::DropAfter(1 << 20));
//! // … upload to sandbox.url() and check how the client handles the fault …
//! assert!(sandbox.journal().is_empty());
//! sandbox.shutdown().await;
//! # });
//! ```
//!
//! A fault applies to the next request of an [`Operation`], or, with [`Sandbox::inject_for_image`], to the
//! next one for an image, so that a test of many transfers can choose the failing ones. [`Sandbox::journal`]
//! lists the received requests.
//!
//! The service has the states, the messages and the behaviour of Glance: every response closes the
//! connection, an early refusal leaves the body unread, and errors are JSON, HTML or text according to
//! `Accept`. It shares no code with the tested client and hashes with plain library crates, so that client
//! and service cannot have the same error. One conformance suite runs against it and against a real Glance.
//! The tests of all crates use it, and so does `imgpush demo`.
//!
//! With tokens it has four users, as the test cloud does: [`USER`] and [`READER`] of one project,
//! [`OTHER_USER`] of another, and [`ADMIN`], with the default policies of Glance; or those of a file, see
//! [`Users`]. Without tokens every caller has all rights. Both regions of its catalog are the service itself, so `glance-download` copies from the
//! same service. Tasks process imports and locations after the response.
//!
//! It is not meant to store images: all stores are one directory, and it fetches only from the loopback
//! address and the hosts of [`SandboxOptions::allowed_hosts`].
#![forbid(unsafe_code)]

mod body_meter;
mod clock;
mod directory;
mod error;
mod faults;
mod fetch;
mod files;
mod format_check;
mod hashing;
mod identity;
mod image;
mod metadefs;
mod options;
mod policy;
mod request_log;
mod response;
mod routes;
mod server;
mod state;
mod task;
mod upload;
mod work;

pub use directory::{
    ADMIN, ADMIN_PROJECT, APPLICATION_CREDENTIAL, OTHER_PROJECT, OTHER_PROJECT_ID, OTHER_USER,
    PASSWORD, PROJECT, PROJECT_ID, READER, REGIONS, USER, Users,
};
pub use error::{Error, UnknownWord};
pub use faults::{Fault, Operation};
pub use options::{Quota, SandboxOptions};
pub use request_log::Received;
pub use server::Sandbox;
