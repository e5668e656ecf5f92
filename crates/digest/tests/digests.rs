//! The digests match the standards, for every backend and however the stream is split.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use digest::DynDigest;
use imgpush_digest::{Algorithm, Lanes, MultiHasher, Platform, Stream, hash, update_many};
use proptest::prelude::*;
use proptest::sample::Index;

/// Sets that the fused kernels take, sets with remaining algorithms, and all at once.
const SETS: [&[Algorithm]; 10] = [
    &[Algorithm::Md5],
    &[Algorithm::Sha512],
    &[Algorithm::Sha256],
    &[Algorithm::Md5, Algorithm::Sha512],
    &[Algorithm::Sha256, Algorithm::Md5],
    &[Algorithm::Sha512, Algorithm::Sha256],
    &[Algorithm::Md5, Algorithm::Sha512, Algorithm::Sha256],
    &[Algorithm::Sha224, Algorithm::Md5, Algorithm::Sha384],
    &[Algorithm::Sha512_256, Algorithm::Sha512, Algorithm::Md5, Algorithm::Blake2b],
    &Algorithm::ALL,
];

/// Digests by other crates, in one piece.
fn expected(algorithm: Algorithm, bytes: &[u8]) -> String {
    let mut oracle: Box<dyn DynDigest> = match algorithm {
        Algorithm::Md5 => Box::new(md5::Md5::default()),
        Algorithm::Sha1 => Box::new(sha1::Sha1::default()),
        Algorithm::Sha224 => Box::new(sha2::Sha224::default()),
        Algorithm::Sha256 => Box::new(sha2::Sha256::default()),
        Algorithm::Sha384 => Box::new(sha2::Sha384::default()),
        Algorithm::Sha512 => Box::new(sha2::Sha512::default()),
        Algorithm::Sha512_256 => Box::new(sha2::Sha512_256::default()),
        Algorithm::Sha3_224 => Box::new(sha3::Sha3_224::default()),
        Algorithm::Sha3_256 => Box::new(sha3::Sha3_256::default()),
        Algorithm::Sha3_384 => Box::new(sha3::Sha3_384::default()),
        Algorithm::Sha3_512 => Box::new(sha3::Sha3_512::default()),
        Algorithm::Blake2b => Box::new(blake2::Blake2b512::default()),
        Algorithm::Blake2s => Box::new(blake2::Blake2s256::default()),
        Algorithm::Blake3 => return blake3::hash(bytes).to_string(),
        other => panic!("no oracle for {other}"),
    };
    oracle.update(bytes);
    oracle.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn assert_digests(digests: &imgpush_digest::Digests, bytes: &[u8], what: &str) {
    for digest in digests.iter() {
        let algorithm = digest.algorithm();
        let length = bytes.len();
        assert_eq!(
            digest.to_string(),
            expected(algorithm, bytes),
            "{algorithm} of {length} bytes, {what}"
        );
    }
}

/// Bytes without two equal blocks.
fn data(length: usize, seed: u64) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x.to_le_bytes()
    };
    (0..length.div_ceil(8)).flat_map(|_| next()).take(length).collect()
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// The messages for which NIST (FIPS 180 and 202) and RFC 1321 and 7693 publish digests. For the other
/// algorithms the values are from Python's `hashlib`; for BLAKE3 from its own test vectors.
#[test]
fn the_standards_examples() {
    let million = vec![b'a'; 1_000_000];
    let mut seen = 0;
    for line in include_str!("vectors.txt").lines() {
        let [algorithm, message, hex] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let algorithm: Algorithm = algorithm.parse().unwrap();
        let message: &[u8] = match message {
            "empty" => b"",
            "abc" => b"abc",
            "bits_448" => b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "bits_896" => {
                b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno\
                  ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
            }
            "million" => &million,
            other => panic!("no message is called {other}"),
        };
        for platform in Platform::available() {
            let mut stream = Stream::on(platform, [algorithm]);
            stream.update(message);
            let digest = stream.finish().get(algorithm).unwrap().to_string();
            assert_eq!(digest, hex, "{algorithm} of {} bytes on {platform:?}", message.len());
        }
        seen += 1;
    }
    assert_eq!(seen, 67);
}

