//! Deflate with a window of 4 KiB, for clusters.
//!
//! qemu decompresses clusters with a window of 12 bits. The fast libraries for deflate have a fixed window of
//! 32 KiB, and zlib is slow with any window. Within 4 KiB the search for matches is simple: all tables fit the
//! first-level cache, and few candidates cover the window. The search is the one of libdeflate: chains of
//! positions with the same four bytes, the last position with the same three, and lazy matching.

mod bits;
mod block;
mod encoder;
mod huffman;
mod matches;

pub(super) use encoder::Deflate;
