//! Sources that have other bytes at the second pass.

use imgpush_convert::write::{ClusterCompression, Qcow2Source, WriteOptions};
use imgpush_source::{Chunk, FileSource, Pool, Source as _, SourceError};

use crate::disks::{Content, disk};
use crate::sources::{Passes, read};

const CLUSTER: usize = 64 << 10;

/// Reads an image whose source has other bytes at the second pass, and asserts that it has no end.
#[track_caller]
fn assert_refused(first: Vec<u8>, second: Vec<u8>, compression: ClusterCompression) {
    let chunks = |bytes: Vec<u8>| vec![Chunk::of(bytes.into())];
    let source = Box::new(Passes::new(vec![chunks(first), chunks(second)]));
    let options = WriteOptions::default().with_compression(compression);
    let mut image = Qcow2Source::prepare(source, &options, &mut |_| {}).unwrap();
    let pool = Pool::new(4, 4096);
    let mut bytes = 0;
    let error = loop {
        match image.next_chunk(&pool) {
            Ok(chunk) => bytes += chunk.expect("the image must not end").len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SourceError::Changed { .. }), "{error:?}");
    assert!(image.size().is_some_and(|size| bytes < size));
}

#[test]
fn a_change_between_the_passes_is_an_error() {
    for compression in
        [ClusterCompression::None, ClusterCompression::Zlib, ClusterCompression::Zstd]
    {
        let mut before = disk(Content::Text, 10 * CLUSTER);
        before[3 * CLUSTER..5 * CLUSTER].fill(0);
        let changed = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut after = before.clone();
            change(&mut after);
            assert_refused(before.clone(), after, compression);
        };
        // A cluster of zeros has data, one with data is zeros, one has other data.
        changed(&|disk| disk[3 * CLUSTER + 5] = 1);
        changed(&|disk| disk[6 * CLUSTER..7 * CLUSTER].fill(0));
        changed(&|disk| disk[9 * CLUSTER + 77] ^= 1);
        // Two clusters are exchanged, which changes no total.
        changed(&|disk| {
            let (a, b) = disk[..2 * CLUSTER].split_at_mut(CLUSTER);
            a.swap_with_slice(b);
        });
        changed(&|disk| disk.truncate(8 * CLUSTER));
        changed(&|disk| disk.truncate(10 * CLUSTER - 1));
        changed(&|disk| disk.extend([0; 5]));
        changed(&|disk| disk.extend([1; 512]));
    }
}

#[test]
fn another_byte_at_the_same_compressed_size_is_a_change() {
    // Noise that is not compressed, so that only the content differs.
    let before = disk(Content::Noise, 4 * CLUSTER);
    let mut after = before.clone();
    after[2 * CLUSTER + 1] ^= 0x10;
    assert_refused(before, after, ClusterCompression::Zlib);
}

#[test]
fn a_file_that_is_written_to_between_the_passes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.raw");
    std::fs::write(&path, disk(Content::Text, 3 * CLUSTER)).unwrap();
    let source = Box::new(FileSource::open(&path).unwrap());
    let mut image = Qcow2Source::prepare(source, &WriteOptions::default(), &mut |_| {}).unwrap();
    std::fs::write(&path, disk(Content::Zeros, 3 * CLUSTER)).unwrap();
    let error = read(&mut image).unwrap_err();
    assert!(matches!(error, SourceError::Changed { .. }), "{error:?}");
}
