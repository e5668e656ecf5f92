//! Reports are read back from their JSON, and conform to `docs/json-output.md`.

use std::fmt::Debug;

use imgpush_engine::source::Io;
use imgpush_engine::{
    BatchSummary, Bottleneck, ComparedWith, DownloadReport, NoteId, PushAction, Report, Retirement,
    StagingReport, Timing, TuneReport, UploadMethod, VerificationReport, VerifiedBy,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Deserialises a report, serialises it, and deserialises it again. Asserts that keys and values are
/// unchanged.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &Value) -> T {
    let report: T = serde_json::from_value(text.clone()).expect("a report");
    let written = serde_json::to_string(&report).expect("JSON");
    assert_eq!(serde_json::from_str::<Value>(&written).expect("JSON"), *text);
    assert_eq!(serde_json::from_str::<T>(&written).expect("a report"), report);
    report
}

fn with(mut object: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("{more} is not an object") };
    object.as_object_mut().expect("an object").extend(more);
    object
}

const STAGES: [&str; 16] = [
    "read",
    "decompress",
    "hash",
    "wait_for_hash",
    "wait_for_send",
    "wait_for_buffer",
    "preflight",
    "create",
    "send",
    "wait_for_data",
    "wait_for_network",
    "wait_for_answer",
    "import",
    "retry_pauses",
    "verify",
    "remove",
];

fn timing() -> Value {
    let each = |value: fn(usize) -> Value| {
        let pair = |(at, name): (usize, &&str)| ((*name).to_owned(), value(at));
        Value::Object(STAGES.iter().enumerate().map(pair).collect())
    };
    #[expect(clippy::cast_precision_loss, reason = "they are few")]
    let stages = each(|at| json!(at as f64 + 0.5));
    let lines = each(|at| if at == 8 { json!([0.25, 0.5]) } else { json!([]) });
    json!({
        "seconds": 1.5, "started": 1_700_000_000.25, "timings": stages, "bottleneck": "network",
        "bottleneck_seconds": 0.75, "advice": "nothing here",
        "timeline": with(lines, json!({"interval": 0.5, "sent": [3, 4], "retries": [0.125]})),
    })
}

fn provenance() -> Value {
    json!({
        "source_verified_by": ["sha256"], "source_signed_by": null,
        "source_checksums": [{"algorithm": "sha256", "digest": "ab", "of": "content", "list": "SHA256SUMS"}],
    })
}

#[test]
fn a_report_of_a_push_can_be_read_back() {
    let report = json!({
        "id": "x", "action": "taken-over", "replaced": [{"id": "y", "how": "renamed"}], "name": "n",
        "status": "active", "size": 7, "virtual_size": null, "detected_virtual_size": 1024,
        "disk_format": "qcow2", "container_format": "bare", "checksum": "00",
        "os_hash_algo": "sha512", "os_hash_value": "11", "stores": ["fast"], "verified": true,
        "verified_by": ["os_hash_value", "checksum"], "digests": {"sha512": "11"},
        "source": "disk.qcow2", "cloud": "c", "via": "web-download", "attempts": 2,
        "notes": [{"id": "retried", "text": "t"}, {"id": "fixed-vhd", "text": "u"}],
    });
    let report = with(with(report, provenance()), timing());
    let report: Report = round_trip(&report);
    assert_eq!((report.action, report.via), (PushAction::TakenOver, UploadMethod::WebDownload));
    assert_eq!(report.notes[0].id, NoteId::Retried);
    assert_eq!(report.timing.timings.remove, 15.5);
    assert_eq!(report.timing.timeline.stages()[8], ("send", &[0.25, 0.5][..]));
}

#[test]
fn the_other_reports_can_be_read_back() {
    round_trip::<Timing>(&timing());
    let staged = json!({
        "id": "x", "name": null, "size": 7, "digests": {"md5": "00"}, "source": "-", "cloud": "c",
        "attempts": 1, "seconds": 0.5,
    });
    round_trip::<StagingReport>(&with(staged, provenance()));
    round_trip::<DownloadReport>(&json!({
        "id": "x", "name": "n", "size": 7, "verified": false, "verified_by": ["checksum"],
        "unverified_because": "sm3", "digests": {"md5": "00"}, "path": "a", "unchanged": true,
        "converted": {"format": "raw", "bytes": 9, "virtual_size": 9},
        "cloud": "c", "resumed_from": 3, "attempts": 1, "seconds": 0.5,
    }));
    let verified: VerificationReport = round_trip(&json!({
        "id": "x", "name": "n", "size": 7, "verified": true, "verified_by": ["os_hash_value"],
        "digests": {"md5": "00"}, "against": "download", "source": null, "cloud": "c",
        "seconds": 0.5,
    }));
    assert_eq!(verified.against, ComparedWith::Download);
    round_trip::<BatchSummary>(&json!({
        "pushed": 1, "pulled": 2, "verified": 3, "skipped": 4, "failed": 5, "not_started": 6, "bytes": 7,
        "seconds": 0.5,
    }));
    let trial = json!({
        "settings": {"jobs": 2, "chunk_bytes": null, "io": "mmap"}, "rate": 7.5, "range": [7.0, 8.0],
    });
    let tuned: TuneReport = round_trip(&json!({
        "trials": [trial], "recommended": trial, "gain": 1.25, "is_complete": true, "bytes": 7,
        "seconds": 0.5,
    }));
    assert_eq!(tuned.recommended.settings.io, Io::Mmap);
}

/// A value of a later version is an error in this one, and never mistaken for another.
#[test]
fn an_unknown_value_is_an_error() {
    assert!(serde_json::from_str::<PushAction>(r#""conjured""#).is_err());
    assert!(serde_json::from_str::<NoteId>(r#""conjured""#).is_err());
}

#[test]
fn the_values_are_those_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json-output.md");
    let page = std::fs::read_to_string(path).unwrap();
    let documented = |key: &str, values: Vec<Value>| {
        let start = format!("| `{key}` |");
        let row = page.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("no row of {key}"));
        for value in values {
            let value = value.as_str().unwrap();
            assert!(row.contains(&format!("`{value}`")), "{key}: {value} is not in {row}");
        }
    };
    fn values<T: Serialize>(all: impl IntoIterator<Item = T>) -> Vec<Value> {
        all.into_iter().map(|value| serde_json::to_value(value).unwrap()).collect()
    }
    documented("action", values(PushAction::ALL));
    documented("replaced", values(Retirement::ALL));
    documented("verified_by", values(VerifiedBy::ALL));
    documented("via", values(UploadMethod::ALL));
    documented("bottleneck", values(Bottleneck::ALL));
    documented("against", values(ComparedWith::ALL));
    documented("trials", values([Io::Read, Io::Mmap]));
    // Each note has a row of its own.
    for id in NoteId::all().filter(|id| !matches!(id, NoteId::Finding(_))) {
        documented(id.name(), values([id]));
    }
    // The serialised form is that of `name` and `Display`.
    for id in NoteId::all() {
        assert_eq!(json!(id), id.name());
        assert_eq!(id.to_string(), id.name());
    }
    for bottleneck in Bottleneck::ALL {
        assert_eq!(json!(bottleneck), bottleneck.name());
        assert_eq!(format!("{bottleneck:>12}").trim_start(), bottleneck.name());
    }
}
