//! The report of `imgpush push --report`: one HTML page without scripts, which loads nothing.
//!
//! [`markup`] escapes every text that is not part of this program, so that the name of an image cannot become
//! markup.

mod card;
mod entry;
mod failed_entry;
mod figure;
mod file;
mod markup;
mod overview;
mod scale;

use chrono::DateTime;
use imgpush_engine::Report;

pub(crate) use failed_entry::FailedEntry;
pub(crate) use file::{ReportFile, ReportFileError};

use self::entry::{Entry, entries};
use self::markup::Markup;
use self::scale::seconds;
use crate::output;

/// Bins of a picture; fewer where there are many pictures, so that the page stays small.
const MOST_BINS: usize = 120;
const FEW_BINS: usize = 40;
const MANY_PICTURES: usize = 40;

/// The page about pushes, failed ones first. `command` is the command line, `about` a note on the run.
pub(crate) fn page(
    results: &[Result<Report, FailedEntry>],
    command: &str,
    about: Option<&str>,
) -> String {
    let entries = entries(results);
    let failed = entries.iter().filter(|entry| entry.result.is_err()).count();
    let whole = entries.iter().map(|entry| entry.begun + entry.seconds()).fold(0.0, f64::max);
    let skipped = entries.iter().filter(|entry| entry.is_skipped()).count();
    let heading = heading(entries.len() - skipped - failed, skipped, failed);

    let mut page = Markup::new();
    page.raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
    page.element("title", &[], format_args!("imgpush: {heading}"));
    page.raw(concat!("<style>", include_str!("style.css"), "</style></head><body><header>"));
    page.element("h1", &[], &heading);
    let date = date(&entries).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let about = about.map(|about| format!(", {about}")).unwrap_or_default();
    page.element("p", &[("class", &"soft")], format_args!("imgpush {version}, {date}{about}"));
    page.open("p", &[]);
    page.element("code", &[], command);
    page.close("p");
    totals(&mut page, &entries, [skipped, failed], whole);
    page.raw("</header><main>");
    let groups = groups(&entries);
    page.raw("<h2>Summary</h2>");
    for group in &groups {
        group.open(&mut page, true);
        page.raw("<div class=\"frame\">");
        summary(&mut page, group.entries);
        page.raw("</div></details>");
    }
    if entries.len() > 1 {
        page.raw("<h2>Timeline</h2><div class=\"frame\">");
        overview::draw(&mut page, &entries, whole);
        page.raw("</div>");
    }
    page.raw("<h2>Details</h2>");
    let most_bins = if entries.len() > MANY_PICTURES { FEW_BINS } else { MOST_BINS };
    for group in &groups {
        // Closed details are not printed.
        let is_open = group.name == FAILED || entries.len() <= MOST_OPEN_CARDS;
        group.open(&mut page, is_open);
        page.raw("<div class=\"cards\">");
        for entry in group.entries {
            card::show(&mut page, entry, most_bins);
        }
        page.raw("</div></details>");
    }
    page.raw(
        "</main><footer><p>A bar shows the share of time in which a stage was busy. Reading, ",
    );
    page.raw("hashing and sending overlap.</p></footer>");
    page.raw("</body></html>\n");
    page.into_page()
}

/// The heading of the failed pushes.
const FAILED: &str = "Failed";

/// With more cards than that only those of failed pushes are open.
const MOST_OPEN_CARDS: usize = 12;

/// The pushes with one kind of result.
struct Group<'a> {
    name: &'static str,
    entries: &'a [Entry<'a>],
}

impl Group<'_> {
    /// Opens an element that a reader can close.
    fn open(&self, page: &mut Markup, is_open: bool) {
        match is_open {
            true => page.open("details", &[("open", &"open")]),
            false => page.open("details", &[]),
        }
        page.element("summary", &[], format_args!("{} ({})", self.name, self.entries.len()));
    }
}

/// The entries by their results: the failed ones, which come first, the skipped ones, and the others.
fn groups<'a>(entries: &'a [Entry<'a>]) -> Vec<Group<'a>> {
    let name = |entry: &Entry<'_>| match entry.result {
        Err(_) => FAILED,
        Ok(_) if entry.is_skipped() => "Skipped",
        Ok(_) => "Uploaded",
    };
    let groups = entries.chunk_by(|one, other| name(one) == name(other));
    groups.map(|entries| Group { name: name(&entries[0]), entries }).collect()
}

