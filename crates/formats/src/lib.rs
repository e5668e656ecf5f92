//! Detection of disk image formats: the format of a stream, the size of its disk, and problems in it.
//!
//! ```
//! use imgpush_formats::{Detector, Format};
//!
//! let mut detector = Detector::new();
//! detector.push(b"\x1f\x8b\x08");
//! let inspection = detector.finish();
//! assert_eq!(inspection.format, Format::Gzip);
//! assert!(inspection.is_refused(), "a compressed image does not boot");
//! ```
//!
//! A [`Detector`] takes a stream in pieces of any size; the verdict does not depend on how it is split. For a
//! source with random access, [`Detector::seek`] reads the end and a few other parts. The [`Inspection`]
//! contains every magic found with its evidence, one format, the size of the disk, facts for a reader, the
//! findings, and two predictions: the format that qemu detects, and the decision of the image service. The
//! engine judges each source before and during an upload; `imgpush inspect` shows the result.
//!
//! [`Detector::finish`] judges a stream that has ended. For the start of a longer one, such as the first
//! sector of a file, use [`Detector::so_far`], which never reports it as raw and safe: see
//! [`Inspection::is_complete`] and the example `judge_header`.
//!
//! The crate does no I/O, and the input cannot increase its memory: it keeps the first [`HEAD_BYTES`], the
//! last [`TAIL_BYTES`], and at most one MiB of the parts that a header refers to.
//!
//! It does not follow tables that may be anywhere in the file (L1 and L2 of qcow2, the grain directory of
//! VMDK, the block table of VHDX), read other files that an image names, decrypt or decompress. A required
//! part that was not seen is a finding, [`FindingId::NotChecked`].
//!
//! To add a format, write a file with an `impl Inspector` and add its line to the table in `format`.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod archive;
mod bochs;
mod boot_sector;
mod checksum;
mod cloop;
mod compressed;
mod detail;
mod detect;
mod dmg;
mod file_name;
mod filesystem;
mod finding;
mod format;
mod glance;
mod inspect;
mod iso;
mod luks;
mod not_a_disk;
pub mod on_disk;
mod parallels;
mod partition;
mod qcow;
pub mod qcow2;
mod qed;
mod qemu;
mod region;
mod remedy;
mod units;
mod vdi;
mod verdict;
mod vhd;
pub mod vhdx;
mod vmdk;

pub use detail::{Detail, DetailValue};
pub use detect::Detector;
pub use finding::{Evidence, Finding, FindingId, Severity};
pub use format::Format;
pub use glance::{FailedCheck, ImageFormatSettings, OsloMatch, OsloView, Safety, ServerVerdict};
pub use qemu::QemuView;
pub use region::{HEAD_BYTES, TAIL_BYTES};
pub use units::{ClusterIndex, GuestOffset, HostOffset};
pub use verdict::{Inspection, Match};
