//! Every recorded response of a real service in `test-data/samples` is decoded and encoded to the same JSON.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use imgpush_client::{Cache, Image, Location, Member, Status, Store, Task, Usage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Decodes into the type and encodes again.
fn round_trip<T: DeserializeOwned + Serialize>(json: &Value) -> (T, Value) {
    let decoded: T = serde_json::from_value(json.clone()).unwrap_or_else(|e| panic!("{e}: {json}"));
    let encoded = serde_json::to_value(&decoded).unwrap();
    (decoded, encoded)
}

fn each<T: DeserializeOwned + Serialize>(list: &Value) -> Value {
    list.as_array().unwrap().iter().map(|json| round_trip::<T>(json).1).collect()
}

#[test]
fn recorded_answers_survive_a_round_trip() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test-data/samples");
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let sample: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let asked = sample["request"]["path"].as_str().unwrap_or_default();
        let asked = asked.split('?').next().unwrap();
        let body = &sample["body"];
        let is_success = sample["status"].as_u64().is_some_and(|status| status < 300);
        if !is_success || !(body.is_object() || body.is_array()) {
            continue;
        }
        let parts: Vec<&str> = asked.trim_matches('/').split('/').collect();
        let (kind, expected, encoded) = match &parts[..] {
            ["v2", "images"] if body["images"].is_array() => {
                ("images", &body["images"], each::<Image>(&body["images"]))
            }
            ["v2", "images"] | ["v2", "images", _] => {
                let (image, encoded) = round_trip::<Image>(body);
                assert!(!matches!(image.status(), Status::Other(_)), "{}", image.status());
                ("image", body, encoded)
            }
            ["v2", "images", _, "tasks"] | ["v2", "tasks"] => {
                ("tasks", &body["tasks"], each::<Task>(&body["tasks"]))
            }
            ["v2", "tasks", _] => ("task", body, round_trip::<Task>(body).1),
            ["v2", "images", _, "members"] if body["members"].is_array() => {
                ("members", &body["members"], each::<Member>(&body["members"]))
            }
            ["v2", "images", _, "members", ..] => ("member", body, round_trip::<Member>(body).1),
            ["v2", "images", _, "locations"] => ("locations", body, each::<Location>(body)),
            ["v2", "info", "stores", ..] => {
                ("stores", &body["stores"], each::<Store>(&body["stores"]))
            }
            ["v2", "info", "usage"] => ("usage", body, round_trip::<Usage>(body).1),
            ["v2", "cache"] => ("cache", body, round_trip::<Cache>(body).1),
            _ => continue,
        };
        assert_eq!(encoded, *expected, "{}", path.display());
        *seen.entry(kind).or_default() += 1;
    }
    for kind in [
        "images",
        "image",
        "tasks",
        "task",
        "members",
        "member",
        "locations",
        "stores",
        "usage",
        "cache",
    ] {
        assert!(seen.contains_key(kind), "no sample of {kind}: {seen:?}");
    }
    assert!(seen["image"] >= 20, "{seen:?}");
}
