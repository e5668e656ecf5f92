//! How a run of the program ended.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Output;
use std::time::Duration;

use imgpush_tests::said;
use serde_json::Value;

/// How a run of the program ended, and what it said.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// A line for each image.
    pub(crate) reports: Vec<Value>,
    /// The last line, of a run that came to its end.
    pub(crate) batch: Value,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Run {
    pub(crate) fn of(output: &Output, password: &str, took: Duration) -> Self {
        let (stdout, stderr) = said(output, password);
        // A kill may cut the last line.
        let lines = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let (mut batches, reports): (Vec<_>, Vec<_>) =
            lines.partition(|line| line.get("batch").is_some());
        Run {
            code: output.status.code(),
            signal: output.status.signal(),
            reports,
            batch: batches.pop().map_or(Value::Null, |mut line| line["batch"].take()),
            stderr,
            took,
        }
    }

    /// What was said of the image of that file.
    pub(crate) fn report(&self, file: &str) -> &Value {
        let found = self.reports.iter().find(|report| report["source"] == file);
        found.unwrap_or_else(|| panic!("nothing is said of {file}: {self:?}"))
    }

    /// Those that are proved.
    pub(crate) fn proved(&self) -> impl Iterator<Item = &Value> {
        self.reports.iter().filter(|report| report["verified"] == true)
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Run { code, signal, reports, batch, stderr, took } = self;
        let (proved, others): (Vec<_>, Vec<_>) =
            reports.iter().partition(|report| report["verified"] == true);
        write!(f, "exit {code:?}, signal {signal:?} after {took:?}\n{stderr}\n")?;
        writeln!(f, "{} proved; the others:", proved.len())?;
        others.into_iter().chain([batch]).try_for_each(|line| writeln!(f, "{line}"))
    }
}
