//! Lists: filters, order, pages.

use serde_json::{Value, json};

use crate::Wire;

const NULL: Value = Value::Null;

/// Names of the images that a query finds.
async fn names(wire: &Wire, query: &str) -> Vec<String> {
    let (status, list) = wire.call("", "GET", &format!("/v2/images?{query}"), NULL).await;
    assert_eq!(status, 200, "{query}: {list}");
    let images = list["images"].as_array().unwrap().iter();
    images.map(|image| image["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn images_are_found_by_their_attributes() {
    let wire = Wire::open().await;
    for more in [
        json!({"name": "a,b", "architecture": "x86_64", "min_disk": 3, "tags": ["one", "two"]}),
        json!({"name": "plain", "protected": true, "tags": ["one"]}),
        json!({"name": "gt:5", "os_hidden": true}),
        json!({"name": "iso", "disk_format": "iso"}),
    ] {
        wire.record("", more).await;
    }
    for (query, expected) in [
        ("sort=name:asc", vec!["a,b", "iso", "plain"]),
        ("name=plain", vec!["plain"]),
        ("name=a,b", vec!["a,b"]),
        ("name=in:%22a,b%22,plain&sort=name:asc", vec!["a,b", "plain"]),
        ("name=eq:gt:5&os_hidden=True", vec!["gt:5"]),
        ("disk_format=in:iso,vdi", vec!["iso"]),
        ("architecture=x86_64", vec!["a,b"]),
        ("architecture=in:x86_64", vec![]),
        ("min_disk=3", vec!["a,b"]),
        ("protected=true", vec!["plain"]),
        ("tag=one&tag=two", vec!["a,b"]),
        ("created_at=gt:2020-01-01T00:00:00Z&sort=name:desc", vec!["plain", "iso", "a,b"]),
        ("created_at=lt:2020-01-01", vec![]),
        ("name=nope&name=iso", vec!["iso"]),
        ("limit=0", vec![]),
    ] {
        assert_eq!(names(&wire, query).await, expected, "{query}");
    }
    for query in [
        "name=gt:5",
        "name=in:%22a",
        "size_min=x",
        "protected=True",
        "created_at=gt:x",
        "visibility=x",
        "member_status=x",
        "marker=x",
        "limit=-1",
        "sort=min_disk",
    ] {
        let refused = wire.call("", "GET", &format!("/v2/images?{query}"), NULL).await;
        assert_eq!(refused.0, 400, "{query}: {refused:?}");
    }
}

#[tokio::test]
async fn many_images_are_listed_in_pages() {
    let wire = Wire::open().await;
    for number in 0..1200 {
        wire.record("", json!({"name": format!("image {number:04}")})).await;
    }
    let mut seen = Vec::new();
    let mut next = Some("/v2/images?limit=1000&sort=name:asc".to_owned());
    let mut pages = Vec::new();
    while let Some(path) = next {
        let list = wire.show("", &path).await;
        let images = list["images"].as_array().unwrap().iter();
        pages.push(images.len());
        seen.extend(images.map(|image| image["name"].as_str().unwrap().to_owned()));
        next = list["next"].as_str().map(str::to_owned);
    }
    assert_eq!((seen.len(), pages), (1200, vec![1000, 200]));
    assert!(seen.is_sorted());
}
