//! Axes with round numbers, and numbers as text.

/// An axis from 0.
pub(super) struct Scale {
    /// Where it ends.
    pub(super) end: f64,
    step: f64,
}

impl Scale {
    /// A scale up to `most`, with about `steps` steps of 1, 2 or 5.
    pub(super) fn of(most: f64, steps: u32) -> Self {
        let rough = most.max(1e-3) / f64::from(steps);
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = step.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(10.0 * power);
        Scale { end: most.max(1e-3), step }
    }

    /// The numbers on it.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> {
        let (end, step) = (self.end, self.step);
        (0_u32..).map(move |at| f64::from(at) * step).take_while(move |tick| *tick <= end * 1.001)
    }
}

/// A number on an axis, without digits that say nothing.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// A duration in words.
pub(super) fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for (most, steps, ticks) in [
            (8.3, 4, "0 5"),
            (2.1, 4, "0 1 2"),
            (0.11, 4, "0 0.05 0.1"),
            (100.0, 2, "0 50 100"),
            (86_400.0, 4, "0 50000"),
        ] {
            let scale = Scale::of(most, steps);
            let found: Vec<_> = scale.ticks().map(number).collect();
            assert_eq!(found.join(" "), ticks, "{most}");
        }
    }
}