#[test]
fn the_examples_of_rfc_1321() {
    for (text, hex) in [
        ("a", "0cc175b9c0f1b6a831c399e269772661"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
        (
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "d174ab98d277d9f5a5611c2c9f419d9f",
        ),
        (
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            "57edf4a22be3c955ac49da2e2107b67a",
        ),
    ] {
        assert_eq!(hash(Algorithm::Md5, text.as_bytes()).to_string(), hex, "{text}");
    }
}

/// A run that is meant to test one backend must not test another.
#[test]
fn the_environment_names_the_backend() {
    match std::env::var("IMGPUSH_BACKEND") {
        Ok(name) if !name.is_empty() => {
            assert_eq!(Platform::from_environment().unwrap().unwrap().name(), name);
            assert_eq!(Platform::detect().name(), name);
        }
        _ => {
            assert!(Platform::from_environment().unwrap().is_none());
            let fastest = Platform::available().pop().unwrap();
            assert_eq!(Platform::detect().name(), fastest.name());
        }
    }
}

#[test]
fn a_build_for_a_backend_excludes_faster_ones() {
    let built_for = [
        (cfg!(imgpush_backend = "portable"), "portable"),
        (cfg!(imgpush_backend = "scalar"), "scalar"),
        (cfg!(imgpush_backend = "avx2"), "avx2"),
    ];
    let number = |wanted: &str| Platform::NAMES.iter().position(|name| *name == wanted);
    for (_, most) in built_for.into_iter().filter(|(is_it, _)| *is_it) {
        for platform in Platform::available() {
            assert!(number(platform.name()) <= number(most), "{platform:?}");
        }
    }
}

#[test]
fn an_unavailable_backend_is_an_error() {
    let unknown = "sse9".parse::<Platform>().unwrap_err().to_string();
    assert_eq!(
        unknown,
        "unknown hashing backend sse9; available are portable, scalar, avx2, avx512"
    );
    for name in Platform::NAMES {
        match name.parse::<Platform>() {
            Ok(platform) => assert_eq!(platform.name(), name),
            Err(error) => {
                assert_eq!(
                    error.to_string(),
                    format!("this CPU does not support the hashing backend {name}")
                );
            }
        }
    }
    assert_eq!(Platform::available()[0].name(), "portable");
}

#[test]
fn every_length_up_to_four_blocks_on_every_platform() {
    let data = data(4 * 128 + 1, 1);
    for platform in Platform::available() {
        for algorithms in SETS {
            for length in 0..=data.len() {
                let mut stream = Stream::on(platform, algorithms.iter().copied());
                stream.update(&data[..length]);
                assert_digests(&stream.finish(), &data[..length], platform.name());
            }
        }
    }
}

#[test]
fn digests_are_in_the_requested_order_and_once_each() {
    let order = [Algorithm::Sha256, Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha3_512];
    let digests = MultiHasher::new(order, threads(3)).finish();
    let got: Vec<_> = digests.iter().map(imgpush_digest::Digest::algorithm).collect();
    assert_eq!(got, [Algorithm::Sha256, Algorithm::Md5, Algorithm::Sha3_512]);
    assert!(digests.get(Algorithm::Sha512).is_none());
}

/// Bytes that show whether they are still referenced.
struct Owner(Arc<Vec<u8>>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn owned(length: usize) -> (Arc<Vec<u8>>, Bytes) {
    let bytes = Arc::new(vec![1; length]);
    let chunk = Bytes::from_owner(Owner(Arc::clone(&bytes)));
    (bytes, chunk)
}

#[track_caller]
fn assert_released(bytes: &Arc<Vec<u8>>) {
    // A thread releases its reference shortly after its work.
    let is_released = (0..10_000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(1));
        Arc::strong_count(bytes) == 1
    });
    assert!(is_released, "something still holds the chunk");
}

#[test]
fn dropping_a_hasher_ends_its_threads() {
    let mut hasher = MultiHasher::new([Algorithm::Sha1, Algorithm::Sha512], threads(2));
    let (bytes, chunk) = owned(1 << 20);
    for _ in 0..8 {
        hasher.update(&chunk);
    }
    drop((hasher, chunk));
    assert_released(&bytes);
}

#[test]
fn dropping_a_stream_of_the_service_releases_its_chunks() {
    let lanes = Lanes::new(threads(1));
    let (bytes, chunk) = owned(4 << 20);
    for _ in 0..4 {
        let mut stream = lanes.stream([Algorithm::Md5]);
        stream.update(&chunk);
        stream.update(&chunk);
    }
    drop(chunk);
    assert_released(&bytes);
}

/// No stream may wait for the slow source of another.
#[test]
fn no_stream_waits_for_the_source_of_another() {
    let lanes = Lanes::new(threads(1));
    let mut slow: Vec<_> = (0..8).map(|_| lanes.stream([Algorithm::Md5])).collect();
    for stream in &mut slow {
        stream.update(&Bytes::from_static(b"a"));
    }
    let bytes = data(5 << 20, 2);
    let mut quick = lanes.stream([Algorithm::Md5, Algorithm::Sha512]);
    quick.update(&bytes.clone().into());
    assert_digests(&quick.finish(), &bytes, "beside streams that have begun only");
    for mut stream in slow {
        stream.update(&Bytes::from_static(b"bc"));
        assert_digests(&stream.finish(), b"abc", "in the end");
    }
}

