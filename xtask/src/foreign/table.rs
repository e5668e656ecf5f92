//! The table of the results, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use super::results::{Difference, Outcome};
use super::suites::Suite;
use crate::places::root;

const PAGE: &str = "docs/compatibility.md";
const BEGIN: &str = "<!-- suites -->";
const END: &str = "<!-- /suites -->";

/// A suite and how many of its tests had which result.
pub(super) struct Row {
    title: &'static str,
    real: String,
    sandbox: String,
    explained: usize,
    unexplained: usize,
}

impl Row {
    pub(super) fn new(
        suite: &Suite,
        real: &BTreeMap<String, Outcome>,
        sandbox: &BTreeMap<String, Outcome>,
        differing: &[Difference],
    ) -> Row {
        let counts = |outcomes: &BTreeMap<String, Outcome>| {
            if let Some(what) = suite.transcripts_of {
                return format!("{} {what}", outcomes.len());
            }
            let count = |word| outcomes.values().filter(|outcome| outcome.is(word)).count();
            format!("{} / {} / {}", count("passed"), count("failed"), count("skipped"))
        };
        let explained = differing.iter().filter(|found| found.reason.is_some()).count();
        Row {
            title: suite.title,
            real: counts(real),
            sandbox: counts(sandbox),
            explained,
            unexplained: differing.len() - explained,
        }
    }
}

/// The tables of suites and of differences.
pub(super) fn text(rows: &[Row], differences: &BTreeMap<&str, Vec<Difference>>) -> String {
    let mut text =
        "| suite | real Glance | sandbox | explained differences | other differences |\n\
                    |---|---|---|---|---|\n"
            .to_owned();
    for row in rows {
        let Row { title, real, sandbox, explained, unexplained } = row;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {title} | {real} | {sandbox} | {explained} | {unexplained} |");
    }
    let all: Vec<&Difference> = differences.values().flatten().collect();
    if !all.is_empty() {
        text.push_str("\n| test | real Glance | sandbox | reason |\n|---|---|---|---|\n");
    }
    for Difference { test, real, sandbox, reason } in all {
        let reason = reason.as_deref().unwrap_or("not explained yet");
        let cells = [&**test, real, sandbox, reason].map(cell);
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// Replaces the tables of the page.
pub(super) fn write(tables: &str) -> Result<()> {
    let path = root().join(PAGE);
    let page = std::fs::read_to_string(&path).context(PAGE)?;
    let (before, rest) = page.split_once(BEGIN).with_context(|| format!("{PAGE}: no {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{PAGE}: no {END}"))?;
    std::fs::write(&path, format!("{before}{BEGIN}\n\n{tables}\n{END}{after}")).context(PAGE)
}

/// Text of a table's cell, cut to a length that can be read.
fn cell(text: &str) -> String {
    let short: String = text.chars().take(160).collect();
    short.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}
