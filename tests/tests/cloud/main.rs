//! What only a real cloud can tell: what the services make of what is sent, and what other clients
//! make of that.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Tests of this name need the cloud; `cargo xtask test` has them run when it is up.
mod real {
    mod interchange;
    mod openstackclient;
    mod pushes;
    mod targets;
    mod verdicts;
}
