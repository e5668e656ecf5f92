//! The digests are those of the standards, however the stream is cut and shared out.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use imgpush_digest::{Algorithm, MultiHasher, hash};
use proptest::prelude::*;

/// `abc`, from FIPS 180-4, FIPS 202, RFC 1321 and RFC 7693, and of SHA-512/256 and the SHA-3 family
/// from the examples NIST publishes beside the standards.
const ABC: [(Algorithm, &str); 13] = [
    (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
    (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (Algorithm::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    (Algorithm::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        Algorithm::Sha384,
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
    (
        Algorithm::Sha512,
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (Algorithm::Sha512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
    (Algorithm::Sha3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
    (Algorithm::Sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    (
        Algorithm::Sha3_384,
        "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
    ),
    (
        Algorithm::Sha3_512,
        "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
    ),
    (
        Algorithm::Blake2b,
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
    ),
    (Algorithm::Blake2s, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"),
];

#[test]
fn the_standards_examples() {
    for (algorithm, hex) in ABC {
        assert_eq!(hash(algorithm, b"abc").to_string(), hex, "{algorithm}");
    }
}

#[test]
fn digests_come_in_the_order_asked_for_and_once_each() {
    let order = [Algorithm::Sha256, Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha3_512];
    let digests = MultiHasher::new(order, NonZeroUsize::new(3).unwrap()).finish();
    let got: Vec<_> = digests.iter().map(imgpush_digest::Digest::algorithm).collect();
    assert_eq!(got, [Algorithm::Sha256, Algorithm::Md5, Algorithm::Sha3_512]);
    assert!(digests.get(Algorithm::Sha512).is_none());
}

#[test]
fn a_hasher_that_is_dropped_lets_its_threads_go() {
    let mut hasher =
        MultiHasher::new([Algorithm::Md5, Algorithm::Sha512], NonZeroUsize::new(2).unwrap());
    struct Owner(Arc<Vec<u8>>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let data = Arc::new(vec![1; 1 << 20]);
    let chunk = Bytes::from_owner(Owner(Arc::clone(&data)));
    for _ in 0..8 {
        hasher.update(&chunk);
    }
    drop((hasher, chunk));
    let start = std::time::Instant::now();
    while Arc::strong_count(&data) > 1 {
        assert!(start.elapsed().as_secs() < 10, "a thread still holds the chunk");
        std::thread::yield_now();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Neither the cutting nor the number of threads changes a digest.
    #[test]
    fn cutting_and_threads_change_nothing(
        length in prop_oneof![0usize..=520, 0usize..=1 << 20],
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        threads in 1usize..=4,
    ) {
        let data: Bytes = (0..length).map(|i| (i % 251) as u8).collect::<Vec<_>>().into();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(length + 1)).collect();
        at.extend([0, length]);
        at.sort_unstable();
        let mut hasher = MultiHasher::new(Algorithm::ALL, NonZeroUsize::new(threads).unwrap());
        for pair in at.windows(2) {
            hasher.update(&data.slice(pair[0]..pair[1]));
        }
        for digest in hasher.finish().iter() {
            prop_assert_eq!(*digest, hash(digest.algorithm(), &data));
        }
    }
}
