//! Assignment of streams to the lanes of the vector registers.
//!
//! The assignment is renewed every few blocks, so the lane of a stream that ends is reused at once.

use std::cmp::Reverse;

use crate::Platform;
use crate::blocks::{BLOCK_BYTES, Block, States};
use crate::lanes::Lane;

/// Blocks to add to the states of a stream.
pub(crate) struct Job<'a> {
    pub(crate) states: &'a mut States,
    pub(crate) blocks: &'a [Block],
}

/// Blocks of each lane between two assignments. All lanes together stay in the second-level cache: with twice
/// as much, 32 lanes of MD5 lose a fifth of their speed.
const SLICE_BLOCKS: usize = (16 << 10) / BLOCK_BYTES;

/// Adds all blocks to the states of their streams.
pub(crate) fn compress_many(platform: Platform, jobs: &mut [Job]) {
    loop {
        // The longest first: then they end together, and the lanes stay full until then.
        jobs.sort_unstable_by_key(|job| Reverse(job.blocks.len()));
        let waiting = jobs.partition_point(|job| !job.blocks.is_empty());
        let waiting = &mut jobs[..waiting];
        let least = waiting.first().map_or(0, |job| platform.min_streams(job.states));
        if waiting.len() < least || waiting.is_empty() {
            waiting.iter_mut().for_each(|job| platform.compress(job.states, job.blocks));
            return;
        }
        let together = waiting.len().min(platform.max_streams());
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

/// The streams that have the state, with their next `now` blocks.
fn lanes<'a, S>(
    jobs: &'a mut [Job],
    now: usize,
    state: impl Fn(&'a mut States) -> Option<&'a mut S>,
) -> Vec<Lane<'a, S>> {
    let lane = |job: &'a mut Job| state(job.states).map(|state| (state, &job.blocks[..now]));
    jobs.iter_mut().filter_map(lane).collect()
}
