//! Refusals before anything is read, and verified sources without a service.

use std::io::{Cursor, Read as _};
use std::num::NonZeroUsize;

use imgpush_digest::{Algorithm, Digests};
use imgpush_source::checksum::{ChecksumList, Expected};
use imgpush_source::pool::Pool;
use imgpush_source::{ChecksumError, Chunk, SourceError};
use imgpush_source::{Compression, Decompressed, FileSource, ReaderSource, Source, open_blocking};

use super::data::{content, sha256, unpacking, unprovable, xz};

fn pipe(data: &[u8]) -> Box<dyn Source> {
    Box::new(ReaderSource::new("a pipe", Cursor::new(data.to_vec())))
}

fn list(text: &str) -> ChecksumList {
    ChecksumList::parse("SHA256SUMS", text.as_bytes()).unwrap()
}

fn digests_of(chunks: &[Chunk], algorithms: &[Algorithm]) -> Digests {
    let threads = NonZeroUsize::new(1).unwrap();
    let mut hasher = imgpush_digest::MultiHasher::new(algorithms.iter().copied(), threads);
    chunks.iter().flat_map(Chunk::slices).for_each(|slice| hasher.update(&slice));
    hasher.finish()
}

/// Reads as the engine's pipeline does.
fn read(source: &mut dyn Source) -> Result<(), SourceError> {
    let pool = Pool::new(200, 64 << 10);
    let mut chunks = Vec::new();
    while let Some(chunk) = source.next_chunk(&pool)? {
        chunks.push(chunk);
    }
    let digests = digests_of(&chunks, source.wants());
    source.finish(&digests)
}

#[test]
fn a_missing_entry_is_refused_with_the_names_in_the_list() {
    let hex = sha256(b"");
    let names = ["a.img", "b.img", "c.img", "d.img", "e.img", "f.img"];
    let text: String = names.iter().map(|name| format!("{hex}  {name}\n")).collect();
    let expected = Expected::default().with_list(list(&text)).with_name("noble.img");
    let error = unprovable(expected.of(pipe(b"")));
    assert_eq!(
        error.to_string(),
        "SHA256SUMS has no checksum of noble.img; it has a.img, b.img, c.img, d.img and 2 more"
    );
    let compressed = Decompressed::new(pipe(&xz(b"abc")), Compression::Xz).unwrap();
    let expected = Expected::default().with_list(list(&text)).with_name("noble.img.xz");
    let error = unprovable(expected.of(Box::new(compressed)));
    assert!(error.to_string().contains("no checksum of noble.img.xz or noble.img;"), "{error}");
    // Without decompression the compressed file is the source, not its content.
    let text = format!("{hex}  noble.img\n");
    let expected = Expected::default().with_list(list(&text)).with_name("noble.img.xz");
    assert!(matches!(unprovable(expected.of(pipe(b""))), ChecksumError::NoEntry { .. }));
}

#[test]
fn a_pipe_has_no_name_to_look_for() {
    let expected = Expected::default().with_list(list(&format!("{}  a.img\n", sha256(b""))));
    let error = unprovable(expected.of(pipe(b"")));
    assert_eq!(error.to_string(), "a pipe has no file name to look up in SHA256SUMS");
}

#[test]
fn contradicting_digests_are_refused() {
    let (one, two) = (sha256(b"1"), sha256(b"2"));
    let expected = Expected::default()
        .with_list(list(&format!("{one}  a/noble.img\n{two}  b/noble.img\n")))
        .with_name("noble.img");
    let error = unprovable(expected.of(pipe(b"")));
    assert!(matches!(error, ChecksumError::Contradiction { .. }), "{error:?}");
    assert!(error.to_string().contains(&one) && error.to_string().contains(&two), "{error}");
    // With its folder the name identifies one of them.
    assert!(read(expected.with_name("b/noble.img").of(pipe(b"2")).unwrap().as_mut()).is_ok());

    let digest = |hex: &str| hex.parse().unwrap();
    let given = Expected::default().with_digest(digest(&one)).with_digest(digest(&two));
    assert!(matches!(unprovable(given.of(pipe(b""))), ChecksumError::Contradiction { .. }));
    // The same digest twice is no contradiction.
    let twice = Expected::default().with_digest(digest(&one)).with_digest(digest(&one));
    assert!(read(twice.of(pipe(b"1")).unwrap().as_mut()).is_ok());
    // One of them may be of the compressed bytes.
    let compressed = xz(b"1");
    let both =
        Expected::default().with_digest(digest(&sha256(&compressed))).with_digest(digest(&one));
    let source = Box::new(Decompressed::new(pipe(&compressed), Compression::Xz).unwrap());
    assert!(read(both.of(source).unwrap().as_mut()).is_ok());
}

