//! Alternating runs of two programs.

use imgpush_benches::process::Run;

/// Seconds of one run.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

impl From<&Run> for Took {
    fn from(run: &Run) -> Self {
        Took { wall: run.wall.as_secs_f64(), cpu: run.cpu.as_secs_f64() }
    }
}

/// The runs of both, in pairs.
pub(crate) struct Pairs<T> {
    pairs: Vec<(T, T)>,
}

/// Runs both alternately, A B B A, after one run of each that does not count.
pub(crate) fn take_turns<T>(
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
    pub(crate) fn spread(&self, of: impl Fn(&T, &T) -> f64) -> Spread {
        Spread::of(self.pairs.iter().map(|(own, peer)| of(own, peer)).collect())
    }
}

/// A median, with the lowest and the highest value.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Spread {
            median: values[values.len() / 2],
            lowest: values[0],
            highest: values[values.len() - 1],
        }
    }
}