#[test]
fn the_service_hashes_streams_of_many_threads() {
    for platform in Platform::available() {
        for count in [1, 2] {
            let lanes = Lanes::on(platform, threads(count));
            std::thread::scope(|scope| {
                for number in 0..40_usize {
                    let lanes = lanes.clone();
                    scope.spawn(move || {
                        let algorithms = SETS[number % SETS.len()];
                        let bytes = Bytes::from(data(number * 7_001, number as u64));
                        let mut stream = lanes.stream(algorithms.iter().copied());
                        for chunk in 0..bytes.len().div_ceil(5_000) {
                            let end = bytes.len().min(5_000 * (chunk + 1));
                            stream.update(&bytes.slice(5_000 * chunk..end));
                        }
                        assert_digests(&stream.finish(), &bytes, platform.name());
                    });
                }
            });
        }
    }
}

/// Lengths beyond 32 bits of bytes and of bits, for the counters of the kernels and of the padding.
#[test]
#[ignore = "minutes; cargo xtask test --full runs it"]
fn a_stream_of_more_than_four_gibibytes() {
    let chunk = data(1 << 20, 3);
    let all = [Algorithm::Md5, Algorithm::Sha512, Algorithm::Sha256];
    let mut oracles: [Box<dyn DynDigest>; 3] = [
        Box::new(md5::Md5::default()),
        Box::new(sha2::Sha512::default()),
        Box::new(sha2::Sha256::default()),
    ];
    let mut fused = Stream::new(all);
    let mut many: Vec<Stream> = (0..8).map(|_| Stream::new(all)).collect();
    for _ in 0..(4 << 10) + 1 {
        oracles.iter_mut().for_each(|oracle| oracle.update(&chunk));
        fused.update(&chunk);
        update_many(&mut many.iter_mut().map(|stream| (stream, &chunk[..])).collect::<Vec<_>>());
    }
    let expected = oracles.map(|oracle| {
        oracle.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    for stream in many.into_iter().chain([fused]) {
        let digests = stream.finish();
        assert_eq!(all.map(|algorithm| digests.get(algorithm).unwrap().to_string()), expected);
    }
}

fn cut(length: usize, cuts: &[Index]) -> Vec<usize> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(length + 1)).collect();
    at.extend([0, length]);
    at.sort_unstable();
    at
}

fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0_usize..=520, 1 => 0_usize..=1 << 20]
}

fn platforms() -> impl Strategy<Value = Platform> {
    proptest::sample::select(Platform::available())
}

fn sets() -> impl Strategy<Value = &'static [Algorithm]> {
    proptest::sample::select(&SETS[..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The splitting, the alignment of the bytes and the number of threads do not change a digest.
    #[test]
    fn splitting_alignment_and_threads_do_not_change_digests(
        length in lengths(),
        offset in 0_usize..64,
        cuts in proptest::collection::vec(any::<Index>(), 0..8),
        platform in platforms(),
        algorithms in sets(),
        count in 1_usize..=4,
    ) {
        let bytes = Bytes::from(data(offset + length, length as u64)).slice(offset..);
        let mut hasher = MultiHasher::on(platform, algorithms.iter().copied(), threads(count));
        for pair in cut(length, &cuts).windows(2) {
            hasher.update(&bytes.slice(pair[0]..pair[1]));
        }
        assert_digests(&hasher.finish(), &bytes, platform.name());
    }

    /// Any number of streams of different lengths, which begin and end at any time, each with its own
    /// algorithms.
    #[test]
    fn lanes_do_not_change_digests(
        streams in proptest::collection::vec(
            (0_usize..9_000, sets(), proptest::collection::vec(any::<Index>(), 3)),
            0..=40,
        ),
        alike in proptest::option::of(sets()),
        platform in platforms(),
    ) {
        let inputs: Vec<Vec<u8>> =
            streams.iter().enumerate().map(|(i, (length, ..))| data(*length, i as u64)).collect();
        let cuts: Vec<Vec<usize>> =
            streams.iter().map(|(length, _, cuts)| cut(*length, cuts)).collect();
        let mut hashers: Vec<Stream> = streams
            .iter()
            .map(|(_, set, _)| Stream::on(platform, alike.unwrap_or(set).iter().copied()))
            .collect();
        for round in 0..4 {
            let mut work: Vec<(&mut Stream, &[u8])> = hashers
                .iter_mut()
                .zip(inputs.iter().zip(&cuts))
                .map(|(hasher, (input, cut))| (hasher, &input[cut[round]..cut[round + 1]]))
                .collect();
            update_many(&mut work);
        }
        for (hasher, input) in hashers.into_iter().zip(&inputs) {
            assert_digests(&hasher.finish(), input, platform.name());
        }
    }
}
