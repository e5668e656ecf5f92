//! The timeline of one push as a picture: the rate above, below a line for each stage.

use std::fmt::Write as _;

use imgpush_engine::{Timeline, Timing};

use super::markup::Markup;
use super::scale::{Scale, number};

/// The stages as the picture shows them: name, words, colour.
const LANES: [(&str, &str, &str); 15] = [
    ("read", "read", "read"),
    ("decompress", "unpack", "decompress"),
    ("hash", "hash", "hash"),
    ("wait_for_hash", "wait for hash", "wait"),
    ("wait_for_send", "wait for send", "wait"),
    ("wait_for_buffer", "wait for memory", "wait"),
    ("preflight", "preflight", "ask"),
    ("create", "create", "ask"),
    ("wait_for_network", "send", "network"),
    ("wait_for_data", "wait for data", "wait"),
    ("wait_for_answer", "wait for answer", "finish"),
    ("import", "import", "import"),
    ("retry_pauses", "retry pauses", "pause"),
    ("verify", "verify", "verify"),
    ("remove", "remove", "verify"),
];

const WIDTH: f64 = 440.0;
const LEFT: f64 = 104.0;
const RIGHT: f64 = 12.0;
const PLOT: f64 = WIDTH - LEFT - RIGHT;
const RATE_TOP: f64 = 16.0;
const RATE_HEIGHT: f64 = 72.0;
const LANES_TOP: f64 = RATE_TOP + RATE_HEIGHT + 14.0;
const LANE: f64 = 15.0;
const BAR: f64 = 11.0;

/// Draws the timeline. `subject` is what it is of; `number` tells the picture from others of the page, and
/// of more bins than `most_bins` several become one.
pub(super) fn draw(
    page: &mut Markup,
    subject: &str,
    at: usize,
    timing: &Timing,
    seconds: f64,
    most_bins: usize,
) {
    let timeline = &timing.timeline;
    let stages = timeline.stages();
    let busy = |name: &str| stages.iter().find(|(stage, _)| *stage == name).map(|(_, busy)| *busy);
    let lanes: Vec<_> = LANES
        .iter()
        .filter_map(|(name, words, colour)| Some((*words, *colour, busy(name)?)))
        .filter(|(_, _, busy)| !busy.is_empty())
        .collect();
    let group = timeline.sent.len().div_ceil(most_bins).max(1);
    let time = Scale::of(seconds.max(timeline.interval), 4);
    let x = |seconds: f64| LEFT + PLOT * (seconds / time.end).min(1.0);
    let bottom = LANES_TOP + LANE * count(lanes.len());
    let height = bottom + 22.0;

    let (title, about) = (format!("t{at}"), format!("d{at}"));
    page.open("figure", &[]);
    page.open(
        "svg",
        &[
            ("class", &"timeline"),
            ("viewBox", &format!("0 0 {WIDTH} {height}")),
            ("role", &"img"),
            ("aria-labelledby", &format!("{title} {about}")),
        ],
    );
    page.element("title", &[("id", &title)], format_args!("Timeline of {subject}"));
    page.element("desc", &[("id", &about)], described(timing, seconds));

    let interval = timeline.interval * count(group);
    let rates = rates(timeline, group);
    let rate = Scale::of(rates.iter().copied().fold(0.0, f64::max).max(1.0), 2);
    let y = |value: f64| RATE_TOP + RATE_HEIGHT * (1.0 - value / rate.end);
    page.element("text", &[("x", &0), ("y", &11)], "MiB/s");
    for tick in rate.ticks() {
        line(page, "grid", (LEFT, y(tick)), (LEFT + PLOT, y(tick)));
        label(page, "end", (LEFT - 6.0, y(tick) + 3.5), &number(tick));
    }
    for tick in time.ticks() {
        line(page, "grid", (x(tick), RATE_TOP), (x(tick), bottom));
        let unit = if tick == 0.0 { " s" } else { "" };
        label(page, "middle", (x(tick), bottom + 15.0), &format!("{}{unit}", number(tick)));
    }
    let curve = curve(&rates, |at| x(count(at) * interval), y);
    page.empty("path", &[("class", &"rate"), ("d", &curve)]);

    for (at, (words, colour, busy)) in lanes.iter().enumerate() {
        let top = LANES_TOP + LANE * count(at);
        page.empty(
            "rect",
            &[
                ("class", colour),
                ("x", &0),
                ("y", &point(top + 2.0)),
                ("width", &8),
                ("height", &8),
                ("rx", &2),
            ],
        );
        page.element("text", &[("class", &"name"), ("x", &13), ("y", &point(top + 9.5))], words);
        page.empty(
            "rect",
            &[
                ("class", &"rail"),
                ("x", &LEFT),
                ("y", &point(top)),
                ("width", &PLOT),
                ("height", &BAR),
            ],
        );
        let width = PLOT * interval / time.end;
        let bars = bars(&occupancy(busy, group, timeline.interval), top + BAR, width);
        page.empty("path", &[("class", colour), ("d", &bars)]);
    }
    for retry in &timeline.retries {
        page.open("g", &[]);
        page.element("title", &[], format_args!("retried after {retry:.1} s"));
        line(page, "retry", (x(*retry), RATE_TOP - 6.0), (x(*retry), bottom));
        page.close("g");
    }
    line(page, "axis", (LEFT, bottom), (LEFT + PLOT, bottom));
    page.close("svg");
    page.close("figure");
}