fn heading(pushed: usize, skipped: usize, failed: usize) -> String {
    let counts = [(pushed, "pushed"), (skipped, "skipped"), (failed, "failed")];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let part = |(at, (count, what)): (usize, (usize, &str))| match (at, count) {
        (0, 1) => format!("1 image {what}"),
        (0, count) => format!("{count} images {what}"),
        (_, count) => format!("{count} {what}"),
    };
    let heading = counts.enumerate().map(part).collect::<Vec<_>>().join(", ");
    if heading.is_empty() { "no images".to_owned() } else { heading }
}

/// When the first one began.
fn date(entries: &[Entry<'_>]) -> Option<String> {
    let started = entries.iter().map(|entry| entry.timing().started).fold(f64::NAN, f64::min);
    let time = DateTime::from_timestamp(started as i64, 0).filter(|_| started.is_finite())?;
    Some(time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn totals(page: &mut Markup, entries: &[Entry<'_>], [skipped, failed]: [usize; 2], whole: f64) {
    let bytes: u64 = entries.iter().map(Entry::bytes).sum();
    let is_new = |entry: &&Entry<'_>| entry.verdict().1 == "verified";
    let verified = entries.iter().filter(is_new).count();
    page.open("ul", &[("class", &"totals")]);
    let mut total = |class: &'static str, value: String, words: &'static str| {
        page.open("li", &[]);
        page.element("b", &[("class", &class)], value);
        page.element("span", &[], words);
        page.close("li");
    };
    total(if verified > 0 { "good" } else { "" }, verified.to_string(), "verified");
    if skipped > 0 {
        total("", skipped.to_string(), "skipped");
    }
    total(if failed > 0 { "bad" } else { "" }, failed.to_string(), "failed");
    total("", output::bytes(bytes), "uploaded");
    total("", seconds(whole), "in total");
    total("", format!("{}/s", output::speed(bytes, whole)), "on average");
    page.close("ul");
}

fn summary(page: &mut Markup, entries: &[Entry<'_>]) {
    page.open("table", &[("class", &"summary")]);
    page.element("caption", &[("hidden", &"hidden")], "The result of each image in each cloud");
    page.raw("<thead><tr>");
    for (name, class) in COLUMNS {
        page.element("th", &[("scope", &"col"), ("class", &class)], name);
    }
    page.raw("</tr></thead><tbody>");
    for entry in entries {
        let (mark, word) = entry.verdict();
        let report = entry.result.ok();
        let name = report.and_then(|report| report.name.as_deref()).unwrap_or("–");
        let size = report.and_then(|report| report.size);
        let bottleneck = entry.timing().bottleneck.map_or("–", imgpush_engine::Bottleneck::name);
        let rate = size.map(|size| format!("{}/s", output::speed(size, entry.seconds())));
        page.open("tr", &[]);
        page.open("th", &[("scope", &"row")]);
        page.element("a", &[("href", &format!("#{}", entry.anchor()))], entry.source());
        page.close("th");
        let dash = || "–".to_owned();
        let cells = [
            name.to_owned(),
            entry.id().unwrap_or("–").to_owned(),
            entry.cloud().to_owned(),
            size.map_or_else(dash, output::bytes),
            seconds(entry.seconds()),
            rate.unwrap_or_else(dash),
            word.to_owned(),
            bottleneck.to_owned(),
        ];
        for ((column, class), value) in COLUMNS[1..].iter().zip(cells) {
            let class = if *column == "Result" { mark } else { *class };
            page.element("td", &[("class", &class), ("data-label", column)], value);
        }
        page.close("tr");
    }
    page.raw("</tbody></table>");
}

/// Titles, and how their columns look.
const COLUMNS: [(&str, &str); 9] = [
    ("Source", ""),
    ("Image", ""),
    ("Id", "id"),
    ("Cloud", ""),
    ("Size", "number"),
    ("Time", "number"),
    ("Rate", "number"),
    ("Result", ""),
    ("Bottleneck", ""),
];
