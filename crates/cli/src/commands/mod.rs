//! What the verbs do.

mod batch;
mod connect;
pub(crate) mod convert;
#[cfg(feature = "sandbox")]
pub(crate) mod demo;
pub(crate) mod digest;
#[cfg(test)]
mod error_table;
mod failed;
mod file_names;
mod files;
pub(crate) mod image;
pub(crate) mod inspect;
pub(crate) mod install;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod report;
#[cfg(feature = "sandbox")]
pub(crate) mod sandbox;
mod selection;
mod share;
mod source;
pub(crate) mod tune;
pub(crate) mod verify;
