//! Disk images of every format, cut off and changed at random: none panics, and qemu-img sees them alike.

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
