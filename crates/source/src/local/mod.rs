//! Files and block devices of the local machine.

mod file;
mod file_stamp;
#[cfg(all(target_os = "linux", feature = "mmap"))]
mod mapped;
#[cfg(all(target_os = "linux", feature = "mmap"))]
mod mmap;
mod sparse;

pub use file::FileSource;
#[cfg(all(target_os = "linux", feature = "mmap"))]
pub use mapped::MappedSource;
