//! Recognises, measures and judges disk images; no I/O of its own.
//!
//! ```
//! use imgpush_formats::{Detector, Format};
//!
//! let mut detector = Detector::new();
//! detector.push(b"\x1f\x8b\x08");
//! let inspection = detector.inspect(Some(3));
//! assert_eq!(inspection.format, Format::Gzip);
//! assert!(inspection.is_refused(), "a packed image does not boot");
//! ```
//!
//! A [`Detector`] is fed the start of a stream in pieces of any size; the verdict does not depend on
//! how it is cut. Nothing is allocated that the input can inflate: what is kept is the first
//! [`HEAD_BYTES`] of the stream.
//!
//! What it knows so far: every magic at the start of a stream, so that nothing which is something
//! else is taken for a raw disk, and qcow2 in full, with what qemu and the image service refuse.
//! What stands at the end of a file (a fixed VHD's footer, a VMDK's) is not looked at.
#![forbid(unsafe_code)]

mod detect;
mod finding;
mod format;
mod inspect;
mod on_disk;
mod others;
mod qcow2;

pub use detect::{Detector, HEAD_BYTES};
pub use finding::{Finding, FindingId, Severity};
pub use format::Format;
pub use inspect::{Inspection, Match};
