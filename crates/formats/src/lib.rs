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
//! A [`Detector`] is fed a stream in pieces of any size; the verdict does not depend on how it is cut.
//! A source that can seek gives its end first, with [`Detector::tail`]. The [`Inspection`] has every
//! magic that is there with its evidence, one verdict, the size of the disk inside, facts for people,
//! what is wrong with it, and two predictions: what qemu says of it, and what the image service will do with it.
//!
//! Nothing is allocated that the input can inflate: kept are the first [`HEAD_BYTES`], the last
//! [`TAIL_BYTES`], and at most a MiB of what the header points to.
//!
//! What it does not do: follow tables that lie anywhere in the file (qcow2's L1 and L2, VMDK's grain
//! directory, VHDX's block table), read files that an image names, decrypt or unpack. A part that
//! would have to be looked at but was not there is a finding, [`FindingId::NotChecked`].
//!
//! To add a format, write a file with an `impl Inspector` and add its line to the table in `format`.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod archive;
mod bochs;
mod boot_sector;
mod checksum;
mod cloop;
mod detail;
mod detect;
mod dmg;
mod filesystem;
mod finding;
mod format;
mod glance;
mod inspect;
mod iso;
mod luks;
mod on_disk;
mod packed;
mod parallels;
mod partition;
mod qcow;
pub mod qcow2;
mod qed;
mod qemu;
mod region;
mod units;
mod vdi;
mod verdict;
mod vhd;
mod vhdx;
mod vmdk;

pub use detail::{Detail, DetailValue};
pub use detect::{Detector, HEAD_BYTES, TAIL_BYTES};
pub use finding::{Evidence, Finding, FindingId, Severity};
pub use format::Format;
pub use glance::{FailedCheck, ImageFormatSettings, OsloMatch, OsloView, Safety, ServerVerdict};
pub use qemu::QemuView;
pub use units::{ClusterIndex, GuestOffset, HostOffset};
pub use verdict::{Inspection, Match};
