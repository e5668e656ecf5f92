//! Single fields that decide about bytes, changed by hand and compared with qemu-img.

use std::path::{Path, PathBuf};

use imgpush_test_support::left_out;

use crate::{qemu, raw};

/// Creates a disk of 8 MiB with these writes.
fn create(folder: &Path, format: &str, options: &str, writes: &[&str]) -> (PathBuf, Vec<u8>) {
    let image = folder.join("image");
    let path = image.to_str().unwrap();
    assert!(qemu::run("qemu-img", &["create", "-f", format, "-o", options, path, "8M"]));
    let writes = writes.iter().map(|write| (*write).to_owned()).collect::<Vec<_>>();
    assert!(qemu::io(format, &image, &writes));
    let bytes = std::fs::read(&image).unwrap();
    (image, bytes)
}

/// Whether both convert it to the same bytes; false if both refuse it.
fn agree(format: &str, image: &Path, bytes: &[u8]) -> bool {
    std::fs::write(image, bytes).unwrap();
    let expected = image.with_extension("raw");
    let own = raw::convert(image);
    if !qemu::convert(format, image, &expected) {
        assert!(own.is_err(), "qemu-img refuses it");
        return false;
    }
    let own = own.unwrap_or_else(|error| panic!("{}", raw::chain(&error)));
    assert!(own == std::fs::read(&expected).unwrap(), "the bytes differ");
    true
}

fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// The offset of the first L2 table of a qcow2.
fn l2(bytes: &[u8]) -> usize {
    (be64(bytes, be64(bytes, 40) as usize) & 0x00ff_ffff_ffff_fe00) as usize
}

#[test]
fn states_of_vhdx_blocks() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: states of VHDX blocks");
    }
    let folder = tempfile::tempdir().unwrap();
    let write = ["write -P 5 0 3M"];
    let (image, bytes) = create(folder.path(), "vhdx", "block_size=1M", &write);
    assert!(agree("vhdx", &image, &bytes));
    let entry = (192 << 10) + 16;
    let entries = bytes[entry..].chunks(32);
    // The GUID of the block table.
    let entry = entries.take(4).find(|entry| entry.starts_with(&[0x66, 0x77, 0xc2, 0x2d])).unwrap();
    let bat = u64::from_le_bytes(entry[16..24].try_into().unwrap()) as usize;
    assert_eq!(bytes[bat] & 7, 6, "the block table is there");
    for state in 0..8 {
        let mut changed = bytes.clone();
        changed[bat + 8] = changed[bat + 8] & !7 | state;
        assert_eq!(agree("vhdx", &image, &changed), !matches!(state, 4 | 7), "{state}");
    }
    // A block over the headers, and one over the block table.
    for (offset, is_read) in [(0, true), (bat as u64, false)] {
        let mut changed = bytes.clone();
        changed[bat + 8..bat + 16].copy_from_slice(&(offset | 6).to_le_bytes());
        assert_eq!(agree("vhdx", &image, &changed), is_read, "{offset}");
    }
    // One header of two is damaged.
    for header in [64 << 10, 128 << 10] {
        let mut changed = bytes.clone();
        changed[header + 100] ^= 1;
        assert!(agree("vhdx", &image, &changed));
    }
    log_of(&image, &bytes);
    let mut changed = bytes;
    changed[(64 << 10) + 100] ^= 1;
    changed[(128 << 10) + 100] ^= 1;
    assert!(!agree("vhdx", &image, &changed));
}

/// A log without entries is ignored, as in qemu; one with entries must be replayed first.
fn log_of(image: &Path, bytes: &[u8]) {
    let mut changed = bytes.to_vec();
    for header in [64 << 10, 128 << 10] {
        let header = &mut changed[header..header + 4096];
        header[48..64].fill(7);
        header[4..8].fill(0);
        let checksum = crc32c(header);
        header[4..8].copy_from_slice(&checksum.to_le_bytes());
    }
    assert!(agree("vhdx", image, &changed));
    let log = u64::from_le_bytes(bytes[(64 << 10) + 72..][..8].try_into().unwrap()) as usize;
    changed[log + 4096..log + 4100].copy_from_slice(b"loge");
    changed[log + 4096 + 32..log + 4096 + 48].fill(7);
    std::fs::write(image, changed).unwrap();
    let error = raw::chain(&raw::convert(image).unwrap_err());
    assert!(error.contains("its log must be replayed first"), "{error}");
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn entries_of_a_vdi() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: entries of a VDI");
    }
    let folder = tempfile::tempdir().unwrap();
    let (image, bytes) = create(folder.path(), "vdi", "static=off", &["write -P 5 0 4M"]);
    let map = u32::from_le_bytes(bytes[0x154..0x158].try_into().unwrap()) as usize;
    // Discarded, free, and twice the same block.
    for entry in [0xffff_fffe_u32, 0xffff_ffff, 0] {
        let mut changed = bytes.clone();
        changed[map + 4..map + 8].copy_from_slice(&entry.to_le_bytes());
        assert!(agree("vdi", &image, &changed), "{entry:#x}");
    }
    let mut changed = bytes;
    changed[0x178..0x17c].copy_from_slice(&(2u32 << 20).to_le_bytes());
    assert!(!agree("vdi", &image, &changed), "blocks of 2 MiB");
}

