//! A small qcow2 that looks bootable: a boot sector, a partition, and some data after it.
//!
//! Written here so that the demo needs no tool; `qemu-img check` finds nothing to mend in it.

use std::io::{self, Write};

const CLUSTER: u64 = 64 << 10;
/// Entries of a table of one cluster.
const ENTRIES: u64 = CLUSTER / 8;
/// The reference count of a cluster is two bytes.
const REFCOUNTS: u64 = CLUSTER / 2;
/// The entry of a cluster that is not shared.
const COPIED: u64 = 1 << 63;

/// Writes an image of `virtual_size` bytes that holds `data_clusters` clusters of data.
///
/// Layout, a cluster each: header, refcount table, refcount block, L1, L2, then the data.
pub(super) fn write(out: &mut impl Write, virtual_size: u64, data_clusters: u64) -> io::Result<()> {
    let clusters = 5 + data_clusters;
    assert!(data_clusters <= ENTRIES && clusters <= REFCOUNTS, "one table of each kind is enough");
    assert!(virtual_size <= ENTRIES * CLUSTER, "one L2 table covers the disk");

    let mut header = Vec::new();
    header.extend(b"QFI\xfb");
    for word in [3u32, 0, 0, 0, 16] {
        // version, no backing file (offset, length), cluster_bits
        header.extend(word.to_be_bytes());
    }
    header.extend(virtual_size.to_be_bytes());
    header.extend(0u32.to_be_bytes()); // not encrypted
    header.extend(1u32.to_be_bytes()); // entries of L1
    header.extend((3 * CLUSTER).to_be_bytes()); // L1
    header.extend(CLUSTER.to_be_bytes()); // refcount table
    header.extend(1u32.to_be_bytes()); // its clusters
    header.extend(0u32.to_be_bytes()); // no snapshots
    header.extend([0; 8 + 24]); // their offset; no features
    header.extend(4u32.to_be_bytes()); // refcounts of 16 bits
    header.extend(104u32.to_be_bytes()); // this header's length
    header.extend([0; 8]); // no extensions
    cluster(out, &header)?;

    cluster(out, &(2 * CLUSTER).to_be_bytes())?;
    cluster(out, &1u16.to_be_bytes().repeat(usize::try_from(clusters).unwrap_or(usize::MAX)))?;
    cluster(out, &((4 * CLUSTER) | COPIED).to_be_bytes())?;
    let entries = (0..data_clusters).flat_map(|n| (((5 + n) * CLUSTER) | COPIED).to_be_bytes());
    cluster(out, &entries.collect::<Vec<u8>>())?;

    cluster(out, &boot_sector(virtual_size / 512))?;
    for number in 1..data_clusters {
        // Something that no two clusters have alike and that does not compress to nothing.
        let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut data = Vec::with_capacity(usize::try_from(CLUSTER).unwrap_or_default());
        for _ in 0..CLUSTER / 8 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            data.extend(state.to_le_bytes());
        }
        cluster(out, &data)?;
    }
    out.flush()
}

/// A master boot record with one active Linux partition from the first MiB on.
fn boot_sector(sectors: u64) -> [u8; 512] {
    let mut sector = [0; 512];
    sector[..2].copy_from_slice(&[0xeb, 0xfe]); // an endless loop, the shortest boot loader
    let first = 2048u32;
    let length = u32::try_from(sectors).unwrap_or(u32::MAX).saturating_sub(first);
    sector[446] = 0x80;
    sector[450] = 0x83;
    sector[454..458].copy_from_slice(&first.to_le_bytes());
    sector[458..462].copy_from_slice(&length.to_le_bytes());
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

fn cluster(out: &mut impl Write, content: &[u8]) -> io::Result<()> {
    out.write_all(content)?;
    let padding = usize::try_from(CLUSTER).unwrap_or_default() - content.len();
    io::copy(&mut io::Read::take(io::repeat(0), padding as u64), out).map(drop)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    fn qemu_img_finds_a_sound_image() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        super::write(&mut file, 64 << 20, 48).unwrap();
        let check =
            Command::new("qemu-img").args(["check", "-f", "qcow2"]).arg(file.path()).output();
        let Ok(check) = check else {
            return imgpush_test_support::left_out("qemu-img: its check of the demo's image");
        };
        let text = String::from_utf8_lossy(&check.stdout);
        assert!(check.status.success(), "{text}{}", String::from_utf8_lossy(&check.stderr));
        assert!(text.contains("No errors were found on the image."), "{text}");
    }
}
