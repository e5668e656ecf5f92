//! The results, and whether the goals are met.

use std::fmt;

use crate::turns::{Pairs, Spread, Took};

/// The project's goal for a figure.
pub enum Goal {
    /// Lower is better: the target, and the ambition.
    AtMost(f64, f64),
    /// Higher is better.
    AtLeast(f64, f64),
    /// Near the target.
    About(f64, f64),
    /// No goal.
    None,
}

impl Goal {
    /// Target, ambition, and the verdict.
    fn judge(&self, found: f64) -> (String, String, &'static str) {
        let (target, reach, holds) = match *self {
            Goal::AtMost(target, reach) => {
                (format!("≤ {target:.2}"), format!("≤ {reach:.2}"), found <= target)
            }
            Goal::AtLeast(target, reach) => {
                (format!("≥ {target}"), format!("≥ {reach}"), found >= target)
            }
            Goal::About(target, noise) => {
                let holds = (found / target - 1.0).abs() <= noise;
                (format!("{target} ± {noise}"), String::new(), holds)
            }
            Goal::None => return (String::new(), String::new(), ""),
        };
        (target, reach, if holds { "met" } else { "MISSED" })
    }
}

/// Rows in the order of measurement.
#[derive(Default)]
pub struct Table {
    runs: Vec<String>,
    speeds: Vec<String>,
    goals: Vec<String>,
}

impl Table {
    /// The time of the first of two.
    pub fn own(&mut self, what: &str, pairs: &Pairs<Took>) {
        self.took(what, pairs.spread(|own, _| own.wall), pairs.spread(|own, _| own.cpu));
    }

    /// The time of the second of two.
    pub fn peer(&mut self, what: &str, pairs: &Pairs<Took>) {
        self.took(what, pairs.spread(|_, peer| peer.wall), pairs.spread(|_, peer| peer.cpu));
    }

    fn took(&mut self, what: &str, wall: Spread, cpu: Spread) {
        let Spread { median, lowest, highest } = wall;
        let cpu = cpu.median;
        self.runs
            .push(format!("| {what} | {median:.2} | {lowest:.2} to {highest:.2} | {cpu:.2} |"));
    }

    /// MB/s.
    pub fn speed(&mut self, what: &str, found: Spread) {
        let Spread { median, lowest, highest } = found;
        self.speeds.push(format!("| {what} | {median:.0} | {lowest:.0} to {highest:.0} |"));
    }

    /// A ratio with its goal.
    pub fn ratio(&mut self, what: &str, goal: &Goal, found: Spread) {
        let Spread { median, lowest, highest } = found;
        let (target, reach, verdict) = goal.judge(median);
        self.goals.push(format!(
            "| {what} | {target} | {reach} | {median:.2} | {lowest:.2} to {highest:.2} | {verdict} |"
        ));
    }

    /// A figure that does not vary, with its unit.
    pub fn one(&mut self, what: &str, goal: &Goal, found: f64, unit: &str) {
        let (target, reach, verdict) = goal.judge(found);
        self.goals
            .push(format!("| {what} | {target} | {reach} | {found:.2}{unit} | | {verdict} |"));
    }

    /// A figure that was not measured.
    pub fn left_out(&mut self, what: &str, why: &str) {
        self.goals.push(format!("| {what} | | | NOT MEASURED: {why} | | |"));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (head, lines) in [
            ("| run | wall s | lowest to highest | CPU s |\n|---|---:|---:|---:|", &self.runs),
            ("| speed | MB/s | lowest to highest |\n|---|---:|---:|", &self.speeds),
            (
                "| goal | target | ambition | median | lowest to highest | |\n\
                 |---|---:|---:|---:|---:|---|",
                &self.goals,
            ),
        ] {
            if lines.is_empty() {
                continue;
            }
            writeln!(f, "{head}\n{}\n", lines.join("\n"))?;
        }
        Ok(())
    }
}