#[test]
fn subclusters_of_a_qcow2() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: subclusters of a qcow2");
    }
    let folder = tempfile::tempdir().unwrap();
    let writes = ["write -P 5 0 100k", "write -z 20k 10k", "write -P 6 600k 2k"];
    let (image, bytes) = create(folder.path(), "qcow2", "extended_l2=on", &writes);
    assert!(agree("qcow2", &image, &bytes));
    let l2 = l2(&bytes);
    let change = |at: usize, value: &[u8]| {
        let mut changed = bytes.clone();
        changed[l2 + at..l2 + at + value.len()].copy_from_slice(value);
        changed
    };
    // Allocated and zeros at once; allocated without a cluster; zeros everywhere.
    assert!(!agree("qcow2", &image, &change(8, &[0xff; 8])));
    assert!(!agree("qcow2", &image, &change(5 * 16 + 12, &[0, 0, 0, 1])));
    assert!(agree("qcow2", &image, &change(8, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])));
    assert!(agree("qcow2", &image, &change(5 * 16 + 8, &[0, 0, 0, 1, 0, 0, 0, 0])));
    // The offset of a cluster inside a cluster.
    assert!(!agree("qcow2", &image, &change(6, &[2])));
    // The reserved bit of other images.
    assert!(agree("qcow2", &image, &change(7, &[1])));
}

#[test]
fn entries_of_a_qcow2() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: entries of a qcow2");
    }
    let folder = tempfile::tempdir().unwrap();
    let writes = ["write -P 5 0 1M", "write -c -P 6 1M 64k", "write -c -P 7 1088k 64k"];
    let (image, bytes) = create(folder.path(), "qcow2", "compat=1.1", &writes);
    let l2 = l2(&bytes);
    let entry = |n: usize| be64(&bytes, l2 + 8 * n);
    let change = |n: usize, entry: u64| {
        let mut changed = bytes.clone();
        changed[l2 + 8 * n..l2 + 8 * n + 8].copy_from_slice(&entry.to_be_bytes());
        changed
    };
    // The same cluster many times, stored and compressed.
    let mut many = bytes.clone();
    for n in 20..60 {
        let from = if n % 2 == 0 { 0 } else { 17 };
        many.copy_within(l2 + 8 * from..l2 + 8 * from + 8, l2 + 8 * n);
    }
    assert!(agree("qcow2", &image, &many));
    // Zeros with and without an offset, and with one inside a cluster.
    assert!(agree("qcow2", &image, &change(1, entry(1) | 1)));
    assert!(agree("qcow2", &image, &change(1, 1)));
    assert!(!agree("qcow2", &image, &change(1, entry(1) | 1 | 512)));
    assert!(!agree("qcow2", &image, &change(1, entry(1) | 512)));
    // More sectors than the stream needs, and another offset.
    assert!(agree("qcow2", &image, &change(16, entry(16) | 3 << 54)));
    assert!(!agree("qcow2", &image, &change(16, entry(16) + 1)));
    // A copied flag, and reserved bits.
    assert!(agree("qcow2", &image, &change(16, entry(16) | 1 << 63)));
    assert!(agree("qcow2", &image, &change(1, entry(1) | 1 << 56 | 2)));
}

#[test]
fn the_creator_decides_about_the_size_of_a_vhd() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: the size of a VHD");
    }
    let folder = tempfile::tempdir().unwrap();
    for subformat in ["dynamic", "fixed"] {
        let options = format!("subformat={subformat}");
        let write = ["write -P 5 1M 1M"];
        let (image, bytes) = create(folder.path(), "vpc", &options, &write);
        let footers = if subformat == "fixed" { 1 } else { 2 };
        // The footer at the end and its copy at the start: only one of them counts.
        for at in [0, bytes.len() - 512] {
            let mut changed = bytes.clone();
            changed[at + 70] ^= 1;
            let counts = (at == 0) == (subformat == "dynamic");
            if counts || subformat == "dynamic" {
                assert_eq!(agree("vpc", &image, &changed), !counts, "{subformat}, {at}");
            }
        }
        for creator in [b"qemu", b"vpc ", b"win ", b"qem2", b"tap\0"] {
            let mut changed = bytes.clone();
            for at in [0, bytes.len() - 512].into_iter().rev().take(footers) {
                let footer = &mut changed[at..at + 512];
                footer[28..32].copy_from_slice(creator);
                // The size differs from the geometry.
                footer[48..56].copy_from_slice(&(7u64 << 20).to_be_bytes());
                footer[64..68].fill(0);
                let sum: u32 = footer.iter().map(|byte| u32::from(*byte)).sum();
                footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
            }
            assert!(agree("vpc", &image, &changed), "{subformat}, {creator:?}");
        }
    }
}
