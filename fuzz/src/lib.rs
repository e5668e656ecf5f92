//! What the fuzz targets assert. `cargo test` replays the corpora through them on any toolchain;
//! `cargo +nightly fuzz run --features fuzzing TARGET` looks for more.

use std::num::NonZeroUsize;

use bytes::Bytes;
use imgpush_digest::{Algorithm, MultiHasher, hash};
use imgpush_formats::Detector;

/// The verdict on a stream does not depend on how it is cut. The first byte says where.
pub fn detect_split(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else { return };
    let length = Some(stream.len() as u64);
    let mut whole = Detector::new();
    whole.push(stream);
    let mut pieces = Detector::new();
    for piece in stream.chunks(usize::from(cut) + 1) {
        pieces.push(piece);
    }
    assert_eq!(whole.inspect(length), pieces.inspect(length));
    assert_eq!(whole.is_decided(), pieces.is_decided());
}

/// The digests of a stream do not depend on how it is cut nor on how many threads share them. The
/// first two bytes say how.
pub fn digest_split(data: &[u8]) {
    let [cut, threads, stream @ ..] = data else { return };
    let threads = NonZeroUsize::new(usize::from(threads % 4) + 1).expect("one at least");
    let mut hasher = MultiHasher::new(Algorithm::ALL, threads);
    for piece in stream.chunks(usize::from(*cut) + 1) {
        hasher.update(&Bytes::copy_from_slice(piece));
    }
    for digest in hasher.finish().iter() {
        assert_eq!(*digest, hash(digest.algorithm(), stream));
    }
}

#[cfg(test)]
mod tests {
    /// Every file of a corpus, regressions among them.
    fn replay(target: &str, assertion: fn(&[u8])) {
        let mut waiting =
            vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)];
        let mut files = 0;
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                waiting
                    .extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                assertion(&std::fs::read(&path).unwrap());
                files += 1;
            }
        }
        assert!(files > 0, "the corpus of {target} is empty");
    }

    #[test]
    fn detect_split() {
        replay("detect_split", super::detect_split);
    }

    #[test]
    fn digest_split() {
        replay("digest_split", super::digest_split);
    }
}
