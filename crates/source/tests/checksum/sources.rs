//! What is refused before anything is read, and the sources themselves without a service.

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

/// As a pipeline reads.
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
fn what_the_list_does_not_name_is_refused_with_the_names_it_has() {
    let hex = sha256(b"");
    let names = ["a.img", "b.img", "c.img", "d.img", "e.img", "f.img"];
    let text: String = names.iter().map(|name| format!("{hex}  {name}\n")).collect();
    let expected = Expected::default().with_list(list(&text)).with_name("noble.img");
    let error = unprovable(expected.of(pipe(b"")));
    assert_eq!(
        error.to_string(),
        "SHA256SUMS has no digest of noble.img; it has a.img, b.img, c.img, d.img and 2 more"
    );
    let packed = Decompressed::new(pipe(&xz(b"abc")), Compression::Xz).unwrap();
    let expected = Expected::default().with_list(list(&text)).with_name("noble.img.xz");
    let error = unprovable(expected.of(Box::new(packed)));
    assert!(error.to_string().contains("no digest of noble.img.xz or noble.img;"), "{error}");
    // What is not unpacked is the file, and nothing in it.
    let text = format!("{hex}  noble.img\n");
    let expected = Expected::default().with_list(list(&text)).with_name("noble.img.xz");
    assert!(matches!(unprovable(expected.of(pipe(b""))), ChecksumError::NoEntry { .. }));
}

#[test]
fn a_pipe_has_no_name_to_look_for() {
    let expected = Expected::default().with_list(list(&format!("{}  a.img\n", sha256(b""))));
    let error = unprovable(expected.of(pipe(b"")));
    assert_eq!(error.to_string(), "a pipe has no file name to look for in SHA256SUMS");
}

#[test]
fn digests_that_nothing_can_have_both_are_refused() {
    let (one, two) = (sha256(b"1"), sha256(b"2"));
    let expected = Expected::default()
        .with_list(list(&format!("{one}  a/noble.img\n{two}  b/noble.img\n")))
        .with_name("noble.img");
    let error = unprovable(expected.of(pipe(b"")));
    assert!(matches!(error, ChecksumError::Contradiction { .. }), "{error:?}");
    assert!(error.to_string().contains(&one) && error.to_string().contains(&two), "{error}");
    // With its folder it is one of them.
    assert!(read(expected.with_name("b/noble.img").of(pipe(b"2")).unwrap().as_mut()).is_ok());

    let digest = |hex: &str| hex.parse().unwrap();
    let given = Expected::default().with_digest(digest(&one)).with_digest(digest(&two));
    assert!(matches!(unprovable(given.of(pipe(b""))), ChecksumError::Contradiction { .. }));
    // The same twice is no contradiction.
    let twice = Expected::default().with_digest(digest(&one)).with_digest(digest(&one));
    assert!(read(twice.of(pipe(b"1")).unwrap().as_mut()).is_ok());
    // One may be of the packed bytes.
    let packed = xz(b"1");
    let both = Expected::default().with_digest(digest(&sha256(&packed))).with_digest(digest(&one));
    let source = Box::new(Decompressed::new(pipe(&packed), Compression::Xz).unwrap());
    assert!(read(both.of(source).unwrap().as_mut()).is_ok());
}

/// Whatever the format, with members behind each other, and with frames that are passed over.
#[test]
fn the_packed_bytes_are_hashed_to_the_last_of_every_format() {
    let data = &content(0)[..300_000];
    let mut gzip = Vec::new();
    flate2::read::GzEncoder::new(data, flate2::Compression::fast()).read_to_end(&mut gzip).unwrap();
    let mut bzip2 = Vec::new();
    bzip2::read::BzEncoder::new(data, bzip2::Compression::fast()).read_to_end(&mut bzip2).unwrap();
    let zstd = zstd::encode_all(data, 1).unwrap();
    let skippable = [&b"\x50\x2a\x4d\x18\x10\0\0\0"[..], &[7; 16]].concat();
    for (packing, packed) in [
        (Compression::Gzip, [&gzip[..], &gzip].concat()),
        (Compression::Bzip2, [&bzip2[..], &bzip2].concat()),
        (Compression::Zstd, [&zstd[..], &skippable].concat()),
        (Compression::Xz, [&xz(data)[..], &[0; 64]].concat()),
    ] {
        let unpacked = || Box::new(Decompressed::new(pipe(&packed), packing).unwrap());
        let expected = |bytes: &[u8]| {
            let text = format!("{}  d.img.{packing}\n", sha256(bytes));
            Expected::default().with_list(list(&text)).with_name(format!("d.img.{packing}"))
        };
        let right = expected(&packed);
        read(right.of(unpacked()).unwrap().as_mut()).unwrap();
        let without_its_end = expected(&packed[..packed.len() - 4]);
        let wrong = read(without_its_end.of(unpacked()).unwrap().as_mut());
        assert!(matches!(wrong, Err(SourceError::Unverified(_))), "{packing}: {wrong:?}");
    }
}

/// Whoever forgets to hash gets no proof.
#[test]
fn digests_that_are_not_shown_prove_nothing() {
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
fn what_surrounds_a_source_lets_its_abilities_through() {
    let data = content(0);
    let folder = tempfile::tempdir().unwrap();
    let (plain, packed) = (folder.path().join("d.img"), folder.path().join("d.img.xz"));
    std::fs::write(&plain, &data).unwrap();
    std::fs::write(&packed, xz(&data)).unwrap();
    let expected = Expected::default().with_digest(sha256(&data).parse().unwrap());
    for path in [&plain, &packed] {
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
        assert!(source.provenance().is_none(), "a proof of another reading");
        read(source.as_mut()).unwrap();
        assert!(source.provenance().is_some());
    }
    assert!(expected.of(pipe(b"")).unwrap().rewind().is_none());

    // Nothing expected is nothing around it.
    let bare = Expected::default().of(Box::new(FileSource::open(&plain).unwrap())).unwrap();
    assert!(bare.wants().is_empty());
}