/// The picture in words.
fn described(timing: &Timing, seconds: f64) -> String {
    let most = timing.bottleneck.map_or(String::new(), |bottleneck| {
        let cost = timing.bottleneck_seconds;
        format!("; {} took the most of it, {cost:.1} s", bottleneck.name())
    });
    let again = match timing.timeline.retries.len() {
        0 => String::new(),
        count => format!("; retried {count} times"),
    };
    format!("Upload rate and the activity of each stage over {seconds:.1} s{most}{again}.")
}

/// MiB a second in each bin.
fn rates(timeline: &Timeline, group: usize) -> Vec<f64> {
    let mib = |bytes: &[u64]| {
        let seconds = timeline.interval * count(bytes.len());
        bytes.iter().sum::<u64>() as f64 / f64::from(1 << 20) / seconds
    };
    timeline.sent.chunks(group).map(mib).collect()
}

/// The share of each bin that was busy, in twelfths.
fn occupancy(busy: &[f64], group: usize, interval: f64) -> Vec<u8> {
    let share = |busy: &[f64]| {
        let share = busy.iter().sum::<f64>() / (interval * count(busy.len()));
        // Whatever there is shows.
        let least = if share > 0.0 { 1.0 } else { 0.0 };
        (share.clamp(0.0, 1.0) * 12.0).round().max(least) as u8
    };
    busy.chunks(group).map(share).collect()
}

/// Bars on a common ground; equal neighbours are one.
fn bars(shares: &[u8], ground: f64, width: f64) -> String {
    let mut path = String::new();
    let mut at = 0;
    for run in shares.chunk_by(|one, other| one == other) {
        if run[0] > 0 {
            let (left, height) = (LEFT + count(at) * width, BAR * f64::from(run[0]) / 12.0);
            let run_width = (count(run.len()) * width).min(LEFT + PLOT - left);
            let (left, ground) = (point(left), point(ground));
            let (height, run_width) = (point(height), point(run_width));
            let _ = write!(path, "M{left} {ground}v-{height}h{run_width}v{height}z");
        }
        at += run.len();
    }
    path
}

/// The rates as steps, from the ground to the ground.
fn curve(rates: &[f64], x: impl Fn(usize) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut path = format!("M{} {}", point(x(0)), point(y(0.0)));
    for (at, rate) in rates.iter().enumerate() {
        let _ = write!(path, "V{}H{}", point(y(*rate)), point(x(at + 1)));
    }
    let _ = write!(path, "V{}z", point(y(0.0)));
    path
}

fn line(page: &mut Markup, class: &'static str, from: (f64, f64), to: (f64, f64)) {
    page.empty(
        "line",
        &[
            ("class", &class),
            ("x1", &point(from.0)),
            ("y1", &point(from.1)),
            ("x2", &point(to.0)),
            ("y2", &point(to.1)),
        ],
    );
}

fn label(page: &mut Markup, anchor: &'static str, at: (f64, f64), text: &str) {
    page.element(
        "text",
        &[("text-anchor", &anchor), ("x", &point(at.0)), ("y", &point(at.1))],
        text,
    );
}

/// A coordinate to a tenth, as short as it can be.
pub(super) fn point(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

pub(super) fn count(number: usize) -> f64 {
    number as f64
}
