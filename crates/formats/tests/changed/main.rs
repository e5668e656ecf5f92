//! Disk images of every format, truncated and randomly changed: none causes a panic, and qemu-img agrees.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod case;
mod checksums;
mod differential;
mod exceptions;
mod images;
mod mutation;
mod oracle;
mod panics;
