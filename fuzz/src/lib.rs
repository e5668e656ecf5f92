//! What the fuzz targets assert. `cargo test` replays the corpora through them on any toolchain;
//! `cargo +nightly fuzz run --features fuzzing TARGET` looks for more.

use std::array;
use std::num::NonZeroUsize;

use bytes::Bytes;
use imgpush_digest::{Algorithm, Digests, MultiHasher, Platform, Stream, Sums, sums, update_many};
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

/// The digests of a stream depend neither on how it is cut, nor on how many threads share them, nor on
/// which kernels compute them, nor on what is in the lanes beside it. The first two bytes say how.
pub fn digest_split(data: &[u8]) {
    let [cut, threads, stream @ ..] = data else { return };
    let piece_bytes = usize::from(*cut) + 1;
    let threads = NonZeroUsize::new(usize::from(threads % 4) + 1).expect("one at least");
    let wanted = whole(&Algorithm::ALL, stream);
    for platform in Platform::available() {
        let mut hasher = MultiHasher::on(platform, Algorithm::ALL, threads);
        for piece in stream.chunks(piece_bytes) {
            hasher.update(&Bytes::copy_from_slice(piece));
        }
        assert_eq!(hasher.finish(), wanted, "{platform:?}");
        in_lanes(platform, stream, piece_bytes);
    }
}

/// The digests by the crates that serve every CPU, of the bytes in one piece.
fn whole(algorithms: &[Algorithm], bytes: &[u8]) -> Digests {
    let portable = "portable".parse().expect("it runs everywhere");
    let mut stream = Stream::on(portable, algorithms.iter().copied());
    stream.update(bytes);
    stream.finish()
}

/// Streams side by side, each a byte shorter than the one before, so that they end in turn.
fn in_lanes(platform: Platform, bytes: &[u8], piece_bytes: usize) {
    const FUSED: [Algorithm; 3] = [Algorithm::Md5, Algorithm::Sha512, Algorithm::Sha256];
    let inputs: [&[u8]; 9] = array::from_fn(|start| bytes.get(start..).unwrap_or_default());
    let mut streams = inputs.map(|_| Stream::on(platform, FUSED));
    let mut pieces = inputs.map(|input| input.chunks(piece_bytes));
    loop {
        let next = pieces.each_mut().map(|pieces| pieces.next().unwrap_or_default());
        if next[0].is_empty() {
            break;
        }
        update_many(&mut streams.iter_mut().zip(next).collect::<Vec<_>>());
    }
    for (stream, input) in streams.into_iter().zip(inputs) {
        assert_eq!(stream.finish(), whole(&FUSED, input), "{platform:?}");
    }
}

/// Any bytes are a list, and what was read from one is written so that it is read again.
pub fn sums(data: &[u8]) {
    for entry in Sums::parse(data, &Algorithm::USUAL).entries {
        let untagged = sums::untagged_line(&entry.digest, &entry.name);
        let tagged = sums::tagged_line(&entry.digest, &entry.name);
        for line in [untagged, tagged] {
            let again = Sums::parse(&line, &[entry.digest.algorithm()]);
            assert_eq!(again.faulty_lines, []);
            assert_eq!(again.entries.len(), 1);
            assert_eq!(again.entries[0].name, entry.name);
            assert_eq!(again.entries[0].digest, entry.digest);
        }
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
    fn sums() {
        replay("sums", super::sums);
    }

    #[test]
    fn digest_split() {
        replay("digest_split", super::digest_split);
    }
}
