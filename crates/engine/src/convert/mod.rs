//! Conversion of a disk image while it is read: as a source for a push, or into a file.
//!
//! `imgpush-convert` reads virtual disks and writes qcow2. [`Conversion`] chooses what a source needs, and
//! [`file`] writes the result beside its destination until it is complete. [`view`] is for images that the
//! service has converted.

mod conversion;
mod error;
mod file;
mod view;

pub use conversion::{Conversion, OutputFormat};
pub use error::ConversionError;
pub use file::ConvertedFile;
pub(crate) use view::{StoredView, can_be_converted};
