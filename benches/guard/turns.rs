//! Alternating measurement of candidates.

use crate::cpu;

/// A candidate.
pub struct Candidate<N> {
    /// The name of its series.
    pub name: N,
    /// Hashes a slice and returns its number of bytes.
    pub slice: Box<dyn FnMut() -> usize>,
}

/// The slices of one candidate.
pub struct Series<N> {
    /// The name of the candidate.
    pub name: N,
    /// MB/s, in the order of the rounds.
    speeds: Vec<f64>,
}

/// Measures each candidate once per round.
///
/// # Panics
///
/// If a slice has gigabytes.
pub fn take_turns<N: Copy>(candidates: &mut [Candidate<N>], rounds: usize) -> Vec<Series<N>> {
    let mut all: Vec<Series<N>> = candidates
        .iter()
        .map(|candidate| Series { name: candidate.name, speeds: Vec::with_capacity(rounds) })
        .collect();
    // The first round warms up the caches and does not count.
    for round in 0..=rounds {
        for (candidate, series) in candidates.iter_mut().zip(&mut all) {
            let start = cpu::time();
            let bytes = (candidate.slice)();
            let took = cpu::time() - start;
            if round > 0 {
                let bytes = u32::try_from(bytes).expect("a slice is a few MB");
                series.speeds.push(f64::from(bytes) / took.as_secs_f64() / 1e6);
            }
        }
    }
    all
}

impl<N> Series<N> {
    /// The speed in MB/s that this percentage of the slices does not exceed.
    #[must_use]
    pub fn speed(&self, percent: usize) -> f64 {
        percentile(self.speeds.clone(), percent)
    }

    /// The median of the ratios of slices of the same round.
    #[must_use]
    pub fn median_ratio(&self, peer: &Series<N>) -> f64 {
        percentile(self.speeds.iter().zip(&peer.speeds).map(|(own, peer)| own / peer).collect(), 50)
    }
}

/// The value that this percentage of the values does not exceed.
#[must_use]
pub fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * percent / 100]
}
