//! Sources whose raw bytes have a published digest.

use imgpush_convert::write::{Qcow2Source, WriteOptions, write_to};
use imgpush_digest::{Algorithm, Digests, Stream};
use imgpush_source::{Chunk, Compressed as _, Pool, Rewind, Source, SourceError};

use crate::disks::{Content, disk};
use crate::sources::{read, source};

/// A source that must have a digest.
struct Expected {
    inner: Box<dyn Source>,
    digests: Digests,
}

impl Source for Expected {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn size(&self) -> Option<u64> {
        self.inner.size()
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        self.inner.next_chunk(pool)
    }

    fn wants(&self) -> &[Algorithm] {
        &[Algorithm::Sha256]
    }

    fn finish(&mut self, digests: &Digests) -> Result<(), SourceError> {
        let is_same = format!("{digests:?}") == format!("{:?}", self.digests);
        if is_same { Ok(()) } else { Err(SourceError::Changed { name: "expected".to_owned() }) }
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        self.inner.rewind()
    }
}

fn expected(disk: &[u8], digest_of: &[u8]) -> Box<dyn Source> {
    let mut stream = Stream::new([Algorithm::Sha256]);
    stream.update(digest_of);
    Box::new(Expected { inner: source(disk), digests: stream.finish() })
}

#[test]
fn the_source_is_verified_by_the_digests_of_its_raw_bytes() {
    let disk = disk(Content::Mixed, 1_000_001);
    let options = WriteOptions::default();
    for (other, is_same) in [(&disk[..], true), (&disk[1..], false)] {
        let mut file = std::io::Cursor::new(Vec::new());
        let written = write_to(expected(&disk, other), &options, &mut file, &mut |_| {});
        assert_eq!(written.is_ok(), is_same);
        // Without a header, an image of the wrong source cannot be taken for a good one.
        assert_eq!(file.get_ref().starts_with(b"QFI"), is_same);

        let mut image =
            Qcow2Source::prepare(expected(&disk, other), &options, &mut |_| {}).unwrap();
        assert_eq!(read(&mut image).is_ok(), is_same);
        assert_eq!(image.wants(), []);
        image.rewind().unwrap().to_start().unwrap();
        assert_eq!(read(&mut image).is_ok(), is_same);

        // With a spool, before there is an image.
        let folder = tempfile::tempdir().unwrap();
        let spooled = options.clone().with_spool(folder.path());
        let image = Qcow2Source::prepare(expected(&disk, other), &spooled, &mut |_| {});
        assert_eq!(image.is_ok(), is_same);
    }
}

#[test]
fn the_raw_bytes_are_hashed_on_request() {
    let disk = disk(Content::Mixed, 1_000_001);
    let mut image =
        Qcow2Source::prepare(source(&disk), &WriteOptions::default(), &mut |_| {}).unwrap();
    image.hash(&[Algorithm::Md5]);
    read(&mut image).unwrap();
    let mut stream = Stream::new([Algorithm::Md5]);
    stream.update(&disk);
    assert_eq!(format!("{:?}", image.digests()), format!("{:?}", stream.finish()));
}
