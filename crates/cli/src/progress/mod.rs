//! Progress on stderr: bars, plain lines, lines of JSON, or notes only.

mod batch;
mod plain;
mod view;

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use imgpush_engine::{NoProgress, Phase, Progress, Retrying};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::args::ProgressKind;
use crate::printer::Printer;
use crate::text::for_terminal;
use crate::threads;

use self::plain::PlainLines;
use self::view::{NotePrinter, TaskLabel, has_bytes, retry_note, shortened};

pub(crate) use self::batch::BatchView;
pub(crate) use self::view::View;

/// The view of one task, as `--progress` selects it; `name` is what it works on.
pub(crate) fn view(
    kind: ProgressKind,
    quiet: bool,
    printer: &Printer,
    name: &str,
) -> Arc<dyn View> {
    let bar = |all: &MultiProgress| all.add(ProgressBar::no_length());
    let task = TaskLabel { name: name.to_owned(), ..TaskLabel::default() };
    ProgressDisplay::new(kind, quiet, printer).view(task, bar, true)
}

/// What the views of concurrent tasks share.
struct ProgressDisplay {
    kind: ProgressKind,
    quiet: bool,
    printer: Printer,
    /// All bars.
    all: MultiProgress,
    start: Instant,
}

impl ProgressDisplay {
    fn new(kind: ProgressKind, quiet: bool, printer: &Printer) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        ProgressDisplay { kind, quiet, printer: printer.clone(), all, start: Instant::now() }
    }

    fn has_bars(&self) -> bool {
        self.kind == ProgressKind::Auto && !self.quiet && self.printer.is_watched() && !is_dumb()
    }

    /// Whether there is a line every ten seconds in place of bars.
    fn has_lines(&self) -> bool {
        self.kind == ProgressKind::Auto && !self.quiet && !self.has_bars()
    }

    /// A view of one task; `bar` inserts its bar, and without bars it has lines of its own if `has_own_lines`.
    fn view(
        &self,
        task: TaskLabel,
        bar: impl FnOnce(&MultiProgress) -> ProgressBar,
        has_own_lines: bool,
    ) -> Arc<dyn View> {
        let notes = NotePrinter { printer: self.printer.clone(), task };
        match self.kind {
            ProgressKind::Json => Arc::new(JsonLines::new(notes, self.start)),
            _ if self.has_bars() => Arc::new(Bar::new(&self.all, bar(&self.all), notes)),
            _ if self.has_lines() && has_own_lines => Arc::new(PlainLines::new(notes)),
            _ if !self.quiet => Arc::new(notes),
            _ => Arc::new(NoProgress),
        }
    }
}

/// Whether the terminal cannot move its cursor.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

impl View for JsonLines {}

impl View for Bar {
    fn aside(&self, print: &mut dyn FnMut()) {
        suspended(&self.all, print);
    }

    fn close(&self) {
        self.bar.finish_and_clear();
        self.all.remove(&self.bar);
    }
}

/// A bar on a terminal, above or below those of other tasks.
struct Bar {
    bar: ProgressBar,
    all: MultiProgress,
    notes: NotePrinter,
}

impl Bar {
    fn new(all: &MultiProgress, bar: ProgressBar, notes: NotePrinter) -> Self {
        bar.set_style(style(BARE));
        tick(&bar);
        let label = match &notes.task.label {
            Some(label) => for_terminal(label),
            None => shortened(&notes.task.name, MOST_NAME_COLUMNS),
        };
        bar.set_prefix(if label.is_empty() { label } else { format!("{label}  ") });
        Bar { bar, all: all.clone(), notes }
    }
}

/// The columns of a name in front of a single bar.
const MOST_NAME_COLUMNS: usize = 24;

/// Calls `print` with the terminal to itself. One that has been closed is not drawn on any more: that is an
/// error on which the bars would panic.
fn suspended(all: &MultiProgress, print: impl FnOnce()) {
    if !std::io::stderr().is_terminal() {
        all.set_draw_target(ProgressDrawTarget::hidden());
    }
    all.suspend(print);
}

