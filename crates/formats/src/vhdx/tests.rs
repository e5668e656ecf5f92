use super::tables::{metadata_offset, size_item};
use crate::checksum::crc32c;
use crate::{Detector, FindingId, Format, Inspection};

fn inspect(bytes: &[u8]) -> Inspection {
    let mut detector = Detector::new();
    detector.push(bytes);
    detector.finish()
}

fn put(image: &mut [u8], offset: usize, bytes: &[u8]) {
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn seal(image: &mut [u8], offset: usize, length: usize) {
    put(image, offset + 4, &[0; 4]);
    let sum = crc32c(image[offset..offset + length].iter().copied());
    put(image, offset + 4, &sum.to_le_bytes());
}

/// In the byte order on disk, from the tables of MS-VHDX 2.2.3 and 2.6.2.
const BAT: &[u8] = b"\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08";
const METADATA: &[u8] = b"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e";
const ITEMS: [(&[u8; 16], u32, &[u8]); 5] = [
    (
        b"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b",
        0,
        &[0, 0, 0x10, 0, 0, 0, 0, 0],
    ),
    (
        b"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8",
        8,
        &[1, 0, 0x80, 0, 0, 0, 0, 0],
    ),
    (b"\xab\x12\xca\xbe\xe6\xb2\x23\x45\x93\xef\xc3\x09\xe0\x00\xc7\x46", 16, &[0; 16]),
    (b"\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f", 32, &[0, 2, 0, 0]),
    (b"\xc7\x48\xa3\xcd\x5d\x44\x71\x44\x9c\xc9\xe9\x88\x52\x51\xc5\x56", 36, &[0, 16, 0, 0]),
];

/// A disk of 8 MiB and one byte in blocks of 1 MiB, with its metadata at 2 MiB.
fn image() -> Vec<u8> {
    let mut image = vec![0; 4 << 20];
    put(&mut image, 0, b"vhdxfile");
    for (n, offset) in [64 << 10, 128 << 10].into_iter().enumerate() {
        put(&mut image, offset, b"head");
        put(&mut image, offset + 8, &(n as u64).to_le_bytes());
        put(&mut image, offset + 66, &[1, 0]);
        // The log: 1 MiB at 1 MiB.
        put(&mut image, offset + 68, &(1u32 << 20).to_le_bytes());
        put(&mut image, offset + 72, &(1u64 << 20).to_le_bytes());
        seal(&mut image, offset, 4096);
    }
    let table = 192 << 10;
    put(&mut image, table, b"regi");
    put(&mut image, table + 8, &[2]);
    for (n, (guid, offset)) in [(BAT, 3u64 << 20), (METADATA, 2 << 20)].into_iter().enumerate() {
        let entry = table + 16 + 32 * n;
        put(&mut image, entry, guid);
        put(&mut image, entry + 16, &offset.to_le_bytes());
        put(&mut image, entry + 24, &(1u32 << 20).to_le_bytes());
        put(&mut image, entry + 28, &[1]);
    }
    seal(&mut image, table, 64 << 10);
    let metadata = 2 << 20;
    put(&mut image, metadata, b"metadata");
    put(&mut image, metadata + 10, &[5, 0]);
    for (n, (guid, offset, value)) in ITEMS.into_iter().enumerate() {
        let entry = metadata + 32 + 32 * n;
        put(&mut image, entry, guid);
        put(&mut image, entry + 16, &((64 << 10) + offset).to_le_bytes());
        put(&mut image, entry + 20, &(value.len() as u32).to_le_bytes());
        put(&mut image, entry + 24, &[4]);
        put(&mut image, metadata + (64 << 10) + offset as usize, value);
    }
    image
}

#[test]
fn a_valid_image_has_no_findings_and_a_size_in_complete_sectors() {
    let inspection = inspect(&image());
    assert_eq!((inspection.format, inspection.virtual_size), (Format::Vhdx, Some(8 << 20)));
    assert_eq!(inspection.findings, []);
    assert_eq!(inspection.oslo.matches[0].virtual_size, Some((8 << 20) + 1));
}

#[test]
fn every_rule_of_the_tables_is_checked() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 8] = [
        ("both headers", |image| image[(64 << 10) + 4] ^= 1),
        ("region checksum", |image| image[(192 << 10) + 4] ^= 1),
        ("metadata magic", |image| image[2 << 20] = 0),
        ("item missing", |image| image[(2 << 20) + 10] = 4),
        ("parent", |image| image[(2 << 20) + (64 << 10) + 4] = 2),
        ("sector size", |image| image[(2 << 20) + (64 << 10) + 33] = 16),
        ("block size", |image| image[(2 << 20) + (64 << 10) + 2] = 0x11),
        ("size", |image| image[(2 << 20) + (64 << 10) + 15] = 0xff),
    ];
    for (what, change) in changes {
        let mut image = image();
        change(&mut image);
        if what == "both headers" {
            image[(128 << 10) + 4] ^= 1;
        }
        let inspection = inspect(&image);
        assert!(inspection.qemu.refusal.is_some(), "{what}: {inspection:?}");
    }
}

