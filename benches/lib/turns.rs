//! Alternating runs of two programs.

use std::time::Instant;

use crate::process::{self, Run};

/// The seconds of one run.
#[derive(Clone, Copy)]
pub struct Took {
    /// From its start to its end.
    pub wall: f64,
    /// User and system time.
    pub cpu: f64,
}

impl Took {
    /// The time of work in this process.
    #[must_use]
    pub fn of(work: impl FnOnce()) -> Self {
        let cpu = || process::cpu_of(std::process::id());
        let (start, before) = (Instant::now(), cpu());
        work();
        Took { wall: start.elapsed().as_secs_f64(), cpu: (cpu() - before).as_secs_f64() }
    }
}

impl From<&Run> for Took {
    fn from(run: &Run) -> Self {
        Took { wall: run.wall.as_secs_f64(), cpu: run.cpu.as_secs_f64() }
    }
}

/// The runs of both, in pairs.
pub struct Pairs<T> {
    pairs: Vec<(T, T)>,
}

/// Runs both alternately, A B B A, after one run of each that does not count.
pub fn take_turns<T>(
    count: usize,
    mut own: impl FnMut() -> T,
    mut peer: impl FnMut() -> T,
) -> Pairs<T> {
    own();
    peer();
    let pairs = (0..count).map(|number| {
        if number.is_multiple_of(2) {
            let first = own();
            (first, peer())
        } else {
            let first = peer();
            (own(), first)
        }
    });
    Pairs { pairs: pairs.collect() }
}

impl<T> Pairs<T> {
    /// The spread of a value of each pair.
    pub fn spread(&self, of: impl Fn(&T, &T) -> f64) -> Spread {
        Spread::of(self.pairs.iter().map(|(own, peer)| of(own, peer)).collect())
    }
}

/// A median, with the lowest and the highest value.
#[derive(Clone, Copy)]
pub struct Spread {
    /// The value in the middle.
    pub median: f64,
    /// The lowest value.
    pub lowest: f64,
    /// The highest value.
    pub highest: f64,
}

impl Spread {
    /// The spread of some values.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Spread {
            median: values[values.len() / 2],
            lowest: values[0],
            highest: values[values.len() - 1],
        }
    }
}
