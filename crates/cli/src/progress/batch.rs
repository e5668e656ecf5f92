//! Progress of many images.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use imgpush_engine::{Phase, Progress, Retrying};
use indicatif::{ProgressBar, ProgressStyle};

use super::{ProgressDisplay, TaskLabel, View, suspended, tick};
use crate::args::ProgressKind;
use crate::output;
use crate::printer::Printer;
use crate::text::for_terminal;

/// A row for each image and cloud, as far as the terminal has lines, and one for the total. Clones share
/// the state.
#[derive(Clone)]
pub(crate) struct BatchView(Arc<BatchState>);

struct BatchState {
    display: ProgressDisplay,
    /// Whether there are several.
    has_clouds: bool,
    has_images: bool,
    /// Columns of a label.
    width: usize,
    /// The row of the total; none for a single image, or without bars.
    total: Option<ProgressBar>,
    /// The rows of each image that is in progress.
    rows: Mutex<HashMap<usize, Vec<Arc<dyn View>>>>,
    most_rows: usize,
    /// Bytes sent, over all images.
    sent: AtomicU64,
    failed: AtomicUsize,
}

impl BatchView {
    /// A view of N images and these clouds.
    pub(crate) fn new(
        kind: ProgressKind,
        quiet: bool,
        printer: &Printer,
        clouds: &[String],
        images: usize,
    ) -> Self {
        let display = ProgressDisplay::new(kind, quiet, printer);
        let (has_clouds, has_images) = (clouds.len() > 1, images > 1);
        let total = (has_images && display.has_bars()).then(|| {
            let style = ProgressStyle::with_template(TOTAL).expect("a test builds it");
            let total = display.all.add(ProgressBar::new(images as u64));
            total.set_style(style.progress_chars("━╸ "));
            tick(&total);
            total
        });
        let (columns, lines) = size();
        let longest = clouds.iter().map(|cloud| cloud.chars().count()).max().unwrap_or(0);
        let width = if has_images { columns / 4 } else { longest };
        BatchView(Arc::new(BatchState {
            display,
            has_clouds,
            has_images,
            width,
            total,
            rows: Mutex::default(),
            most_rows: lines.saturating_sub(KEPT_LINES).max(1),
            sent: AtomicU64::new(0),
            failed: AtomicUsize::new(0),
        }))
    }

    /// Adds a row for an image and a cloud; returns the receiver of its progress.
    pub(crate) fn started(&self, number: usize, source: &str, cloud: &str) -> Arc<dyn Progress> {
        let state = &self.0;
        let mut keys = Vec::new();
        let mut words = Vec::new();
        if state.has_images {
            keys.push(("source", source.to_owned()));
            let file = Path::new(source).file_name().unwrap_or(source.as_ref());
            words.push(file.to_string_lossy().into_owned());
        }
        if state.has_clouds {
            keys.push(("cloud", cloud.to_owned()));
            words.push(cloud.to_owned());
        }
        let label = (!words.is_empty()).then(|| fitted(&words.join(" "), state.width));
        let mut rows = state.rows();
        let shown = rows.values().map(Vec::len).sum::<usize>();
        let view = state.display.view(TaskLabel { label, keys }, |all| match &state.total {
            Some(_) if shown >= state.most_rows => ProgressBar::hidden(),
            Some(total) => all.insert_before(total, ProgressBar::no_length()),
            None => all.add(ProgressBar::no_length()),
        });
        rows.entry(number).or_default().push(Arc::clone(&view));
        drop(rows);
        Arc::new(Row { view, batch: self.clone(), sent: AtomicU64::new(0) })
    }

    /// Removes the rows of an image.
    pub(crate) fn ended(&self, number: usize, succeeded: bool) {
        for row in self.0.rows().remove(&number).into_iter().flatten() {
            row.close();
        }
        self.0.failed.fetch_add(usize::from(!succeeded), Ordering::Relaxed);
        if let Some(total) = &self.0.total {
            total.inc(1);
        }
        self.update_total();
    }

    /// Calls `print` with the terminal to itself.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        suspended(&self.0.display.all, print);
    }

    /// Clears the view from the terminal.
    pub(crate) fn close(&self) {
        let rows = std::mem::take(&mut *self.0.rows());
        rows.into_values().flatten().for_each(|row| row.close());
        if let Some(total) = &self.0.total {
            total.finish_and_clear();
        }
    }

    /// Updates the row of the total.
    fn update_total(&self) {
        let Some(total) = &self.0.total else { return };
        let sent = self.0.sent.load(Ordering::Relaxed);
        let rate = output::speed(sent, self.0.display.start.elapsed().as_secs_f64());
        let failed = match self.0.failed.load(Ordering::Relaxed) {
            0 => String::new(),
            failed => format!("{failed} failed, "),
        };
        total.set_message(format!("{failed}{} {rate}/s", output::bytes(sent)));
    }
}

impl BatchState {
    fn rows(&self) -> std::sync::MutexGuard<'_, HashMap<usize, Vec<Arc<dyn View>>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const TOTAL: &str = "{pos}/{len} images {wide_bar} {msg} {eta} left";

/// Lines that stay free, for the total and for notes.
const KEPT_LINES: usize = 4;

/// The columns and lines of the terminal, or 80 and 24.
fn size() -> (usize, usize) {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    size.map_or((80, 24), |(columns, lines)| (columns.0.into(), lines.0.into()))
}

/// The text in `width` columns, shortened in its middle.
fn fitted(text: &str, width: usize) -> String {
    let text = for_terminal(text);
    let count = text.chars().count();
    if count <= width {
        return format!("{text:width$}");
    }
    let left = width.saturating_sub(1) / 2;
    let start: String = text.chars().take(left).collect();
    let end: String = text.chars().skip(count - (width.saturating_sub(1) - left)).collect();
    format!("{start}…{end}")
}

/// The row of one image and one cloud.
struct Row {
    view: Arc<dyn View>,
    batch: BatchView,
    /// Bytes that the total has counted.
    sent: AtomicU64,
}

impl Progress for Row {
    fn phase(&self, phase: Phase) {
        self.view.phase(phase);
    }

    fn total(&self, bytes: u64) {
        self.view.total(bytes);
    }

    fn sent(&self, bytes: u64) {
        self.view.sent(bytes);
        // Bytes that are sent again do not count twice.
        let before = self.sent.fetch_max(bytes, Ordering::Relaxed);
        self.batch.0.sent.fetch_add(bytes.saturating_sub(before), Ordering::Relaxed);
        self.batch.update_total();
    }

    fn retrying(&self, retrying: &Retrying) {
        self.view.retrying(retrying);
    }

    fn note(&self, text: &str) {
        self.view.note(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_valid() {
        ProgressStyle::with_template(TOTAL).unwrap();
    }

    #[test]
    fn a_label_is_as_wide_as_it_is_said_to_be() {
        for (text, width, label) in [
            ("noble", 8, "noble   "),
            ("noble", 5, "noble"),
            ("noble-server-cloudimg.img", 10, "nobl…g.img"),
            ("\u{1b}[0m", 12, "\\u{1b}[0m   "),
            ("ä-ö-ü-é", 4, "ä…-é"),
            ("noble", 0, "…"),
        ] {
            assert_eq!(fitted(text, width), label, "{text} {width}");
        }
    }
}
