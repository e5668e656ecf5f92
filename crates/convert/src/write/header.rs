//! The header of an image.

use super::geometry::{Geometry, RefcountArea};
use super::options::ClusterCompression;

/// Bytes of the header: those of version 3, and the compression type, padded to eight.
const HEADER_BYTES: u32 = 112;

/// The incompatible feature of an image that has another compression than zlib.
const COMPRESSION_FEATURE: u64 = 1 << 3;

/// The exponent of the bits of a refcount: 16.
const REFCOUNT_ORDER: u32 = 4;

/// The bytes of the header, and of the empty list of extensions after it.
pub(super) fn header(
    geometry: Geometry,
    area: RefcountArea,
    compression: ClusterCompression,
) -> Vec<u8> {
    let is_zstd = compression == ClusterCompression::Zstd;
    let l1_entries = u32::try_from(geometry.l1_entries()).unwrap_or(u32::MAX);
    let table_clusters = u32::try_from(area.table).unwrap_or(u32::MAX);
    let mut bytes = b"QFI\xfb".to_vec();
    let mut put = |field: &[u8]| bytes.extend_from_slice(field);
    put(&3u32.to_be_bytes());
    // No backing file: the position and the length of its name.
    put(&[0; 12]);
    put(&geometry.cluster_bits.to_be_bytes());
    put(&geometry.virtual_bytes.to_be_bytes());
    // No encryption.
    put(&[0; 4]);
    put(&l1_entries.to_be_bytes());
    put(&geometry.cluster_bytes().to_be_bytes());
    put(&(area.start << geometry.cluster_bits).to_be_bytes());
    put(&table_clusters.to_be_bytes());
    // No snapshots: their number and position.
    put(&[0; 12]);
    // The incompatible, compatible and autoclear features.
    put(&(if is_zstd { COMPRESSION_FEATURE } else { 0 }).to_be_bytes());
    put(&[0; 16]);
    put(&REFCOUNT_ORDER.to_be_bytes());
    put(&HEADER_BYTES.to_be_bytes());
    put(&[u8::from(is_zstd), 0, 0, 0, 0, 0, 0, 0]);
    // The end of the header extensions.
    put(&[0; 8]);
    bytes
}
