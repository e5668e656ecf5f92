//! What pushes did, as one page for a browser: it needs no network, no script, and nothing else.
//!
//! [`markup`] escapes whatever is not written here, so that no name of an image can become a part of the
//! page.

mod card;
mod entry;
mod figure;
mod file;
mod markup;
mod overview;
mod scale;

use chrono::DateTime;
use imgpush_engine::{PushError, Report};

pub(crate) use file::ReportFile;

use self::entry::{Entry, entries};
use self::markup::Markup;
use self::scale::seconds;
use crate::output;

/// Bins of a picture; fewer where there are many pictures, so that the page stays small.
const MOST_BINS: usize = 120;
const FEW_BINS: usize = 40;
const MANY_PICTURES: usize = 40;

/// The page about pushes, those that failed first.
pub(crate) fn page(results: &[Result<Report, PushError>]) -> String {
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
    if let Some(date) = date(&entries) {
        page.element("p", &[("class", &"soft")], format_args!("imgpush push, {date}"));
    }
    totals(&mut page, &entries, [skipped, failed], whole);
    page.raw("</header><main>");
    page.raw("<h2>Summary</h2><div class=\"frame\">");
    summary(&mut page, &entries);
    page.raw("</div>");
    if entries.len() > 1 {
        page.raw("<h2>When each ran</h2><div class=\"frame\">");
        overview::draw(&mut page, &entries, whole);
        page.raw("</div>");
    }
    page.raw("<h2>Where the time went</h2><div class=\"cards\">");
    let most_bins = if entries.len() > MANY_PICTURES { FEW_BINS } else { MOST_BINS };
    for entry in &entries {
        card::show(&mut page, entry, most_bins);
    }
    page.raw(
        "</div></main><footer><p>Bars are the share of time that a stage was busy. Those of the ",
    );
    page.raw(
        "reading and of the sending overlap: hashing goes on while data is sent.</p></footer>",
    );
    page.raw("</body></html>\n");
    page.into_page()
}

fn heading(pushed: usize, skipped: usize, failed: usize) -> String {
    let counts = [(pushed, "pushed"), (skipped, "skipped"), (failed, "failed")];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let part = |(at, (count, what)): (usize, (usize, &str))| match (at, count) {
        (0, 1) => format!("1 image {what}"),
        (0, count) => format!("{count} images {what}"),
        (_, count) => format!("{count} {what}"),
    };
    counts.enumerate().map(part).collect::<Vec<_>>().join(", ")
}

/// When the first one began.
fn date(entries: &[Entry<'_>]) -> Option<String> {
    let started = entries.iter().map(|entry| entry.timing().started).fold(f64::NAN, f64::min);
    let time = DateTime::from_timestamp(started as i64, 0).filter(|_| started.is_finite())?;
    Some(time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn totals(page: &mut Markup, entries: &[Entry<'_>], [skipped, failed]: [usize; 2], whole: f64) {
    let bytes: u64 = entries.iter().map(Entry::bytes).sum();
    let is_new = |entry: &&Entry<'_>| entry.verdict().1 == "proved";
    let proved = entries.iter().filter(is_new).count();
    page.open("ul", &[("class", &"totals")]);
    let mut total = |class: &'static str, value: String, words: &'static str| {
        page.open("li", &[]);
        page.element("b", &[("class", &class)], value);
        page.element("span", &[], words);
        page.close("li");
    };
    total(if proved > 0 { "good" } else { "" }, proved.to_string(), "proved");
    if skipped > 0 {
        total("", skipped.to_string(), "skipped");
    }
    total(if failed > 0 { "bad" } else { "" }, failed.to_string(), "failed");
    total("", output::bytes(bytes), "in the cloud");
    total("", seconds(whole), "from first to last");
    total("", format!("{}/s", output::speed(bytes, whole)), "on average");
    page.close("ul");
}

fn summary(page: &mut Markup, entries: &[Entry<'_>]) {
    page.open("table", &[("class", &"summary")]);
    page.element("caption", &[("hidden", &"hidden")], "What came of each image in each target");
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
const COLUMNS: [(&str, &str); 8] = [
    ("Source", ""),
    ("Image", ""),
    ("Target", ""),
    ("Size", "number"),
    ("Time", "number"),
    ("Rate", "number"),
    ("Result", ""),
    ("Bottleneck", ""),
];
