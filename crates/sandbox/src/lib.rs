//! An embedded Image v2 service with scripted faults, for trying out and for tests.
//!
//! ```
//! use imgpush_sandbox::{Fault, Operation, Sandbox, SandboxOptions};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
//! sandbox.inject(Operation::Upload, Fault::DropAfter(1 << 20));
//! // … push to sandbox.url(), and see what the client makes of it …
//! assert!(sandbox.journal().is_empty());
//! sandbox.shutdown().await;
//! # });
//! ```
//!
//! It follows Glance's status machine, its words and its habits: every answer closes the connection,
//! an early refusal leaves the body unread, errors come as JSON, HTML or text by the request's
//! `Accept`. It shares no code with the client it judges and hashes with plain library crates, so
//! that a mistake of ours cannot agree with itself; the same conformance suite runs against it and
//! against a real Glance.
//!
//! What it is not: a store to keep images in. It has one project, no policies beyond "the owner may",
//! and checks no format but qcow2.
#![forbid(unsafe_code)]

mod answer;
mod error;
mod faults;
mod format_check;
mod hashing;
mod identity;
mod journal;
mod options;
mod routes;
mod server;
mod state;

pub use error::{Error, UnknownWord};
pub use faults::{Fault, Operation};
pub use identity::{APPLICATION_CREDENTIAL, PASSWORD, PROJECT, USER};
pub use journal::Received;
pub use options::{Quota, SandboxOptions};
pub use server::Sandbox;
