//! Assignment of items to shards.
//!
//! Machines of different versions can work on one batch, so the arithmetic never changes. In 64-bit arithmetic without
//! overflow checks, with `mix` of SplitMix64:
//!
//! - the key of an item is the first 8 bytes of the SHA-256 of its UTF-8 text, little-endian;
//! - the weight of shard `i` (from 1) for it is `mix(key ^ mix(i))`;
//! - the item belongs to the shard with the highest weight, and of equal ones to the lowest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;

use imgpush_digest::{Algorithm, Stream};

/// Returns the number of the shard of an item.
pub(super) fn by_hash(item: &str, total: NonZeroU32) -> NonZeroU32 {
    let key = key(item);
    let weight = |shard: &NonZeroU32| mix(key ^ mix(shard.get().into()));
    // Of equal weights `max_by_key` returns the last.
    numbers(total).rev().max_by_key(weight).unwrap_or(NonZeroU32::MIN)
}

/// Returns the number of the shard of each item.
pub(super) fn by_size(items: &[(&str, u64)], total: NonZeroU32) -> Vec<NonZeroU32> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|at| (Reverse(items[*at].1), items[*at].0));
    let mut loads: BinaryHeap<_> = numbers(total).map(|shard| Reverse((0_u128, shard))).collect();
    let mut shards = vec![NonZeroU32::MIN; items.len()];
    for at in order {
        let Some(Reverse((load, shard))) = loads.pop() else { break };
        shards[at] = shard;
        loads.push(Reverse((load + u128::from(items[at].1), shard)));
    }
    shards
}

fn numbers(total: NonZeroU32) -> impl DoubleEndedIterator<Item = NonZeroU32> {
    (1..=total.get()).filter_map(NonZeroU32::new)
}

fn key(item: &str) -> u64 {
    let mut hash = Stream::new([Algorithm::Sha256]);
    hash.update(item.as_bytes());
    let digests = hash.finish();
    let digest = digests.get(Algorithm::Sha256).expect("it was requested");
    u64::from_le_bytes(*digest.as_bytes().first_chunk().expect("a SHA-256 has 32 bytes"))
}

/// The step and the finalizer of SplitMix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(total: u32) -> NonZeroU32 {
        NonZeroU32::new(total).unwrap()
    }

    /// From an implementation in Python, with `hashlib`. They never change: machines of different versions would not
    /// agree.
    #[test]
    fn the_assignment_is_that_of_all_versions() {
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF, "the first output of SplitMix64 with the seed 0");
        for (item, shards) in VECTORS {
            for (total, shard) in TOTALS.into_iter().zip(shards) {
                assert_eq!(by_hash(item, of(total)).get(), shard, "{item} in {total} shards");
            }
        }
    }

    const TOTALS: [u32; 5] = [1, 2, 3, 8, 1000];

    const VECTORS: [(&str, [u32; 5]); 7] = [
        ("", [1, 2, 2, 4, 599]),
        ("noble.qcow2", [1, 2, 2, 6, 456]),
        ("./noble.qcow2", [1, 1, 1, 1, 933]),
        ("images/größe 漢字.raw", [1, 2, 2, 2, 849]),
        ("https://cloud.example.org/noble.img?x=1", [1, 1, 1, 1, 937]),
        ("0a1b2c3d-0000-4000-8000-000000000001", [1, 1, 1, 4, 337]),
        ("0a1b2c3d-0000-4000-8000-000000000002", [1, 1, 1, 8, 542]),
    ];

    #[test]
    fn another_shard_takes_its_items_and_moves_no_others() {
        let items: Vec<String> = (0..2000).map(|number| format!("image-{number}.raw")).collect();
        for total in 1..20 {
            let mut taken = 0;
            for item in &items {
                let (before, after) = (by_hash(item, of(total)), by_hash(item, of(total + 1)));
                assert!(after == before || after.get() == total + 1);
                taken += u32::from(after != before);
            }
            // Six standard deviations of a binomial distribution.
            let share = 2000.0 / f64::from(total + 1);
            assert!((f64::from(taken) - share).abs() < 6.0 * share.sqrt(), "{taken} of {share}");
        }
    }

    #[test]
    fn the_largest_items_are_spread_first_whatever_their_order() {
        let mut items = vec![("a", 7), ("b", 5), ("c", 4), ("d", 4), ("e", 2), ("f", 0)];
        let expected = [("a", 1), ("b", 2), ("c", 3), ("d", 3), ("e", 2), ("f", 1)];
        for _ in 0..items.len() {
            let shards = by_size(&items, of(3));
            let mut found: Vec<_> =
                items.iter().zip(shards).map(|((item, _), shard)| (*item, shard.get())).collect();
            found.sort_unstable();
            assert_eq!(found, expected);
            items.rotate_left(1);
        }
        assert_eq!(by_size(&[("a", u64::MAX), ("b", u64::MAX), ("c", 1)], of(1)), [of(1); 3]);
        assert_eq!(by_size(&[], of(3)), []);
    }
}
