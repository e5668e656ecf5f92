//! What the views of a task share: its names, its notes, and how a view lets other output pass.

use imgpush_engine::{NoProgress, Phase, Progress, Retrying};

use crate::printer::Printer;
use crate::text::for_terminal;

/// The task in bars, notes and lines.
#[derive(Clone, Default)]
pub(super) struct TaskLabel {
    /// What it works on.
    pub(super) name: String,
    /// For people; as wide as the others.
    pub(super) label: Option<String>,
    /// For programs.
    pub(super) keys: Vec<(&'static str, String)>,
}

/// A view that other output can interrupt.
pub(crate) trait View: Progress {
    /// Calls `print` with the terminal to itself.
    fn aside(&self, print: &mut dyn FnMut()) {
        print();
    }

    /// Clears the view from the terminal. A connection that ends late still holds the view.
    fn close(&self) {}
}

/// Prints notes, and no progress.
pub(super) struct NotePrinter {
    pub(super) printer: Printer,
    pub(super) task: TaskLabel,
}

impl NotePrinter {
    pub(super) fn line(&self, text: &str) -> String {
        let label = self.task.label.as_ref();
        let whose = label.map(|label| format!("{}: ", label.trim_end())).unwrap_or_default();
        format!("note: {whose}{text}")
    }
}

/// The note about a retry.
pub(super) fn retry_note(retrying: &Retrying) -> String {
    let Retrying { reason, pause, number, of, .. } = retrying;
    let pause = pause.as_secs_f64();
    match number {
        0 => format!("{reason}; trying again in {pause:.1} s"),
        _ => format!("{reason}; trying again in {pause:.1} s ({number} of {of})"),
    }
}

impl Progress for NotePrinter {
    fn retrying(&self, retrying: &Retrying) {
        self.note(&retry_note(retrying));
    }

    fn note(&self, text: &str) {
        self.printer.note(&self.line(text));
    }
}

impl View for NotePrinter {}
impl View for NoProgress {}

/// The text in `width` columns at most, shortened in its middle.
pub(super) fn shortened(text: &str, width: usize) -> String {
    let text = for_terminal(text);
    let count = text.chars().count();
    if count <= width {
        return text;
    }
    let left = width.saturating_sub(1) / 2;
    let start: String = text.chars().take(left).collect();
    let end: String = text.chars().skip(count - (width.saturating_sub(1) - left)).collect();
    format!("{start}…{end}")
}

/// Whether bytes are read or transferred in that phase.
pub(super) fn has_bytes(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Sending | Phase::Hashing | Phase::Resuming | Phase::Downloading | Phase::Converting
    )
}
