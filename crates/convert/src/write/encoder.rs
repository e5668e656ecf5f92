//! Compression of one cluster.

use std::io;

use bytes::Bytes;

use super::cluster_map::StoredSize;
use super::deflate::Deflate;
use super::options::{ClusterCompression, WriteOptions};

/// Faster than that of qemu, and within 2 % of its size.
const ZLIB_LEVEL: u32 = 2;

/// The level of qemu.
const ZSTD_LEVEL: u32 = 3;

/// A cluster as it is stored in the image.
#[derive(Clone, Debug)]
pub(super) enum Encoded {
    /// The cluster, not compressed.
    Full(Bytes),
    /// The compressed form, which is shorter than a cluster.
    Compressed(Bytes),
}

impl Encoded {
    pub(super) fn bytes(&self) -> &Bytes {
        let (Encoded::Full(bytes) | Encoded::Compressed(bytes)) = self;
        bytes
    }

    pub(super) fn into_bytes(self) -> Bytes {
        let (Encoded::Full(bytes) | Encoded::Compressed(bytes)) = self;
        bytes
    }

    pub(super) fn size(&self) -> StoredSize {
        match self {
            Encoded::Full(_) => StoredSize::Full,
            // Shorter than a cluster, of at most 2 MiB.
            Encoded::Compressed(bytes) => StoredSize::Compressed(bytes.len() as u32),
        }
    }
}

/// Compresses clusters, each without regard to others.
pub(super) struct Encoder {
    method: Method,
}

enum Method {
    None,
    Zlib(Box<Deflate>),
    /// With space for the compressed form of any cluster.
    Zstd(zstd::bulk::Compressor<'static>, Vec<u8>),
}

impl Encoder {
    pub(super) fn new(options: &WriteOptions) -> io::Result<Self> {
        let method = match options.compression {
            ClusterCompression::None => Method::None,
            ClusterCompression::Zlib => {
                Method::Zlib(Box::new(Deflate::new(options.level.unwrap_or(ZLIB_LEVEL))))
            }
            ClusterCompression::Zstd => {
                let level = options.level.unwrap_or(ZSTD_LEVEL);
                let compressor = zstd::bulk::Compressor::new(level.cast_signed())?;
                let cluster_bytes = usize::try_from(options.cluster_bytes).unwrap_or(usize::MAX);
                let space = vec![0; zstd::zstd_safe::compress_bound(cluster_bytes)];
                Method::Zstd(compressor, space)
            }
        };
        Ok(Encoder { method })
    }

    pub(super) fn encode(&mut self, cluster: Bytes) -> io::Result<Encoded> {
        let compressed = match &mut self.method {
            Method::None => None,
            Method::Zlib(deflate) => deflate.compress(&cluster),
            Method::Zstd(zstd, space) => {
                let count = zstd.compress_to_buffer(&cluster, &mut space[..])?;
                space.get(..count).filter(|bytes| bytes.len() < cluster.len())
            }
        };
        Ok(match compressed {
            Some(bytes) => Encoded::Compressed(Bytes::copy_from_slice(bytes)),
            None => Encoded::Full(cluster),
        })
    }
}
