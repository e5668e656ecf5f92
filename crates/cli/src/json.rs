//! The JSON documents of the commands, as docs/json-output.md describes them.

use imgpush_engine::image_formats::Finding;
use imgpush_engine::{Digests, PushError, PushFailure, RecordOutcome, Shard, Timeline, Timing};
use serde::Serialize;
use serde_json::Value;

use crate::exit_code::Code;
use crate::text::{escaped, is_control, json_escape};

/// The version of all documents. It rises when a key changes its meaning or disappears.
pub(crate) const FORMAT_VERSION: u8 = 2;

/// One document.
#[derive(Serialize)]
struct Document<'a, T> {
    format_version: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<Shard>,
    #[serde(flatten)]
    body: &'a T,
}

/// The line of a document of a shard, if there are shards. Characters that can steer a terminal are escaped; they
/// occur only in strings, which keep their values.
pub(crate) fn line(shard: Option<Shard>, body: &impl Serialize) -> String {
    let document = Document { format_version: FORMAT_VERSION, shard, body };
    let text = serde_json::to_string(&document).expect("text keys and plain values only");
    escaped_line(&text)
}

/// A document with escapes of all characters that can steer a terminal.
pub(crate) fn escaped_line(document: &str) -> String {
    escaped(document, is_control, json_escape)
}

/// What happened, from the outside in, and what to do next.
#[derive(Serialize)]
pub(crate) struct ErrorBody<'a> {
    message: &'a str,
    causes: &'a [String],
    hints: &'a [String],
    exit_code: u8,
    /// What became of the image record of a push.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'static str>,
    /// What was found in data that was not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<FindingBody<'a>>>,
}

impl<'a> ErrorBody<'a> {
    /// `chain` has the message and its causes.
    pub(crate) fn new(chain: &'a [String], hints: &'a [String], code: Code) -> Self {
        let (message, causes) =
            chain.split_first().map_or(("", chain), |(first, rest)| (first, rest));
        ErrorBody { message, causes, hints, exit_code: code.number(), record: None, findings: None }
    }

    /// Adds the findings in the data.
    pub(crate) fn with_findings(mut self, failure: &'a PushFailure) -> Self {
        let body =
            |finding: &'a Finding| FindingBody { id: finding.id.name(), text: &finding.text };
        self.findings = Some(failure.findings().iter().map(body).collect());
        self
    }
}

#[derive(Serialize)]
struct FindingBody<'a> {
    id: &'static str,
    text: &'a str,
}

/// A command that failed.
#[derive(Serialize)]
pub(crate) struct FailedCommand<'a> {
    pub(crate) error: ErrorBody<'a>,
}

/// An image that was not downloaded, verified or staged.
#[derive(Serialize)]
pub(crate) struct FailedImage<'a> {
    /// The name or id as given.
    image: &'a str,
    /// The id of the image, if it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud: Option<&'a str>,
    verified: bool,
    error: ErrorBody<'a>,
}

impl<'a> FailedImage<'a> {
    /// An image whose id is not known.
    pub(crate) fn unknown(image: &'a str, error: ErrorBody<'a>) -> Self {
        FailedImage { image, id: None, cloud: None, verified: false, error }
    }

    /// An image that was found, with the name or id as given.
    pub(crate) fn found(image: &'a str, id: &'a str, cloud: &'a str, error: ErrorBody<'a>) -> Self {
        FailedImage { image, id: Some(id), cloud: Some(cloud), verified: false, error }
    }
}

/// A file that could not be read.
#[derive(Serialize)]
pub(crate) struct FailedFile<'a> {
    pub(crate) file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verified: Option<bool>,
    pub(crate) error: ErrorBody<'a>,
}

/// The digests of a file.
#[derive(Serialize)]
pub(crate) struct DigestedFile<'a> {
    pub(crate) file: &'a str,
    /// Whether they are those of the list, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verified: Option<bool>,
    pub(crate) size: u64,
    pub(crate) digests: Value,
}

/// The totals of files that were hashed, of one shard.
#[derive(Serialize)]
pub(crate) struct FileTotals {
    pub(crate) files: usize,
    /// Those that could not be read, or differ from the list.
    pub(crate) failed: usize,
}

/// The totals of a run of several pushes, or of a shard.
#[derive(Serialize)]
pub(crate) struct Batch<T> {
    pub(crate) batch: T,
}

/// A push that failed, with the keys of a report as far as they are known.
#[derive(Serialize)]
pub(crate) struct FailedPush<'a> {
    id: Option<&'a str>,
    source: &'a str,
    cloud: &'a str,
    verified: bool,
    error: ErrorBody<'a>,
    attempts: u32,
    #[serde(flatten)]
    timing: Timing,
}

impl<'a> FailedPush<'a> {
    pub(crate) fn new(error: &'a PushError, mut body: ErrorBody<'a>, is_full: bool) -> Self {
        let (id, record) = match &error.outcome {
            RecordOutcome::NoRecord => (None, "none"),
            RecordOutcome::Removed { id } => (Some(id), "removed"),
            RecordOutcome::Kept { id, .. } => (Some(id), "kept"),
            RecordOutcome::Left { id, .. } => (Some(id), "left"),
            _ => (None, "left"),
        };
        body.record = Some(record);
        FailedPush {
            id: id.map(String::as_str),
            source: &error.source_name,
            cloud: &error.cloud,
            verified: false,
            error: body.with_findings(&error.failure),
            attempts: error.attempts,
            timing: timing(&error.timing, is_full),
        }
    }
}

/// The times of a push; the timeline only if all is wanted.
pub(crate) fn timing(timing: &Timing, is_full: bool) -> Timing {
    let mut timing = timing.clone();
    if !is_full {
        timing.timeline = Timeline::default();
    }
    timing
}

/// Digests by algorithm.
pub(crate) fn digests(digests: &Digests) -> Value {
    digests.iter().map(|digest| (digest.algorithm().to_string(), digest.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_begins_with_its_version_and_keeps_the_order_of_its_keys() {
        let chain = ["it failed".to_owned(), "the disk is full".to_owned()];
        let error = ErrorBody::new(&chain, &[], crate::exit_code::SOURCE);
        let failed = FailedFile { file: "a.raw", verified: None, error };
        assert_eq!(
            line(None, &failed),
            "{\"format_version\":2,\"file\":\"a.raw\",\"error\":{\"message\":\"it failed\",\
             \"causes\":[\"the disk is full\"],\"hints\":[],\"exit_code\":10}}"
        );
    }

    #[test]
    fn characters_that_steer_a_terminal_are_escaped_and_keep_their_values() {
        for character in ('\0'..='\u{9f}').chain('\u{200e}'..='\u{2069}') {
            let value = json!({ "a": format!("a{character}b") });
            let line = line(None, &value);
            assert!(!line.contains(is_control), "{line:?}");
            let read: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(read["a"], value["a"]);
        }
        let shard = Shard::new(2, 8);
        let expected = r#"{"format_version":2,"shard":"2/8","a":"größe 漢字"}"#;
        assert_eq!(line(shard, &json!({ "a": "größe 漢字" })), expected);
    }
}
