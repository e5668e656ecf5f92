//! The section "Configurations" of `docs/compatibility.md`.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::configuration::Configuration;
use crate::programs::Outcome;

const MARKERS: [&str; 2] = ["<!-- configurations -->", "<!-- /configurations -->"];

/// The outcomes of one configuration.
pub(crate) struct Row<'a> {
    pub(crate) configuration: &'a Configuration,
    pub(crate) openstackclient: Outcome,
    pub(crate) openstacksdk: Outcome,
    pub(crate) imgpush: Outcome,
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compatibility.md"))
}

/// Replaces the section of the page.
pub(crate) fn write(rows: &[Row<'_>]) {
    let page = std::fs::read_to_string(path()).unwrap();
    let (before, rest) = page.split_once(MARKERS[0]).unwrap();
    let (_, after) = rest.split_once(MARKERS[1]).unwrap();
    let text = format!("{before}{}\n{}{}{after}", MARKERS[0], section(rows), MARKERS[1]);
    std::fs::write(path(), text).unwrap();
}

/// The section as it is in the page.
pub(crate) fn written() -> String {
    let page = std::fs::read_to_string(path()).unwrap();
    let (_, rest) = page.split_once(MARKERS[0]).unwrap();
    rest.split_once(MARKERS[1]).unwrap().0.trim_start_matches('\n').to_owned()
}

/// The table of all rows.
pub(crate) fn section(rows: &[Row<'_>]) -> String {
    let different = rows.iter().filter(|row| row.configuration.differs.is_some()).count();
    let mut text = format!(
        "{} configurations; imgpush sends the requests of openstackclient in {}, and differs on purpose in {}.\n\n\
         | configuration | what it exercises | openstackclient | openstacksdk | imgpush | difference |\n\
         |---|---|---|---|---|---|\n",
        rows.len(),
        rows.len() - different,
        different,
    );
    for row in rows {
        let lines = row.openstackclient.lines();
        let against = |other: &Outcome| match other.lines() {
            other if other == lines => "same".to_owned(),
            other => cell(&other),
        };
        let configuration = row.configuration;
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            configuration.name,
            configuration.exercises,
            cell(&lines),
            against(&row.openstacksdk),
            against(&row.imgpush),
            configuration.differs.as_deref().unwrap_or("none"),
        )
        .unwrap();
    }
    text
}

fn cell(lines: &[String]) -> String {
    let shown = |line: &String| match &**line {
        "error" => "error".to_owned(),
        line => format!("`{}`", line.replace('|', "\\|")),
    };
    lines.iter().map(shown).collect::<Vec<_>>().join("<br>")
}
