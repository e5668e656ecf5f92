//! The measured candidates: the kernels, the portable crates, and OpenSSL.

use std::io::Write as _;

use bytes::Bytes;
use imgpush_digest::{Algorithm, Platform, Stream, update_many};
use imgpush_engine::pool::Pool;
use imgpush_engine::{sink, source::FileSource};
use imgpush_guard::kernels::{BUFFER_BYTES, crate_md5, crates_pair, own, pattern};

use Algorithm::{Md5, Sha256, Sha512};

/// A candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    CrateMd5,
    OwnMd5,
    CratesPair,
    OpensslPair,
    Pair,
    Avx2Pair,
    OpensslTriple,
    Triple,
    Md5Sha256,
    OpensslStreams,
    Lanes,
    Pipeline,
}

impl Name {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Name::CrateMd5 => "MD5, crate md-5",
            Name::OwnMd5 => "MD5",
            Name::CratesPair => "MD5, then SHA-512: crates md-5, sha2",
            Name::OpensslPair => "MD5, then SHA-512: OpenSSL",
            Name::Pair => "MD5+SHA-512",
            Name::Avx2Pair => "MD5+SHA-512 without AVX-512",
            Name::OpensslTriple => "MD5, then SHA-512, then SHA-256: OpenSSL",
            Name::Triple => "MD5+SHA-512+SHA-256",
            Name::Md5Sha256 => "MD5+SHA-256",
            Name::OpensslStreams => "images one by one, MD5, then SHA-512: OpenSSL",
            Name::Lanes => "images 16 at a time, MD5+SHA-512",
            Name::Pipeline => "cached file through the pipeline, MD5+SHA-512",
        }
    }
}

pub(crate) type Candidate = imgpush_guard::Candidate<Name>;

/// Bytes that the hashing service takes of a stream at a time.
const SLICE_BYTES: usize = 64 << 10;
/// Small enough for many slices, large enough that the start of the pipeline does not matter.
const FILE_BYTES: usize = 64 << 20;

/// Adjacent candidates are compared.
pub(crate) fn all() -> Vec<Candidate> {
    let mut all = vec![crate_md5(Name::CrateMd5), own(Name::OwnMd5, Platform::detect(), &[Md5])];
    all.extend(openssl::pair());
    all.push(own(Name::Pair, Platform::detect(), &[Md5, Sha512]));
    if let Ok(avx2) = "avx2".parse() {
        all.push(own(Name::Avx2Pair, avx2, &[Md5, Sha512]));
    }
    all.push(crates_pair(Name::CratesPair));
    all.extend(openssl::triple());
    all.push(own(Name::Triple, Platform::detect(), &[Md5, Sha512, Sha256]));
    all.push(own(Name::Md5Sha256, Platform::detect(), &[Md5, Sha256]));
    all.extend(openssl::streams());
    all.push(lanes());
    all.push(pipeline());
    all
}

/// The lengths of images, 0.25 to 1 MiB, the longest first, as the engine orders files.
fn images() -> Vec<usize> {
    let length = |i: usize| (256 << 10) + i.wrapping_mul(0x9e37_79b9) % (768 << 10);
    let mut lengths: Vec<usize> = (1..=128).map(length).collect();
    lengths.sort_unstable_by_key(|length| std::cmp::Reverse(*length));
    lengths
}