/// Draws the bar ten times a second, also while nothing moves. Where the system starts no thread for that, it
/// is drawn when something moves.
fn tick(bar: &ProgressBar) {
    if threads::can_start(1) {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the templates are constants, and a test builds each")
        .progress_chars("━╸ ")
}

const WITH_TOTAL: &str =
    "{prefix}{msg} {wide_bar} {percent}% {bytes}/{total_bytes} {binary_bytes_per_sec} {eta} left";
const BARE: &str = "{spinner} {prefix}{msg}";
const WITHOUT_TOTAL: &str = "{spinner} {prefix}{msg} {bytes} {binary_bytes_per_sec}";

impl Progress for Bar {
    fn phase(&self, phase: Phase) {
        self.bar.set_message(phase.name());
        if has_bytes(phase) {
            let template = if self.bar.length().is_some() { WITH_TOTAL } else { WITHOUT_TOTAL };
            self.bar.set_style(style(template));
            self.bar.reset_eta();
            self.bar.set_position(0);
        } else if phase != Phase::Finishing {
            self.bar.set_style(style(BARE));
        }
    }

    fn total(&self, bytes: u64) {
        self.bar.set_length(bytes);
    }

    fn sent(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    fn retrying(&self, retrying: &Retrying) {
        self.phase(Phase::Waiting);
        self.note(&retry_note(retrying));
    }

    fn note(&self, text: &str) {
        let line = self.notes.line(text);
        suspended(&self.all, || self.notes.printer.note(&line));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.close();
    }
}

/// A line of JSON twice a second. `docs/json-output.md` describes the lines.
struct JsonLines {
    notes: NotePrinter,
    start: Instant,
    state: Mutex<LineState>,
}

#[derive(Default)]
struct LineState {
    phase: &'static str,
    total: Option<u64>,
    last: Option<Instant>,
}

impl JsonLines {
    fn new(notes: NotePrinter, start: Instant) -> Self {
        JsonLines { notes, start, state: Mutex::new(LineState::default()) }
    }

    fn print(&self, mut line: Value) {
        for (key, value) in &self.notes.task.keys {
            line[*key] = value.as_str().into();
        }
        self.notes.printer.note_json(&line);
    }

    fn line(&self, state: &mut LineState, sent: Option<u64>) {
        state.last = Some(Instant::now());
        let mut line = json!({
            "type": "progress",
            "phase": state.phase,
            "total": state.total,
            "seconds": self.start.elapsed().as_secs_f64(),
        });
        if let Some(sent) = sent {
            let key = match state.phase {
                "hashing" | "resuming" => "read",
                "downloading" => "received",
                _ => "sent",
            };
            line[key] = sent.into();
        }
        self.print(line);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const LINE_INTERVAL: Duration = Duration::from_millis(500);

impl Progress for JsonLines {
    fn phase(&self, phase: Phase) {
        let mut state = self.state();
        state.phase = phase.name();
        self.line(&mut state, None);
    }

    fn total(&self, bytes: u64) {
        self.state().total = Some(bytes);
    }

    fn sent(&self, bytes: u64) {
        let mut state = self.state();
        let last = state.total == Some(bytes);
        if last || state.last.is_none_or(|last| last.elapsed() >= LINE_INTERVAL) {
            self.line(&mut state, Some(bytes));
        }
    }

    fn retrying(&self, retrying: &Retrying) {
        self.print(json!({
            "type": "retry",
            "reason": retrying.reason,
            "pause": retrying.pause.as_secs_f64(),
            "number": retrying.number,
            "of": retrying.of,
        }));
    }

    fn note(&self, text: &str) {
        self.print(json!({ "type": "note", "text": text }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_valid() {
        for template in [WITH_TOTAL, WITHOUT_TOTAL, BARE] {
            style(template);
        }
    }
}
