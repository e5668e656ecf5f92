//! Images whose compressed clusters are kept in a temporary file.

use imgpush_convert::write::{ClusterCompression, Qcow2Source, WriteError, WriteOptions, write_to};
use imgpush_source::{ErrorKind, FileSource, Pool, ReaderSource, Source as _};

use crate::disks::{Content, disk};
use crate::qemu;
use crate::sources::{filed, read, source, streamed};

/// A pipe with these bytes.
fn once(bytes: &[u8]) -> Box<ReaderSource<std::io::Cursor<Vec<u8>>>> {
    Box::new(ReaderSource::new("a pipe", std::io::Cursor::new(bytes.to_vec())))
}

#[test]
fn a_pipe_becomes_the_image_that_a_file_becomes() {
    let folder = tempfile::tempdir().unwrap();
    for compression in
        [ClusterCompression::None, ClusterCompression::Zlib, ClusterCompression::Zstd]
    {
        for cluster_bytes in [512, 64 << 10, 2 << 20] {
            for bytes in [0, 1, 511, 512, 3_000_001] {
                let disk = disk(Content::Mixed, bytes);
                let options = WriteOptions::default()
                    .with_compression(compression)
                    .with_cluster_bytes(cluster_bytes);
                let expected = filed(source(&disk), &options);
                let options = options.with_spool(folder.path());
                assert!(streamed(once(&disk), &options) == expected, "{options:?} {bytes}");
                assert!(filed(once(&disk), &options) == expected, "{options:?} {bytes}");
            }
        }
    }
}

#[test]
fn qemu_reads_the_image_of_a_pipe() {
    if !qemu::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (raw, image) = (folder.path().join("disk.raw"), folder.path().join("disk.qcow2"));
    let disk = disk(Content::Mixed, 20 << 20);
    std::fs::write(&raw, &disk).unwrap();
    let options = WriteOptions::default().with_spool(folder.path());
    std::fs::write(&image, streamed(once(&disk), &options)).unwrap();
    qemu::accepts(&image, &raw);
}

#[test]
fn the_image_of_a_pipe_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = WriteOptions::default().with_spool(folder.path());
    let disk = disk(Content::Mixed, 3_000_000);
    let mut image = Qcow2Source::prepare(once(&disk), &options, &mut |_| {}).unwrap();
    image.next_chunk(&Pool::new(4, 4096)).unwrap();
    image.rewind().unwrap().to_start().unwrap();
    let first = read(&mut image).unwrap();
    image.rewind().unwrap().to_start().unwrap();
    assert!(read(&mut image).unwrap() == first);
}

/// The image is that of the bytes at the first pass, whatever the file has later.
#[test]
fn a_file_is_read_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.raw");
    let before = disk(Content::Text, 300_000);
    std::fs::write(&path, &before).unwrap();
    let options = WriteOptions::default().with_spool(folder.path());
    let file = Box::new(FileSource::open(&path).unwrap());
    let mut image = Qcow2Source::prepare(file, &options, &mut |_| {}).unwrap();
    std::fs::write(&path, "another disk").unwrap();
    assert!(read(&mut image).unwrap() == filed(source(&before), &WriteOptions::default()));
    // The raw bytes are not read with the image, so they cannot be hashed with it.
    assert!(image.compressed().is_none());
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none");
    let options = WriteOptions::default().with_spool(&missing);
    let error = Qcow2Source::prepare(source(b"abc"), &options, &mut |_| {}).unwrap_err();
    let text = format!("cannot create the spool file in {}", missing.display());
    assert_eq!((error.to_string(), error.kind()), (text, ErrorKind::Usage));
    let mut file = std::io::Cursor::new(Vec::new());
    let error = write_to(once(b"abc"), &options, &mut file, &mut |_| {}).unwrap_err();
    assert!(matches!(error, WriteError::Spool { during: "create", .. }), "{error:?}");
    assert!(file.get_ref().is_empty());
}
