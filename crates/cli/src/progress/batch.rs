//! Progress of many images.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use imgpush_engine::{Phase, Progress, Retrying};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::plain::{amount, every_interval};
use super::view::{TaskLabel, View, shortened};
use super::{ProgressDisplay, suspended, tick};
use crate::args::ProgressKind;
use crate::printer::Printer;

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
    /// The rows of each task that is in progress.
    rows: Mutex<HashMap<usize, Vec<Arc<dyn View>>>>,
    most_rows: usize,
    bytes: Mutex<BatchBytes>,
}

/// How far all images are.
struct BatchBytes {
    images: Vec<ImageBytes>,
    /// To how many clouds each image goes.
    clouds: u64,
    /// How many tasks each image has. They are numbered image by image.
    tasks_per_image: usize,
    ended: usize,
    failed: usize,
    /// When the row of the total was drawn.
    drawn: Option<Instant>,
}

/// How far one image is, in all clouds.
struct ImageBytes {
    /// Its size, as far as it is known.
    size: Option<u64>,
    sent: u64,
    /// The tasks that have not ended.
    tasks: usize,
    has_failed: bool,
}

impl BatchBytes {
    /// The image of a task.
    fn image_of(&mut self, task: usize) -> Option<&mut ImageBytes> {
        self.images.get_mut(task / self.tasks_per_image)
    }

    /// The bytes sent, and those to send in total. An image of unknown size counts as the mean of the others.
    /// One that has ended counts as what was sent of it.
    fn amount(&self) -> (u64, Option<u64>) {
        let sent = self.images.iter().map(|image| image.sent).sum();
        let known: Vec<u64> = self.images.iter().filter_map(|image| image.size).collect();
        if known.is_empty() {
            return (sent, None);
        }
        let mean = known.iter().sum::<u64>() / known.len() as u64;
        let expected = |image: &ImageBytes| match image.tasks {
            0 => image.sent,
            _ => (image.size.unwrap_or(mean) * self.clouds).max(image.sent),
        };
        (sent, Some(self.images.iter().map(expected).sum()))
    }
}

impl BatchView {
    /// A view of images of these sizes and of these clouds.
    pub(crate) fn new(
        kind: ProgressKind,
        quiet: bool,
        printer: &Printer,
        clouds: &[String],
        sizes: &[Option<u64>],
    ) -> Self {
        let display = ProgressDisplay::new(kind, quiet, printer);
        let (has_clouds, has_images) = (clouds.len() > 1, sizes.len() > 1);
        let total = (has_images && display.has_bars()).then(|| {
            let style = ProgressStyle::with_template(TOTAL).expect("a test builds it");
            let total = display.all.add(ProgressBar::new(1));
            total.set_style(style.progress_chars("━╸ "));
            tick(&total);
            total
        });
        let (columns, lines) = size();
        let longest = clouds.iter().map(|cloud| cloud.chars().count()).max().unwrap_or(0);
        let width = if has_images { columns / 4 } else { longest };
        let image =
            |size: &Option<u64>| ImageBytes { size: *size, sent: 0, tasks: 1, has_failed: false };
        let bytes = BatchBytes {
            images: sizes.iter().map(image).collect(),
            clouds: clouds.len() as u64,
            tasks_per_image: 1,
            ended: 0,
            failed: 0,
            drawn: None,
        };
        let has_lines = has_images && display.has_lines();
        let view = BatchView(Arc::new(BatchState {
            display,
            has_clouds,
            has_images,
            width,
            total,
            rows: Mutex::default(),
            most_rows: lines.saturating_sub(KEPT_LINES).max(1),
            bytes: Mutex::new(bytes),
        }));
        if has_lines {
            every_interval(&view.0, |state: &BatchState| {
                let (images, message) = state.words(&state.bytes());
                state.display.printer.note(&format!("{images}: {message}"));
            });
        }
        view
    }

    /// Sets how many tasks each image has, numbered image by image. Each sends the image to some of the clouds.
    pub(crate) fn with_tasks_per_image(self, tasks: usize) -> Self {
        let mut bytes = self.0.bytes();
        bytes.tasks_per_image = tasks;
        bytes.images.iter_mut().for_each(|image| image.tasks = tasks);
        drop(bytes);
        self
    }

    /// Adds a row for a task and a cloud; returns the receiver of its progress.
    pub(crate) fn started(&self, number: usize, source: &str, cloud: &str) -> Arc<dyn Progress> {
        let state = &self.0;
        let mut keys = Vec::new();
        let mut words = Vec::new();
        let file = Path::new(source).file_name().unwrap_or(source.as_ref());
        let name = file.to_string_lossy().into_owned();
        if state.has_images {
            keys.push(("source", source.to_owned()));
            words.push(name.clone());
        }
        if state.has_clouds {
            keys.push(("cloud", cloud.to_owned()));
            words.push(cloud.to_owned());
        }
        let label = (!words.is_empty()).then(|| fitted(&words.join(" "), state.width));
        let mut rows = state.rows();
        let shown = rows.values().map(Vec::len).sum::<usize>();
        let bar = |all: &MultiProgress| match &state.total {
            Some(_) if shown >= state.most_rows => ProgressBar::hidden(),
            Some(total) => all.insert_before(total, ProgressBar::no_length()),
            None => all.add(ProgressBar::no_length()),
        };
        let task = TaskLabel { name, label, keys };
        let view = state.display.view(task, bar, !state.has_images);
        rows.entry(number).or_default().push(Arc::clone(&view));
        drop(rows);
        Arc::new(Row { view, batch: self.clone(), task: number, sent: AtomicU64::new(0) })
    }

