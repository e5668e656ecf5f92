//! Work after the response: the tasks of imports and locations.

mod import;
mod job;
mod location;
mod old_import;
mod plugins;

pub(crate) use import::{Import, Source};
pub(crate) use job::enter;
pub(crate) use location::Location;
pub(crate) use old_import::OldImport;
