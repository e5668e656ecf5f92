//! Raw bytes as a qcow2 image.
//!
//! [`Qcow2Source`] is a source of the bytes of the image, for a stream: its size is known before the first byte,
//! so it reads the raw source twice, or keeps the clusters in a temporary file ([`WriteOptions::spool`]).
//! [`write_to`] writes the same bytes into a file and reads the raw source once, since a file can be completed
//! by seeking.
//!
//! # Layout of the image
//!
//! | part | position |
//! |---|---|
//! | header | cluster 0 |
//! | L1 table | from cluster 1 on |
//! | for each part of the disk that has data: its L2 table, then its clusters in the order of the disk | after the L1 table |
//! | refcount table, refcount blocks | the end |
//!
//! So a reader of a pipe meets each table before the data that it refers to, and the position of a cluster
//! depends only on what comes before it. Clusters of zeros are absent. A compressed cluster begins where the
//! one before it ends; a cluster that compression does not shorten is stored as it is, at a cluster boundary.
//! The image has version 3, no snapshots and no backing file.
//!
//! The bytes depend only on the raw bytes and the options, not on the number of threads.

mod allocator;
mod cluster_map;
mod clusters;
mod compressors;
mod cutter;
mod deflate;
mod encoder;
mod error;
mod file;
mod fingerprint;
mod geometry;
mod header;
mod image;
mod options;
mod pieces;
mod pipeline;
mod refcounts;
mod spool;
mod stream;
mod trial;

pub use error::WriteError;
pub use file::{Written, write_to};
pub use options::{ClusterCompression, WriteOptions};
pub use stream::Qcow2Source;
pub(crate) use trial::Trial;
