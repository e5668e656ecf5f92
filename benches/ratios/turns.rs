//! Candidates that take turns.

use crate::candidates::{Candidate, Name};
use crate::cpu;

/// The slices of one candidate.
pub(crate) struct Series {
    pub(crate) name: Name,
    /// MB/s, in the order of the rounds.
    speeds: Vec<f64>,
}

/// Each candidate once a round.
pub(crate) fn take_turns(candidates: &mut [Candidate], rounds: usize) -> Vec<Series> {
    let mut all: Vec<Series> = candidates
        .iter()
        .map(|candidate| Series { name: candidate.name, speeds: Vec::with_capacity(rounds) })
        .collect();
    // The first round warms caches up and does not count.
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

impl Series {
    /// The speed in MB/s that so many per cent of the slices do not exceed.
    pub(crate) fn speed(&self, percent: usize) -> f64 {
        percentile(self.speeds.clone(), percent)
    }

    /// The median of the ratios of slices of the same round.
    pub(crate) fn median_ratio(&self, peer: &Series) -> f64 {
        percentile(self.speeds.iter().zip(&peer.speeds).map(|(own, peer)| own / peer).collect(), 50)
    }
}

pub(crate) fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * percent / 100]
}