    /// Removes the rows of a task.
    pub(crate) fn ended(&self, number: usize, succeeded: bool) {
        for row in self.0.rows().remove(&number).into_iter().flatten() {
            row.close();
        }
        let mut bytes = self.0.bytes();
        if let Some(image) = bytes.image_of(number) {
            image.tasks -= 1;
            image.has_failed |= !succeeded;
            let (has_ended, has_failed) = (image.tasks == 0, image.has_failed);
            bytes.ended += usize::from(has_ended);
            bytes.failed += usize::from(has_ended && has_failed);
        }
        bytes.drawn = None;
        self.0.draw_total(&mut bytes);
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
}

impl BatchState {
    fn rows(&self) -> std::sync::MutexGuard<'_, HashMap<usize, Vec<Arc<dyn View>>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> std::sync::MutexGuard<'_, BatchBytes> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many images have ended, and how far the bytes are.
    fn words(&self, bytes: &BatchBytes) -> (String, String) {
        let seconds = self.display.start.elapsed().as_secs_f64();
        let images = format!("{}/{} images", bytes.ended, bytes.images.len());
        let failed = match bytes.failed {
            0 => String::new(),
            failed => format!("{failed} failed, "),
        };
        let (sent, total) = bytes.amount();
        (images, format!("{failed}{}", amount(sent, total, seconds)))
    }

    /// Updates the row of the total, a few times a second.
    fn draw_total(&self, bytes: &mut BatchBytes) {
        let Some(row) = &self.total else { return };
        if bytes.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        bytes.drawn = Some(Instant::now());
        let (images, message) = self.words(bytes);
        row.set_prefix(images);
        row.set_message(message);
        let (at, length) = match bytes.amount() {
            (sent, Some(total)) => (sent, total.max(1)),
            (_, None) => (bytes.ended as u64, bytes.images.len() as u64),
        };
        row.set_length(length);
        row.set_position(at);
    }
}

const TOTAL: &str = "{prefix} {wide_bar} {msg}";
const REDRAW: Duration = Duration::from_millis(100);

/// Lines that stay free, for the total and for notes.
const KEPT_LINES: usize = 4;

/// The columns and lines of the terminal, or 80 and 24.
fn size() -> (usize, usize) {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    size.map_or((80, 24), |(columns, lines)| (columns.0.into(), lines.0.into()))
}

/// The text in exactly `width` columns, shortened in its middle.
fn fitted(text: &str, width: usize) -> String {
    format!("{:width$}", shortened(text, width))
}

/// The row of one image and one cloud.
struct Row {
    view: Arc<dyn View>,
    batch: BatchView,
    /// The number of the task.
    task: usize,
    /// Bytes that the total has counted.
    sent: AtomicU64,
}

impl Progress for Row {
    fn phase(&self, phase: Phase) {
        self.view.phase(phase);
    }

    fn total(&self, bytes: u64) {
        self.view.total(bytes);
        if let Some(image) = self.batch.0.bytes().image_of(self.task) {
            image.size = Some(bytes);
        }
    }

    fn sent(&self, bytes: u64) {
        self.view.sent(bytes);
        // Bytes that are sent again do not count twice.
        let before = self.sent.fetch_max(bytes, Ordering::Relaxed);
        let mut all = self.batch.0.bytes();
        if let Some(image) = all.image_of(self.task) {
            image.sent += bytes.saturating_sub(before);
        }
        self.batch.0.draw_total(&mut all);
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
    fn the_total_counts_bytes_of_images_and_clouds() {
        let image = |size, sent, tasks| ImageBytes { size, sent, tasks, has_failed: false };
        let images = vec![
            image(Some(100), 200, 0),
            image(Some(300), 0, 0),
            image(Some(200), 50, 1),
            image(None, 0, 1),
        ];
        let bytes =
            BatchBytes { images, clouds: 2, tasks_per_image: 1, ended: 2, failed: 1, drawn: None };
        // Two ended with what was sent; 2 × 200, and 2 × the mean of the known sizes, are expected.
        assert_eq!(bytes.amount(), (250, Some(200 + 400 + 400)));
        let unknown = vec![image(None, 7, 1)];
        let bytes = BatchBytes {
            images: unknown,
            clouds: 1,
            tasks_per_image: 1,
            ended: 0,
            failed: 0,
            drawn: None,
        };
        assert_eq!(bytes.amount(), (7, None));
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
