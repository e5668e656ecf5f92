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
//! With tokens it knows four users, as the test cloud does: [`USER`] and [`READER`] of one project,
//! [`OTHER_USER`] of another, and [`ADMIN`]; Glance's default policies say what each may do. Without,
//! everybody may do everything. Both regions of its catalog are itself, so that `glance-download`
//! copies from itself. Imports and locations are done behind the answer, by tasks.
//!
//! What it is not: a store to keep images in. All stores are one folder, it fetches from the loopback
//! address alone, and it checks no format but qcow2.
#![forbid(unsafe_code)]

mod body_meter;
mod clock;
mod error;
mod faults;
mod fetch;
mod format_check;
mod hashing;
mod identity;
mod image;
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

pub use error::{Error, UnknownWord};
pub use faults::{Fault, Operation};
pub use identity::{
    ADMIN, ADMIN_PROJECT, APPLICATION_CREDENTIAL, OTHER_PROJECT, OTHER_PROJECT_ID, OTHER_USER,
    PASSWORD, PROJECT, PROJECT_ID, READER, REGIONS, USER,
};
pub use options::{Quota, SandboxOptions};
pub use request_log::Received;
pub use server::Sandbox;
