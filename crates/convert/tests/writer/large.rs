//! Disks that are much larger than their data.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use imgpush_convert::write::{ClusterCompression, WriteOptions};
use imgpush_source::{Chunk, Source as _};

use crate::disks::{Content, disk};
use crate::qemu;
use crate::sources::{Passes, filed, streamed};

/// The chunks of a sparse disk with data at each position.
fn chunks(bytes: u64, data: &[(u64, Vec<u8>)]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut at = 0;
    let hole = |from: u64, to: u64, chunks: &mut Vec<Chunk>| {
        if to > from {
            chunks.push(Chunk::Hole(to - from));
        }
    };
    for (offset, data) in data {
        hole(at, *offset, &mut chunks);
        chunks.push(Chunk::Data(data.clone().into()));
        at = offset + data.len() as u64;
    }
    hole(at, bytes, &mut chunks);
    chunks
}

#[test]
fn a_sparse_disk_of_terabytes_takes_the_space_of_its_data() {
    if !qemu::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (raw, image) = (folder.path().join("disk.raw"), folder.path().join("disk.qcow2"));
    let bytes = (1 << 40) + 512;
    let data: Vec<_> = [0, 12_345, (1 << 29) - 70_000, 100 << 30, (1 << 40) - 300, 1 << 40]
        .into_iter()
        .enumerate()
        .map(|(number, offset)| (offset, disk(Content::Mixed, 1 + number * 40)))
        .collect();
    let file = File::create(&raw).unwrap();
    file.set_len(bytes).unwrap();
    data.iter().for_each(|(offset, data)| file.write_all_at(data, *offset).unwrap());
    for compression in [ClusterCompression::None, ClusterCompression::Zlib] {
        let options = WriteOptions::default().with_compression(compression);
        let source = || Box::new(Passes::new(vec![chunks(bytes, &data)]));
        assert_eq!(source().size(), None);
        let written = filed(source(), &options);
        assert!(written.len() < 2 << 20, "{}", written.len());
        assert!(streamed(source(), &options) == written);
        std::fs::write(&image, &written).unwrap();
        qemu::accepts(&image, &raw);
    }
}
