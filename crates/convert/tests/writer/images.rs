//! Images of all contents, sizes and options.

use imgpush_convert::write::{ClusterCompression, Qcow2Source, WriteOptions, write_to};
use imgpush_convert::{Converted, ReadOptions};
use imgpush_source::{Chunk, ErrorKind, ReaderSource, Source as _};
use imgpush_test_support::is_full;

use crate::disks::{CONTENTS, Content, Random, disk};
use crate::qemu;
use crate::sources::{Passes, filed, read, source, streamed, threads};

const COMPRESSIONS: [ClusterCompression; 3] =
    [ClusterCompression::None, ClusterCompression::Zlib, ClusterCompression::Zstd];

#[test]
fn qemu_finds_no_error_and_the_same_content() {
    if !qemu::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (raw, image) = (folder.path().join("disk.raw"), folder.path().join("disk.qcow2"));
    let sizes_of = |cluster: usize| {
        // The last one has several L2 tables if clusters are small.
        let tables = (3 * cluster * (cluster / 8) + 5 * cluster + 77).min(6 << 20);
        vec![0, 1, 511, 512, cluster - 1, cluster, cluster + 1, tables]
    };
    let clusters = if is_full() { vec![9, 10, 12, 14, 16, 18, 21] } else { vec![9, 16, 21] };
    for cluster_bits in clusters {
        for bytes in sizes_of(1 << cluster_bits) {
            for content in CONTENTS {
                if bytes < 512 && content == Content::Mixed {
                    continue;
                }
                let disk = disk(content, bytes);
                std::fs::write(&raw, &disk).unwrap();
                for compression in compressions_for(content) {
                    let options = WriteOptions::default()
                        .with_compression(*compression)
                        .with_cluster_bytes(1 << cluster_bits);
                    let case = format!("{bytes} bytes of {content:?}, {options:?}");
                    let written = filed(source(&disk), &options);
                    assert!(streamed(source(&disk), &options) == written, "{case}");
                    std::fs::write(&image, written).unwrap();
                    qemu::accepts(&image, &raw);
                }
            }
        }
    }
}

/// Compression that can make a difference, unless all are tested.
fn compressions_for(content: Content) -> &'static [ClusterCompression] {
    match content {
        _ if is_full() => &COMPRESSIONS,
        Content::Zeros => &COMPRESSIONS[..1],
        Content::Noise | Content::Text => &COMPRESSIONS[1..],
        Content::Mixed => &COMPRESSIONS,
    }
}

#[test]
fn qemu_reads_the_properties_that_were_selected() {
    if !qemu::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.qcow2");
    for (compression, name) in
        [(ClusterCompression::Zlib, "zlib"), (ClusterCompression::Zstd, "zstd")]
    {
        let options =
            WriteOptions::default().with_compression(compression).with_cluster_bytes(4096);
        let disk = disk(Content::Mixed, 3_000_001);
        std::fs::write(&image, filed(source(&disk), &options)).unwrap();
        let info = qemu::run(&["info", "--output", "json"], &[&image]);
        for expected in [
            "\"virtual-size\": 3000320",
            "\"format\": \"qcow2\"",
            "\"cluster-size\": 4096",
            "\"compat\": \"1.1\"",
            &format!("\"compression-type\": \"{name}\""),
            "\"corrupt\": false",
            "\"dirty-flag\": false",
        ] {
            assert!(info.contains(expected), "{expected}: {info}");
        }
        assert!(!info.contains("snapshots") && !info.contains("backing"), "{info}");
    }
}

