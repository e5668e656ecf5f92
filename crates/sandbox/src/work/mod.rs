//! Work after the response: the tasks of imports and locations.

mod import;
mod job;
mod location;

pub(crate) use import::{Import, Source};
pub(crate) use job::enter;
pub(crate) use location::Location;
