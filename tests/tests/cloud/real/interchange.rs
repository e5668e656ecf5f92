//! Exchange of images with openstacksdk in both directions, with every attribute of the table.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use http_body_util::Full;
use imgpush_client::{
    Access, Attribute, Cloud, CloudOptions, Image, ImageClient, Kind, NewImage, UploadOptions,
};
use serde_json::{Map, Value, json};

const CLOUD: &str = "testcloud";

async fn client() -> ImageClient {
    let cloud = Cloud::load(&CloudOptions::named(Some(CLOUD.into()))).unwrap();
    ImageClient::connect(&cloud).await.unwrap()
}

/// Runs the script with openstacksdk; returns its output.
fn sdk(arguments: &[&str], input: &str) -> String {
    let python = format!("{}/bin/python", std::env::var("CLOUD_VENV").unwrap());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/sdk_image.py");
    let mut child = Command::new(python)
        .args(["-W", "ignore", script, CLOUD])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn sdk_shows(id: &str) -> Map<String, Value> {
    serde_json::from_str(&sdk(&["show", id], "")).unwrap()
}

/// A valid value of an attribute, different for each.
fn sample(attribute: &Attribute, at: usize) -> Option<Value> {
    if attribute.access != Access::Update {
        return None;
    }
    Some(match (attribute.name, attribute.kind) {
        ("visibility", _) => json!("private"),
        ("disk_format", _) => json!("raw"),
        ("container_format", _) => json!("bare"),
        ("kernel_id" | "ramdisk_id", _) => json!(format!("00000000-0000-4000-8000-{at:012}")),
        // Only an administrator may change the owner, and this cloud hides locations.
        ("owner" | "locations", _) => return None,
        // Glance stores texts only, and openstacksdk reads a text as an empty mapping.
        (_, Kind::Object) => return None,
        (_, Kind::Boolean) => json!(at.is_multiple_of(2)),
        (_, Kind::Integer) => json!(at),
        (_, Kind::Float) => json!(1.25),
        (_, Kind::Tags) => json!(["nightly", "with space", "é"]),
        (name, _) => json!(format!("{name} = {at} / ~ é \"quoted\"")),
    })
}

/// All attributes that can be set, by openstacksdk's names, and some extra properties.
fn everything() -> Map<String, Value> {
    let mut all: Map<String, Value> = Attribute::all()
        .iter()
        .enumerate()
        .filter_map(|(at, attribute)| Some((attribute.name.to_owned(), sample(attribute, at)?)))
        .collect();
    assert!(all.len() >= 45, "{all:?}");
    all.insert("name".into(), format!("interchange {}", uuid::Uuid::new_v4()).into());
    // The image has to be deletable.
    all.insert("is_protected".into(), false.into());
    all.insert("owner_specified.build/1~2".into(), "814".into());
    all.insert("trait:HW_CPU_X86_AVX2".into(), "required".into());
    all
}

/// Asserts that both clients read the same record: each attribute, and the extra properties.
fn assert_same(image: &Image, shown: &Map<String, Value>) {
    let mut compared = 0;
    for attribute in Attribute::all() {
        let ours = image.attribute(attribute);
        // openstacksdk drops `self`, and keeps `stores` among the properties, as text.
        let theirs = match attribute.name {
            "self_link" => continue,
            "stores" => shown["properties"]
                .get("stores")
                .map_or(json!([]), |stores| stores.as_str().unwrap().split(',').collect()),
            "tags" => {
                let mut tags = shown["tags"].as_array().unwrap().clone();
                tags.sort_by_key(ToString::to_string);
                tags.into()
            }
            name => shown[name].clone(),
        };
        assert_eq!(ours, theirs, "{}", attribute.name);
        compared += 1;
    }
    assert_eq!(compared, Attribute::all().len() - 1);
    let ours: BTreeMap<&str, &Value> = image.properties().collect();
    let theirs: BTreeMap<&str, &Value> = shown["properties"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (&**key, value))
        .filter(|(key, _)| *key != "stores")
        .collect();
    assert_eq!(ours, theirs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_of_openstacksdk_reads_equal_here() {
    let client = client().await;
    let wanted = everything();
    // Booleans and numbers are given as such; openstacksdk sends `True` and `7` as text.
    let id = sdk(&["create"], &Value::Object(wanted.clone()).to_string());
    let data = Full::from("interchange");
    client.upload(&id, data, &UploadOptions::sized(11)).await.unwrap();
    let image = client.image(&id).await.unwrap();
    assert_same(&image, &sdk_shows(&id));
    for (name, value) in &wanted {
        if let Some(attribute) = Attribute::named(name) {
            assert_eq!(image.attribute(attribute), *value, "{name}");
        } else {
            assert_eq!(image.get(name), Some(value), "{name}");
        }
    }
    client.delete(&id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_made_here_reads_equal_in_openstacksdk() {
    let client = client().await;
    let wanted = everything();
    let mut new = NewImage::default();
    for (name, value) in &wanted {
        new.set(name, value.clone()).unwrap();
    }
    let image = client.create(&new).await.unwrap();
    let id = image.id();
    client.upload(id, Full::from("interchange"), &UploadOptions::sized(11)).await.unwrap();
    let image = client.image(id).await.unwrap();
    let shown = sdk_shows(id);
    assert_same(&image, &shown);
    for (name, value) in wanted.iter().filter(|(name, _)| Attribute::named(name).is_some()) {
        if name != "tags" {
            assert_eq!(shown[name], *value, "{name}");
        }
    }

    // The same by changing an existing image.
    let mut image = image;
    for (at, attribute) in Attribute::all().iter().enumerate() {
        let fixed = ["disk_format", "container_format", "visibility", "is_protected"];
        if let Some(value) = sample(attribute, at + 100)
            && !fixed.contains(&attribute.name)
        {
            image.set(attribute.name, value).unwrap();
        }
    }
    let image = client.commit(&image).await.unwrap();
    assert_eq!(image.hw_cpu_cores(), image.property("hw_cpu_cores").map(|n| n.parse().unwrap()));
    assert_same(&image, &sdk_shows(id));
    client.delete(id).await.unwrap();
}