#[test]
fn metadata_before_the_first_mib_is_malformed_and_never_read_late() {
    let mut image = image();
    put(&mut image, (192 << 10) + 16 + 32 + 16, &(70u64 << 10).to_le_bytes());
    seal(&mut image, 192 << 10, 64 << 10);
    let inspection = inspect(&image);
    assert!(inspection.findings.iter().any(|f| f.id == FindingId::CorruptHeader), "{inspection:?}");
}

#[test]
fn empty_tables_do_not_panic() {
    assert_eq!(size_item(&[]), None);
    let stream = crate::inspect::Stream {
        head: &[],
        captures: &[],
        tail: None,
        length: None,
        has_missed_a_part: false,
    };
    assert_eq!(metadata_offset(&stream), None);
}

/// Changes the second header, which is the current one.
fn with_header(at: usize, bytes: &[u8]) -> Inspection {
    let mut image = image();
    put(&mut image, (128 << 10) + at, bytes);
    seal(&mut image, 128 << 10, 4096);
    inspect(&image)
}

#[test]
fn the_place_of_the_log_is_checked_even_if_there_is_none() {
    for (at, bytes, text) in [
        (72, &0u64.to_le_bytes()[..], "not at a multiple of 1 MiB"),
        (72, &((1u64 << 20) + 4096).to_le_bytes(), "not at a multiple of 1 MiB"),
        (64, &[1, 0], "unknown version"),
        (72, &(2u64 << 20).to_le_bytes(), "regions overlap"),
    ] {
        let findings = with_header(at, bytes).findings;
        assert!(findings.iter().any(|it| it.text.contains(text)), "{text}: {findings:?}");
    }
    // The length counts only for a log that is there.
    assert_eq!(with_header(68, &4096u32.to_le_bytes()).findings, []);
}

#[test]
fn no_region_overlaps_another_one() {
    let mut image = image();
    let table = 192 << 10;
    put(&mut image, table + 8, &[3]);
    let entry = table + 16 + 32 * 2;
    put(&mut image, entry, &[7; 16]);
    put(&mut image, entry + 24, &(1u32 << 20).to_le_bytes());
    for (offset, is_overlapping) in [((3u64 << 20) + 512, true), (8 << 20, false)] {
        put(&mut image, entry + 16, &offset.to_le_bytes());
        seal(&mut image, table, 64 << 10);
        let findings = inspect(&image).findings;
        assert_eq!(findings.iter().any(|it| it.text == "regions overlap"), is_overlapping);
    }
}

#[test]
fn a_block_table_beyond_the_end_of_all_files_is_refused() {
    let mut image = image();
    let table = 192 << 10;
    put(&mut image, table + 16 + 16, &(i64::MAX as u64).to_le_bytes());
    seal(&mut image, table, 64 << 10);
    let findings = inspect(&image).findings;
    assert!(
        findings.iter().any(|it| it.text.contains("the block table ends after the last offset")),
        "{findings:?}"
    );
}