/// Holds for all formats, for concatenated members, and for skippable frames.
#[test]
fn the_compressed_bytes_are_hashed_completely_in_every_format() {
    let data = &content(0)[..300_000];
    let mut gzip = Vec::new();
    flate2::read::GzEncoder::new(data, flate2::Compression::fast()).read_to_end(&mut gzip).unwrap();
    let mut bzip2 = Vec::new();
    bzip2::read::BzEncoder::new(data, bzip2::Compression::fast()).read_to_end(&mut bzip2).unwrap();
    let zstd = zstd::encode_all(data, 1).unwrap();
    let skippable = [&b"\x50\x2a\x4d\x18\x10\0\0\0"[..], &[7; 16]].concat();
    for (compression, compressed) in [
        (Compression::Gzip, [&gzip[..], &gzip].concat()),
        (Compression::Bzip2, [&bzip2[..], &bzip2].concat()),
        (Compression::Zstd, [&zstd[..], &skippable].concat()),
        (Compression::Xz, [&xz(data)[..], &[0; 64]].concat()),
    ] {
        let decompressed = || Box::new(Decompressed::new(pipe(&compressed), compression).unwrap());
        let expected = |bytes: &[u8]| {
            let text = format!("{}  d.img.{compression}\n", sha256(bytes));
            Expected::default().with_list(list(&text)).with_name(format!("d.img.{compression}"))
        };
        let right = expected(&compressed);
        read(right.of(decompressed()).unwrap().as_mut()).unwrap();
        let without_its_end = expected(&compressed[..compressed.len() - 4]);
        let wrong = read(without_its_end.of(decompressed()).unwrap().as_mut());
        assert!(matches!(wrong, Err(SourceError::Unverified(_))), "{compression}: {wrong:?}");
    }
}

/// A reader that does not hash gets no verification.
#[test]
fn without_the_digests_nothing_is_verified() {
    let expected = Expected::default().with_digest(sha256(b"abc").parse().unwrap());
    let mut source = expected.of(pipe(b"abc")).unwrap();
    let pool = Pool::new(4, 4096);
    while source.next_chunk(&pool).unwrap().is_some() {}
    let error = source.finish(&Digests::default()).unwrap_err();
    let SourceError::Unverified(error) = error else { panic!("{error:?}") };
    assert!(matches!(*error, ChecksumError::NotComputed { algorithm: Algorithm::Sha256, .. }));
    assert!(source.provenance().is_none());
}

#[test]
fn a_wrapper_forwards_the_abilities_of_its_source() {
    let data = content(0);
    let folder = tempfile::tempdir().unwrap();
    let (plain, compressed) = (folder.path().join("d.img"), folder.path().join("d.img.xz"));
    std::fs::write(&plain, &data).unwrap();
    std::fs::write(&compressed, xz(&data)).unwrap();
    let expected = Expected::default().with_digest(sha256(&data).parse().unwrap());
    for path in [&plain, &compressed] {
        let mut bare = open_blocking(path, &unpacking()).unwrap();
        let mut source = expected.of(open_blocking(path, &unpacking()).unwrap()).unwrap();
        assert_eq!(source.size(), bare.size());
        assert_eq!(source.name(), bare.name());
        assert_eq!(source.image_name().as_deref(), Some("d"));
        assert_eq!(source.file_name(), bare.file_name());
        assert_eq!(source.random_access().is_some(), bare.random_access().is_some());
        assert_eq!(source.rewind().is_some(), bare.rewind().is_some());
        read(source.as_mut()).unwrap();
        assert!(source.provenance().is_some());
        source.rewind().unwrap().to_start().unwrap();
        assert!(source.provenance().is_none(), "the verification of an earlier pass");
        read(source.as_mut()).unwrap();
        assert!(source.provenance().is_some());
    }
    assert!(expected.of(pipe(b"")).unwrap().rewind().is_none());

    // Without expectations the source is not wrapped.
    let bare = Expected::default().of(Box::new(FileSource::open(&plain).unwrap())).unwrap();
    assert!(bare.wants().is_empty());
}
