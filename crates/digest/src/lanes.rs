//! Blocks of many streams, each stream in a lane of the vector registers.
//!
//! Which streams are in the lanes is decided anew every few blocks, so one that ends leaves its lane to
//! another at once.

#[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
use std::array::from_fn;
use std::cmp::Reverse;

use crate::Platform;
use crate::blocks::{BLOCK_BYTES, Block, States};

/// Blocks that wait to be added to a stream's states.
pub(crate) struct Job<'a> {
    pub(crate) states: &'a mut States,
    pub(crate) blocks: &'a [Block],
}

/// Blocks of each lane between two decisions. All lanes together stay in the second cache:
/// 32 lanes of MD5 lose a fifth of their speed at twice as much.
const SLICE_BLOCKS: usize = (16 << 10) / BLOCK_BYTES;

/// Adds all blocks to the states of their streams.
pub(crate) fn compress_many(platform: Platform, jobs: &mut [Job]) {
    loop {
        // The longest first: so they end together, and the lanes stay full to the end.
        jobs.sort_unstable_by_key(|job| Reverse(job.blocks.len()));
        let waiting = jobs.partition_point(|job| !job.blocks.is_empty());
        let waiting = &mut jobs[..waiting];
        let least = waiting.first().map_or(0, |job| platform.least_streams(job.states));
        if waiting.len() < least || waiting.is_empty() {
            waiting.iter_mut().for_each(|job| platform.compress(job.states, job.blocks));
            return;
        }
        let together = waiting.len().min(platform.most_streams());
        let together = &mut waiting[..together];
        let shortest = together.last().map_or(0, |job| job.blocks.len());
        let now = shortest.min(SLICE_BLOCKS);
        platform.md5_lanes(&mut lanes(together, now, |states| states.md5.as_mut()));
        platform.sha512_lanes(&mut lanes(together, now, |states| states.sha512.as_mut()));
        platform.sha256_lanes(&mut lanes(together, now, |states| states.sha256.as_mut()));
        for job in together {
            job.blocks = &job.blocks[now..];
        }
    }
}

/// One algorithm of one stream: its state and the blocks to add.
pub(crate) type Lane<'a, S> = (&'a mut S, &'a [Block]);

/// The streams that have the state, with their next `now` blocks.
fn lanes<'a, S>(
    jobs: &'a mut [Job],
    now: usize,
    state: impl Fn(&'a mut States) -> Option<&'a mut S>,
) -> Vec<Lane<'a, S>> {
    let lane = |job: &'a mut Job| state(job.states).map(|state| (state, &job.blocks[..now]));
    jobs.iter_mut().filter_map(lane).collect()
}

/// Streams one after the other.
pub(crate) fn alone<S>(lanes: &mut [Lane<S>], kernel: impl Fn(&mut S, &[Block])) {
    for (state, blocks) in lanes {
        kernel(state, blocks);
    }
}

/// Turns the states of up to `N` streams into what a kernel wants, word by word, and back. Lanes without
/// a stream repeat the first.
#[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
pub(crate) fn turned<T: Copy + Default, const WORDS: usize, const N: usize>(
    lanes: &mut [Lane<[T; WORDS]>],
    kernel: impl FnOnce(&mut [[T; N]; WORDS], [&[Block]; N]),
) {
    let mut states = from_fn(|word| {
        from_fn(|lane| lanes.get(lane).map_or(T::default(), |(state, _)| state[word]))
    });
    let blocks = from_fn(|lane| lanes.get(lane).map_or(lanes[0].1, |(_, blocks)| blocks));
    kernel(&mut states, blocks);
    for (lane, (state, _)) in lanes.iter_mut().enumerate() {
        **state = from_fn(|word| states[word][lane]);
    }
}
