//! Tests that only a real cloud allows: how the services process uploads, and how other clients see the
//! results.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Tests in a module of this name need the cloud; `cargo xtask test` runs them while it is up.
mod real {
    mod converting;
    mod interchange;
    mod metadefs;
    mod openstackclient;
    mod pushes;
    mod targets;
    mod verdicts;
    #[path = "../../conformance/web.rs"]
    mod web;
}
