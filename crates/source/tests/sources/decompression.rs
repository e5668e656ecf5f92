//! Compressed data that is damaged, truncated, larger than its header suggests, or a decompression bomb.

use flate2::Crc;
use imgpush_digest::Algorithm;
use imgpush_source::pool::Pool;
use imgpush_source::{Compression, Decompressed, ReaderSource, SourceOptions};
use imgpush_source::{Source as _, SourceError};
use sha2::{Digest as _, Sha256};

use super::content::content;
use super::{Place, compressor, read_all};

const TOOLS: [&str; 4] = ["gzip", "xz", "zstd", "bzip2"];

fn decompressed(data: &[u8]) -> Result<Vec<u8>, SourceError> {
    let reader = ReaderSource::new("compressed", std::io::Cursor::new(data.to_vec()));
    let compression = Compression::of(data).expect("the start is complete");
    read_all(&mut Decompressed::new(Box::new(reader), compression)?)
}

#[test]
fn data_truncated_anywhere_is_an_error() {
    let data = content(3000);
    for tool in TOOLS {
        let Some(compressed) = compressor::compress(tool, &data) else { continue };
        assert!(decompressed(&compressed).unwrap() == data);
        for length in 10..compressed.len() {
            let error = decompressed(&compressed[..length]).expect_err(tool);
            assert!(matches!(error, SourceError::Damaged { .. }), "{tool} {length}: {error:?}");
        }
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_has_no_effect() {
    let data = content(3000);
    for tool in TOOLS {
        let Some(mut compressed) = compressor::compress(tool, &data) else { continue };
        let mut found = 0;
        for at in 10..compressed.len() {
            compressed[at] ^= 0x10;
            match decompressed(&compressed) {
                Ok(other) => assert!(other == data, "{tool} {at}"),
                Err(_) => found += 1,
            }
            compressed[at] ^= 0x10;
        }
        assert!(
            found > compressed.len() - 60,
            "{tool}: {found} of {} were found",
            compressed.len()
        );
    }
}

#[test]
fn all_members_are_read_and_other_data_is_an_error() {
    let data = content(3000);
    let twice = data.repeat(2);
    for tool in TOOLS {
        let Some(compressed) = compressor::compress(tool, &data) else { continue };
        assert!(decompressed(&compressed.repeat(2)).unwrap() == twice, "{tool}");
        for garbage in [&b"garbage that is no member"[..], b"x"] {
            if tool == "gzip" {
                // Ignored, as by the program.
                continue;
            }
            let error = decompressed(&[&compressed, garbage].concat()).expect_err(tool);
            assert!(matches!(error, SourceError::Damaged { .. }), "{tool}: {error:?}");
        }
        let second_cut = [&compressed[..], &compressed[..compressed.len() - 1]].concat();
        assert!(decompressed(&second_cut).is_err(), "{tool}");
    }
}

/// `gzip -d` calls zeros padding, and ignores anything else with a warning.
#[test]
fn data_after_gzip_is_ignored_and_counted() {
    let data = content(3000);
    let Some(compressed) = compressor::compress("gzip", &data) else { return };
    let metadata = b"\0\0\0\0{  \"metadata_version\": \"1.1\" }\nFWx0\x01\x02";
    for (after, ignored) in [
        (&[0; 17][..], 0),
        (&[0; 100_000], 0),
        (&metadata[..], metadata.len()),
        (b"x", 1),
        (b"\x1f", 1),
    ] {
        let all = [&compressed[..], after].concat();
        let reader = ReaderSource::new("compressed", std::io::Cursor::new(all.clone()));
        let mut source = Decompressed::new(Box::new(reader), Compression::Gzip).unwrap();
        source.compressed().unwrap().hash(&[Algorithm::Sha256]);
        assert!(read_all(&mut source).unwrap() == data);
        let bytes = source.compressed().unwrap();
        assert_eq!(bytes.ignored_bytes(), ignored as u64);
        // A published checksum is of all bytes.
        let digest = bytes.digests().get(Algorithm::Sha256).unwrap().to_string();
        assert!(digest.ends_with(&hex(&Sha256::digest(&all))), "{digest}");
    }
    for cut in [2, 9, 12, compressed.len() - 1] {
        let all = [&compressed[..], &compressed[..cut]].concat();
        let error = decompressed(&all).expect_err("the second member is cut");
        assert!(matches!(error, SourceError::Damaged { .. }), "{cut}: {error:?}");
    }
}

#[test]
fn many_members_are_read_through_small_buffers() {
    let data = content(300);
    let Some(compressed) = compressor::compress("gzip", &data) else { return };
    let count = 20_000_usize.div_ceil(compressed.len());
    let reader = ReaderSource::new("many", std::io::Cursor::new(compressed.repeat(count)));
    let mut source = Decompressed::new(Box::new(reader), Compression::Gzip).unwrap();
    // No member ends at the end of a buffer of this size, except by chance.
    let pool = Pool::new(4, 101);
    let mut read = Vec::new();
    while let Some(chunk) = source.next_chunk(&pool).unwrap() {
        chunk.slices().for_each(|slice| read.extend_from_slice(&slice));
    }
    assert!(read == data.repeat(count));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn padding_and_skippable_frames_are_accepted() {
    let data = content(3000);
    if let Some(xz) = compressor::compress("xz", &data) {
        let padded = [&xz[..], &[0; 8], &xz, &[0; 4]].concat();
        assert!(decompressed(&padded).unwrap() == data.repeat(2));
        assert!(decompressed(&[&xz[..], &[0; 3]].concat()).is_err(), "padding is by four");
    }
    if let Some(zstd) = compressor::compress("zstd", &data) {
        let skipped = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let framed = [&skipped[..], &zstd, &skipped, &zstd].concat();
        assert!(decompressed(&framed).unwrap() == data.repeat(2));
    }
}

#[test]
fn a_window_above_the_limit_is_refused() {
    // A frame with a window of 256 MiB and one empty block.
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 1, 0, 0];
    let error = decompressed(&[&zstd[..], &[0; 3]].concat()).unwrap_err();
    assert!(matches!(error, SourceError::Dictionary { limit: 0x800_0000, .. }), "{error:?}");

    // The block header of an xz file: its size, flags, filter 0x21 with one byte, the dictionary.
    let Some(mut xz) = compressor::compress("xz", &content(3000)) else { return };
    let length = (usize::from(xz[12]) + 1) * 4;
    let at = xz[12..12 + length].windows(2).position(|pair| pair == [0x21, 1]).unwrap() + 14;
    for (dictionary, is_taken) in [(28, true), (30, true), (31, false), (40, false)] {
        xz[at] = dictionary;
        let mut crc = Crc::new();
        crc.update(&xz[12..12 + length - 4]);
        xz[12 + length - 4..12 + length].copy_from_slice(&crc.sum().to_le_bytes());
        match decompressed(&xz) {
            Ok(_) => assert!(is_taken, "{dictionary}"),
            Err(error) => {
                assert!(!is_taken, "{dictionary}: {error:?}");
                assert!(matches!(error, SourceError::Dictionary { .. }), "{error:?}");
            }
        }
    }
}

#[test]
fn a_bomb_ends_at_the_configured_limit() {
    let data = vec![0; 3 << 20];
    for tool in TOOLS {
        let Some(compressed) = compressor::compress(tool, &data) else { continue };
        let source = |most| {
            let reader = ReaderSource::new("bomb", std::io::Cursor::new(compressed.clone()));
            let compression = Compression::of(&compressed).unwrap();
            Decompressed::new(Box::new(reader), compression).unwrap().with_max_bytes(most)
        };
        assert!(read_all(&mut source(3 << 20)).unwrap() == data, "{tool}");
        let error = read_all(&mut source((3 << 20) - 1)).unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { limit: 3_145_727, .. }), "{error:?}");
    }
}

