//! The lanes of the vector registers: what kernels for many streams take, one stream a lane.

#[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
use std::array::from_fn;

use crate::blocks::Block;

/// One algorithm of one stream: its state and the blocks to add.
pub(crate) type Lane<'a, S> = (&'a mut S, &'a [Block]);

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
