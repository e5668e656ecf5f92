//! What a push, a download, or hashing shows while it runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use imgpush_engine::{NoProgress, Phase, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::args::ProgressKind;
use crate::printer::Printer;

/// The view that was asked for.
pub(crate) fn view(kind: ProgressKind, quiet: bool, printer: &Printer) -> Arc<dyn View> {
    match kind {
        ProgressKind::Json => Arc::new(Lines::new(printer.clone())),
        ProgressKind::Auto if printer.is_watched() && !quiet => Arc::new(Bar::new()),
        ProgressKind::Auto | ProgressKind::None => Arc::new(NoProgress),
    }
}

/// A view that lets others print meanwhile.
pub(crate) trait View: Progress {
    /// Calls `print` with the terminal to itself.
    fn aside(&self, print: &mut dyn FnMut()) {
        print();
    }
}

impl View for NoProgress {}
impl View for Lines {}

impl View for Bar {
    fn aside(&self, print: &mut dyn FnMut()) {
        self.0.suspend(print);
    }
}

/// A bar on a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        bar.set_style(style("{spinner} {msg}"));
        bar.enable_steady_tick(Duration::from_millis(100));
        Bar(bar)
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the templates are constants, and a test builds each")
        .progress_chars("━╸ ")
}

const WITH_TOTAL: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta} left";
const WITHOUT_TOTAL: &str = "{spinner} {msg} {bytes} {binary_bytes_per_sec}";

impl Progress for Bar {
    fn phase(&self, phase: Phase) {
        self.0.set_message(phase.name());
        if has_bytes(phase) {
            let template = if self.0.length().is_some() { WITH_TOTAL } else { WITHOUT_TOTAL };
            self.0.set_style(style(template));
            self.0.reset_eta();
            self.0.set_position(0);
        } else if phase != Phase::Finishing {
            self.0.set_style(style("{spinner} {msg}"));
        }
    }

    fn total(&self, bytes: u64) {
        self.0.set_length(bytes);
    }

    fn sent(&self, bytes: u64) {
        self.0.set_position(bytes);
    }
}

/// Whether bytes move in that phase.
fn has_bytes(phase: Phase) -> bool {
    matches!(phase, Phase::Sending | Phase::Hashing | Phase::Resuming | Phase::Downloading)
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A line of JSON now and then. `docs/json-output.md` describes them.
struct Lines {
    printer: Printer,
    start: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: &'static str,
    total: Option<u64>,
    last: Option<Instant>,
}

impl Lines {
    fn new(printer: Printer) -> Self {
        Lines { printer, start: Instant::now(), state: Mutex::new(State::default()) }
    }

    fn line(&self, state: &mut State, sent: Option<u64>) {
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
        self.printer.note(&line.to_string());
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const LINE_INTERVAL: Duration = Duration::from_millis(500);

impl Progress for Lines {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_valid() {
        for template in [WITH_TOTAL, WITHOUT_TOTAL, "{spinner} {msg}"] {
            style(template);
        }
    }
}
