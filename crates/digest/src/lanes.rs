//! The lanes of the vector registers: the input of kernels for many streams, one stream per lane.

#[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
use std::array::from_fn;

use crate::blocks::Block;

/// One algorithm of one stream: its state and the blocks to add.
pub(crate) type Lane<'a, S> = (&'a mut S, &'a [Block]);

/// Runs a kernel for one stream on each.
pub(crate) fn alone<S>(lanes: &mut [Lane<S>], kernel: impl Fn(&mut S, &[Block])) {
    for (state, blocks) in lanes {
        kernel(state, blocks);
    }
}

/// Transposes the states of up to `N` streams to the layout of a kernel, word by word, and back. Lanes
/// without a stream repeat the first one.
#[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
pub(crate) fn transposed<T: Copy + Default, const WORDS: usize, const N: usize>(
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
