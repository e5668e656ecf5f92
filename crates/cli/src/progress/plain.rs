//! Progress where no cursor can be moved: a line every ten seconds.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use imgpush_engine::{Phase, Progress, Retrying};
use tokio::runtime::Handle;

use super::view::{NotePrinter, View, has_bytes, shortened};
use crate::output;

const INTERVAL: Duration = Duration::from_secs(10);

/// Calls `print` every ten seconds, as long as there is someone who holds `subject`.
pub(super) fn every_interval<T: Send + Sync + 'static>(subject: &Arc<T>, print: fn(&T)) {
    let subject = Arc::downgrade(subject);
    // Without a runtime nothing is transferred either.
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let Some(subject) = Weak::upgrade(&subject) else { return };
                print(&subject);
            }
        });
    }
}

/// The lines of one task.
pub(super) struct PlainLines(Arc<Lines>);

struct Lines {
    notes: NotePrinter,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Option<Phase>,
    /// When the phase began.
    since: Option<Instant>,
    bytes: u64,
    total: Option<u64>,
}

impl PlainLines {
    pub(super) fn new(notes: NotePrinter) -> Self {
        let lines = Arc::new(Lines { notes, state: Mutex::default() });
        every_interval(&lines, |lines: &Lines| {
            if let Some(line) = lines.state().line() {
                let task = &lines.notes.task;
                let name = task.label.as_deref().map_or(&*task.name, str::trim_end);
                lines.notes.printer.note(&format!("{}: {line}", shortened(name, 60)));
            }
        });
        PlainLines(lines)
    }
}

impl Lines {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What is to be said now; nothing before the first phase.
    fn line(&self) -> Option<String> {
        let (phase, since) = (self.phase?, self.since?);
        let seconds = since.elapsed().as_secs_f64();
        if !has_bytes(phase) {
            return Some(format!("{} for {seconds:.0} s", phase.name()));
        }
        Some(format!("{} {}", phase.name(), amount(self.bytes, self.total, seconds)))
    }
}

/// How far a transfer is, its rate, and the time left.
pub(super) fn amount(bytes: u64, total: Option<u64>, seconds: f64) -> String {
    let rate = output::speed(bytes, seconds);
    match total.filter(|total| *total > 0) {
        Some(total) => {
            let percent = u128::from(bytes) * 100 / u128::from(total);
            let (sent, all) = (output::bytes(bytes), output::bytes(total));
            let left = time_left(bytes, total, seconds);
            format!("{percent}%, {sent} of {all}, {rate}/s, {left} left")
        }
        None => format!("{}, {rate}/s", output::bytes(bytes)),
    }
}

/// The time that the rest takes at the rate so far.
pub(super) fn time_left(bytes: u64, total: u64, seconds: f64) -> String {
    if bytes == 0 {
        return "unknown time".to_owned();
    }
    let left = total.saturating_sub(bytes) as f64 * seconds / bytes as f64;
    let left = Duration::try_from_secs_f64(left.ceil()).unwrap_or(Duration::MAX);
    match left.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

impl Progress for PlainLines {
    fn phase(&self, phase: Phase) {
        let mut state = self.0.state();
        (state.phase, state.since, state.bytes) = (Some(phase), Some(Instant::now()), 0);
    }

    fn total(&self, bytes: u64) {
        self.0.state().total = Some(bytes);
    }

    fn sent(&self, bytes: u64) {
        self.0.state().bytes = bytes;
    }

    fn retrying(&self, retrying: &Retrying) {
        self.phase(Phase::Waiting);
        self.0.notes.retrying(retrying);
    }

    fn note(&self, text: &str) {
        self.0.notes.note(text);
    }
}

impl View for PlainLines {
    fn close(&self) {
        self.0.state().phase = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_phase_the_amount_and_the_time_left() {
        assert_eq!(
            amount(256 << 20, Some(1 << 30), 2.0),
            "25%, 256.00 MiB of 1.00 GiB, 128.00 MiB/s, 6 s left"
        );
        assert_eq!(amount(256 << 20, None, 2.0), "256.00 MiB, 128.00 MiB/s");
        assert_eq!(amount(0, Some(1 << 30), 2.0), "0%, 0 B of 1.00 GiB, 0 B/s, unknown time left");
        for (bytes, left) in [(1, "114 h"), (200, "33 min"), (4095, "1 s"), (4096, "0 s")] {
            assert_eq!(time_left(bytes, 4096, 100.0), left, "{bytes}");
        }
        let state = State {
            phase: Some(Phase::Finishing),
            since: Some(Instant::now()),
            ..State::default()
        };
        assert_eq!(state.line().unwrap(), "finishing for 0 s");
        assert_eq!(State::default().line(), None);
    }
}
