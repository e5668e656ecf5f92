//! Everything about one push.

use imgpush_engine::Report;

use super::entry::Entry;
use super::failed_entry::FailedEntry;
use super::figure;
use super::markup::Markup;
use crate::output::{self, DigestStyle};

/// Draws the card of one push.
pub(super) fn show(page: &mut Markup, entry: &Entry<'_>, most_bins: usize) {
    let class = if entry.result.is_ok() { "done" } else { "failed" };
    page.open("article", &[("id", &entry.anchor()), ("class", &class)]);
    let (mark, word) = entry.verdict();
    page.element("span", &[("class", &format!("mark {mark}"))], word);
    page.open("h3", &[]);
    page.text(entry.source());
    page.element("small", &[], format_args!(" to {}", entry.cloud()));
    page.close("h3");
    if let Err(failed) = entry.result {
        failure(page, failed);
    }
    if let Some(advice) = &entry.timing().advice {
        page.element(
            "p",
            &[("class", &"advice")],
            sentence(&output::bottleneck(entry.timing()), advice),
        );
    }
    let subject = format!("{} to {}", entry.source(), entry.cloud());
    figure::draw(page, &subject, entry.at, entry.timing(), entry.seconds(), most_bins);
    page.open("dl", &[]);
    match entry.result {
        Ok(report) => facts(page, report),
        Err(failed) => fact(page, "attempts", &failed.attempts.to_string()),
    }
    page.close("dl");
    page.close("article");
}

fn sentence(bottleneck: &str, advice: &str) -> String {
    format!("{bottleneck}: {advice}.")
}

fn failure(page: &mut Markup, failed: &FailedEntry) {
    page.open("ol", &[("class", &"causes")]);
    for level in &failed.chain {
        page.element("li", &[], level);
    }
    page.close("ol");
    for hint in &failed.hints {
        page.element("p", &[("class", &"hint")], format_args!("hint: {hint}"));
    }
    if let Some(outcome) = &failed.outcome {
        page.element("p", &[], format_args!("After the failure: {outcome}."));
    }
}

fn facts(page: &mut Markup, report: &Report) {
    fact(page, "image", &report.id);
    fact(page, "name", report.name.as_deref().unwrap_or_default());
    let formats = [&report.disk_format, &report.container_format];
    let formats: Vec<_> = formats.into_iter().flatten().map(String::as_str).collect();
    fact(page, "format", &formats.join(", "));
    if let Some(size) = report.virtual_size {
        fact(page, "virtual size", &output::bytes(size));
    }
    fact(page, "stores", &report.stores.join(", "));
    fact(page, "verified by", &output::verified_by(&report.verified_by));
    if let (Some(algorithm), Some(value)) = (&report.os_hash_algo, &report.os_hash_value) {
        fact(page, "os_hash_value", &format!("{algorithm} {value}"));
    }
    fact(page, "checksum", report.checksum.as_deref().unwrap_or_default());
    for line in output::provenance(&report.provenance, DigestStyle::Full) {
        fact(page, "source", line.trim());
    }
    fact(page, "method", report.via.name());
    if report.attempts > 1 {
        fact(page, "attempts", &report.attempts.to_string());
    }
    for note in &report.notes {
        fact(page, "note", &format!("{}: {}", note.id, note.text));
    }
}

/// A line, where there is something to say.
fn fact(page: &mut Markup, name: &'static str, value: &str) {
    if value.is_empty() {
        return;
    }
    page.element("dt", &[], name);
    page.open("dd", &[]);
    let is_code = matches!(name, "image" | "os_hash_value" | "checksum" | "source");
    match is_code {
        true => page.element("code", &[], value),
        false => page.text(value),
    }
    page.close("dd");
}