#[test]
fn every_level_can_be_read() {
    if !qemu::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (raw, image) = (folder.path().join("disk.raw"), folder.path().join("disk.qcow2"));
    let disk = disk(Content::Mixed, 2 << 20);
    std::fs::write(&raw, &disk).unwrap();
    for (compression, most) in [(ClusterCompression::Zlib, 9), (ClusterCompression::Zstd, 19)] {
        for level in 1..=most {
            let options = WriteOptions::default().with_compression(compression).with_level(level);
            std::fs::write(&image, filed(source(&disk), &options)).unwrap();
            qemu::accepts(&image, &raw);
        }
        let options = WriteOptions::default().with_compression(compression).with_level(most + 1);
        let error = Qcow2Source::prepare(source(&disk), &options, &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
}

#[test]
fn the_bytes_depend_on_nothing_but_the_disk_and_the_options() {
    let disk = disk(Content::Mixed, 9_000_000);
    let mut random = Random(7);
    for compression in COMPRESSIONS {
        for cluster_bytes in [4096, 64 << 10, 2 << 20] {
            let options = WriteOptions::default()
                .with_compression(compression)
                .with_cluster_bytes(cluster_bytes);
            let expected = filed(source(&disk), &options.clone().with_threads(threads(1)));
            for count in [1, 2, 5] {
                let options = options.clone().with_threads(threads(count));
                assert!(streamed(source(&disk), &options) == expected, "{options:?}");
                assert!(filed(source(&disk), &options) == expected, "{options:?}");
            }
            let mut chunks = Vec::new();
            let mut rest = &disk[..];
            while !rest.is_empty() {
                let (part, after) = rest.split_at(rest.len().min(1 + random.below(300_000)));
                let is_zero = part.iter().all(|byte| *byte == 0);
                let length = part.len() as u64;
                chunks.push(if is_zero {
                    Chunk::Hole(length)
                } else {
                    Chunk::Data(part.to_vec().into())
                });
                rest = after;
            }
            let chunked = || Box::new(Passes::new(vec![chunks.clone()]));
            assert!(streamed(chunked(), &options) == expected, "{options:?}");
            assert!(filed(chunked(), &options) == expected, "{options:?}");
        }
    }
}

#[test]
fn an_image_is_read_again_after_a_rewind() {
    let disk = disk(Content::Mixed, 3_000_000);
    let mut image =
        Qcow2Source::prepare(source(&disk), &WriteOptions::default(), &mut |_| {}).unwrap();
    let first = read(&mut image).unwrap();
    image.rewind().unwrap().to_start().unwrap();
    assert!(read(&mut image).unwrap() == first);
    image.rewind().unwrap().to_start().unwrap();
    image.next_chunk(&imgpush_source::Pool::new(4, 4096)).unwrap();
    image.rewind().unwrap().to_start().unwrap();
    assert!(read(&mut image).unwrap() == first);
}

#[test]
fn the_progress_reaches_the_size_of_the_source() {
    let disk = disk(Content::Mixed, 3_000_001);
    let mut seen = Vec::new();
    Qcow2Source::prepare(source(&disk), &WriteOptions::default(), &mut |bytes| seen.push(bytes))
        .unwrap();
    assert!(seen.is_sorted());
    assert_eq!(seen.last(), Some(&3_000_001));
}

#[test]
fn names_follow_the_image() {
    for (raw, name) in
        [("disk.raw", "disk.qcow2"), ("a.IMG", "a.qcow2"), ("vm.disk", "vm.disk.qcow2")]
    {
        let source = imgpush_source::BytesSource::new(raw, vec![1; 10]);
        let expected = source.content_name().map(|_| name.to_owned());
        let image =
            Qcow2Source::prepare(Box::new(source), &WriteOptions::default(), &mut |_| {}).unwrap();
        assert_eq!((image.name(), image.content_name()), (raw, expected));
        assert_eq!(image.virtual_size(), 512);
    }
}

#[test]
fn what_cannot_be_written_is_refused_with_the_reason() {
    let once = || Box::new(ReaderSource::new("a pipe", &b"abc"[..]));
    let options = WriteOptions::default();
    let error = Qcow2Source::prepare(once(), &options, &mut |_| {}).unwrap_err();
    let reason = "cannot convert a pipe to qcow2: it can be read only once, and the conversion reads it twice; \
                  use --spool DIR";
    assert_eq!((error.to_string().as_str(), error.kind()), (reason, ErrorKind::Usage));
    let mut file = std::io::Cursor::new(Vec::new());
    let error = write_to(once(), &options, &mut file, &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), reason);

    for bytes in [0, 1, 256, 1000, 4 << 20, u64::MAX] {
        let options = WriteOptions::default().with_cluster_bytes(bytes);
        let error = Qcow2Source::prepare(source(b"abc"), &options, &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
}

/// Clusters that cannot be compressed keep the buffers of the disk that is read until they are written.
#[test]
fn a_virtual_disk_without_redundancy_is_written_again() {
    let data = disk(Content::Noise, 30 << 20);
    let stored = WriteOptions::default().with_compression(ClusterCompression::None);
    for options in [WriteOptions::default(), stored] {
        let image = streamed(source(&data), &options);
        let converted = Converted::new(source(&image), &ReadOptions::default()).unwrap();
        assert!(streamed(Box::new(converted), &options) == image, "{options:?}");
    }
}
