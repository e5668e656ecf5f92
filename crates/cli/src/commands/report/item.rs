//! One line of a report: a JSON document.

use imgpush_engine::{Report, Shard, Timing};
use serde::Deserialize;
use serde_json::Value;

use crate::exit_code::{self, Code};
use crate::report_page::FailedEntry;

/// The result of one item: an image in a cloud, or a file.
#[derive(Debug)]
pub(super) struct ReportItem {
    line: String,
    body: Value,
}

/// The keys of all documents that say what a document is.
#[derive(Deserialize)]
struct Head {
    format_version: Option<u64>,
    shard: Option<String>,
    #[serde(default)]
    batch: Option<EndTotals>,
    #[serde(default)]
    merged: Option<Value>,
}

#[derive(Deserialize)]
struct EndTotals {
    #[serde(default)]
    not_started: u64,
}

/// What a line of a report is.
pub(super) enum ReportLine {
    /// The result of an item.
    Result(ReportItem),
    /// The end of a run; true if all its items were started.
    End(bool),
    /// The end of a merged report.
    Merged,
}

impl ReportItem {
    /// Reads a line. None if it is not one of a report with this version.
    pub(super) fn parse(line: &str, version: u8) -> Option<(Option<Shard>, ReportLine)> {
        let body: Value = serde_json::from_str(line).ok()?;
        let head: Head = Head::deserialize(&body).ok()?;
        if head.format_version != Some(version.into()) {
            return None;
        }
        let shard = match head.shard {
            Some(shard) => Some(shard.parse().ok()?),
            None => None,
        };
        let line = match (head.batch, head.merged) {
            (Some(totals), _) => ReportLine::End(totals.not_started == 0),
            (None, Some(_)) => ReportLine::Merged,
            (None, None) => ReportLine::Result(ReportItem { line: line.to_owned(), body }),
        };
        Some((shard, line))
    }

    /// The document as it was read.
    pub(super) fn line(&self) -> &str {
        &self.line
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.body.get(key)?.as_str()
    }

    /// Whether it is that of a push.
    fn is_push(&self) -> bool {
        let has = |key| self.body.get(key).is_some();
        has("action") || has("error") && has("source") && has("attempts")
    }

    /// What tells the item from others, the same in a report of another run.
    pub(super) fn key(&self) -> [Option<&str>; 3] {
        match (self.is_push(), self.text("file")) {
            (true, _) => [Some("source"), self.text("source"), self.text("cloud")],
            (false, Some(file)) => [Some("file"), Some(file), None],
            (false, None) => match self.text("id") {
                Some(id) => [Some("id"), Some(id), self.text("cloud")],
                None => [Some("image"), self.text("image"), None],
            },
        }
    }

    /// The keys that an image has in the report of a run that did not find it: its name and its id.
    pub(super) fn keys_if_missing(&self) -> impl Iterator<Item = [Option<&str>; 3]> {
        let is_image = self.is_success() && !self.is_push();
        let names = [self.text("id"), self.text("name")].into_iter().flatten();
        names.filter(move |_| is_image).map(|name| [Some("image"), Some(name), None])
    }

    pub(super) fn is_success(&self) -> bool {
        self.code() == exit_code::DONE
    }

    /// The exit code of the item.
    pub(super) fn code(&self) -> Code {
        let Some(error) = self.body.get("error") else {
            let differs =
                self.text("file").is_some() && self.body.get("verified") == Some(&false.into());
            return if differs { exit_code::SOURCE_DIFFERS } else { exit_code::DONE };
        };
        let code = error.get("exit_code").and_then(Value::as_u64);
        let code = code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
        code.map_or(exit_code::UNEXPECTED, Code::of_number)
    }

    /// The bytes of an item that succeeded.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.body.get("size").filter(|_| self.is_success())?.as_u64()
    }

    /// The item and the cause of its failure, if it failed.
    pub(super) fn failure(&self) -> Option<String> {
        if self.is_success() {
            return None;
        }
        let names = ["source", "file", "image", "id"];
        let name = names.iter().find_map(|key| self.text(key)).unwrap_or("?");
        let cloud = self.text("cloud").map(|cloud| format!(" to {cloud}"));
        let cloud = cloud.filter(|_| self.is_push()).unwrap_or_default();
        let error = self.body.get("error").and_then(|error| ErrorText::deserialize(error).ok());
        let cause = match error {
            Some(error) if error.causes.is_empty() => error.message,
            Some(error) => error.causes.join(": "),
            None => "the digest differs".to_owned(),
        };
        Some(format!("{name}{cloud}: {cause}"))
    }

    /// The push, if it is one.
    pub(super) fn push(&self) -> Option<Result<Report, FailedEntry>> {
        if !self.is_push() {
            return None;
        }
        if self.is_success() {
            return Report::deserialize(&self.body).ok().map(Ok);
        }
        let push = PushBody::deserialize(&self.body).ok()?;
        let PushBody { id, source, cloud, error, attempts, timing } = push;
        let outcome = error.record.as_deref().filter(|record| *record != "none");
        let outcome = outcome.zip(id.as_ref()).map(|(record, id)| match record {
            "removed" => format!("image record {id} was deleted"),
            "kept" => format!("image record {id} was kept"),
            _ => format!("image record {id} may still exist"),
        });
        let is_left = error.record.as_deref() != Some("removed");
        let chain = std::iter::once(error.message).chain(error.causes).collect();
        let id = id.filter(|_| is_left);
        let hints = error.hints;
        Some(Err(FailedEntry { source, cloud, id, chain, hints, outcome, attempts, timing }))
    }
}

/// A push that failed.
#[derive(Deserialize)]
struct PushBody {
    id: Option<String>,
    source: String,
    cloud: String,
    error: ErrorText,
    attempts: u32,
    #[serde(flatten)]
    timing: Timing,
}

#[derive(Deserialize)]
struct ErrorText {
    message: String,
    #[serde(default)]
    causes: Vec<String>,
    #[serde(default)]
    hints: Vec<String>,
    record: Option<String>,
}