/// Sixteen images at a time, each read into a buffer of the engine's size and consumed as by the hashing
/// service: when one ends, the next takes its place.
fn lanes() -> Candidate {
    let pool = Pool::new(16, BUFFER_BYTES);
    let buffers: Vec<Bytes> = (0..16)
        .map(|_| {
            let mut buffer = pool.take().unwrap();
            buffer.space().copy_from_slice(&pattern(BUFFER_BYTES));
            buffer.into_chunk(BUFFER_BYTES)
        })
        .collect();
    let images = images();
    let slice = move || {
        let mut waiting = images.iter();
        // The image in each place, and its remaining bytes.
        let mut places: Vec<Option<(Stream, usize)>> = buffers.iter().map(|_| None).collect();
        loop {
            for place in &mut places {
                if place.as_ref().is_none_or(|(_, left)| *left == 0) {
                    if let Some((stream, _)) = place.take() {
                        assert_eq!(stream.finish().iter().count(), 2);
                    }
                    *place = waiting.next().map(|bytes| (Stream::new([Md5, Sha512]), *bytes));
                }
            }
            let mut pieces: Vec<(&mut Stream, &[u8])> = Vec::new();
            for (place, buffer) in places.iter_mut().zip(&buffers) {
                if let Some((stream, left)) = place {
                    let start = *left % BUFFER_BYTES / SLICE_BYTES * SLICE_BYTES;
                    let piece = SLICE_BYTES.min(*left);
                    *left -= piece;
                    pieces.push((stream, &buffer[start..][..piece]));
                }
            }
            if pieces.is_empty() {
                return images.iter().sum();
            }
            update_many(&mut pieces);
        }
    };
    Candidate { name: Name::Lanes, slice: Box::new(slice) }
}

/// The engine's pipeline for a file, without a target.
fn pipeline() -> Candidate {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&pattern(FILE_BYTES)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let pool = Pool::within(64 << 20);
    let slice = move || {
        let source = Box::new(FileSource::open(file.path()).unwrap());
        let (produced, _) = runtime.block_on(sink::drain(source, &pool, &[Md5, Sha512])).unwrap();
        assert_eq!(produced.bytes, FILE_BYTES as u64);
        FILE_BYTES
    };
    Candidate { name: Name::Pipeline, slice: Box::new(slice) }
}

#[cfg(feature = "openssl")]
mod openssl {
    use openssl::hash::{Hasher, MessageDigest};

    use imgpush_guard::kernels::buffers;

    use super::{BUFFER_BYTES, Candidate, Name, images, pattern};

    fn hashers(digests: &[MessageDigest]) -> Vec<Hasher> {
        digests.iter().map(|digest| Hasher::new(*digest).unwrap()).collect()
    }

    fn sequence(name: Name, digests: &[MessageDigest]) -> Candidate {
        let mut hashers = hashers(digests);
        buffers(name, move |buffer| {
            hashers.iter_mut().for_each(|hasher| hasher.update(buffer).unwrap());
        })
    }

    pub(super) fn pair() -> Option<Candidate> {
        Some(sequence(Name::OpensslPair, &[MessageDigest::md5(), MessageDigest::sha512()]))
    }

    pub(super) fn triple() -> Option<Candidate> {
        let digests = [MessageDigest::md5(), MessageDigest::sha512(), MessageDigest::sha256()];
        Some(sequence(Name::OpensslTriple, &digests))
    }

    pub(super) fn streams() -> Option<Candidate> {
        let (images, buffer) = (images(), pattern(BUFFER_BYTES));
        let slice = move || {
            for image in &images {
                let mut hashers = hashers(&[MessageDigest::md5(), MessageDigest::sha512()]);
                let mut left = *image;
                while left > 0 {
                    let piece = BUFFER_BYTES.min(left);
                    hashers.iter_mut().for_each(|hasher| hasher.update(&buffer[..piece]).unwrap());
                    left -= piece;
                }
                hashers.iter_mut().for_each(|hasher| assert!(hasher.finish().is_ok()));
            }
            images.iter().sum()
        };
        Some(Candidate { name: Name::OpensslStreams, slice: Box::new(slice) })
    }
}

#[cfg(not(feature = "openssl"))]
mod openssl {
    use super::Candidate;

    pub(super) fn pair() -> Option<Candidate> {
        None
    }

    pub(super) fn triple() -> Option<Candidate> {
        None
    }

    pub(super) fn streams() -> Option<Candidate> {
        None
    }
}
