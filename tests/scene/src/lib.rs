//! The scene of a test: a service, a client of it, a folder with files and a `clouds.yaml`, and the program.
//!
//! [`Scene::start`] starts a sandbox that requires a login, and [`Scene::builder`] selects another service.
//! Tests without an async runtime call [`Scene::start_blocking`]. [`Scene::run`] runs the program. A suite
//! for the sandbox and a real Glance is written once, as functions of a [`Side`] that [`suites!`] lists. The
//! tests of client, engine, cli and sandbox use it.
//!
//! Failures here panic, so the test fails.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod builder;
mod cloud;
mod data;
mod openstack;
mod program;
mod scene;
mod suites;
mod variable;

pub use access::open_client;
pub use builder::SceneBuilder;
pub use cloud::RealCloud;
pub use data::{hex, pattern, pattern_file, sha512, sha512sum, sha512sums, zeros_with};
pub use program::{Run, imgpush, imgpush_in, signal, spawn};
pub use scene::Scene;
pub use suites::Side;