#[test]
fn nothing_is_decompressed_by_default() {
    let Some(compressed) = compressor::compress("gzip", b"abc") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noble.qcow2.gz");
    std::fs::write(&path, &compressed).unwrap();
    let open = |decompress| {
        let mut options = SourceOptions::default();
        options.decompress = decompress;
        imgpush_source::open_blocking(&path, &options).unwrap()
    };
    let mut plain = open(false);
    assert_eq!(plain.image_name().as_deref(), Some("noble.qcow2.gz"));
    assert_eq!(read_all(plain.as_mut()).unwrap(), compressed);
    let mut decompressed = open(true);
    assert_eq!(decompressed.image_name().as_deref(), Some("noble"));
    assert_eq!(read_all(decompressed.as_mut()).unwrap(), b"abc");
}

/// A compressed file that changes while it is read is detected like any other.
#[test]
fn a_compressed_file_that_changes_is_an_error() {
    let Some(compressed) = compressor::compress("xz", &content(9000)) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.xz");
    std::fs::write(&path, &compressed).unwrap();
    let mut options = SourceOptions::default();
    options.decompress = true;
    let mut source = imgpush_source::open_blocking(&path, &options).unwrap();
    std::fs::write(&path, [&compressed[..], b"more"].concat()).unwrap();
    let error = read_all(source.as_mut()).unwrap_err();
    assert!(matches!(error, SourceError::Grew { .. }), "{error:?}");
}

/// Data that begins like a compressed file and is shorter than the magic is not compressed.
#[test]
fn data_shorter_than_the_magic_is_not_compressed() {
    for data in [&b"\x1f\x8b"[..], b"BZh9", b"\xfd7zXZ", b"BZh9 is how this text begins"] {
        let mut opened = Place::Read.open(data);
        assert_eq!(read_all(opened.source.as_mut()).unwrap(), data);
    }
}
