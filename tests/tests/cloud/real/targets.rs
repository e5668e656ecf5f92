//! One source for several real services and stores, with every upload method.

use std::process::{Command, Stdio};

use imgpush_scene::{RealCloud, Run, imgpush, pattern_file, sha512sum};
use serde_json::Value;

use super::web::Web;

/// Pushes; returns the exit code, one report per target, and the messages.
fn push(source: &str, arguments: &[&str]) -> (Option<i32>, Vec<Value>, String) {
    let mut command = imgpush();
    let run = Run::of(command.args(["push", "--json", source]).args(arguments).output().unwrap());
    (run.code, run.objects(), run.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compressed_address_is_read_once_for_two_clouds() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let disk = pattern_file(folder.path(), "disk.raw", 12_000_001);
    let hash = sha512sum(&disk);
    let compressed =
        Command::new("xz").args(["-0", "-c"]).arg(&disk).stderr(Stdio::null()).output();
    let compressed = compressed.expect("xz, which every Debian has").stdout;
    let web = Web::serving(compressed.leak()).await;
    let address = format!("{}/disk.raw.xz", web.address);
    let both = ["--cloud", "testcloud", "--cloud", "testcloud-noauth"];
    let (code, reports, said) = push(&address, &both);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(web.asked(), 1, "the source was read more than once");
    for (report, name) in reports.iter().zip(["testcloud", "testcloud-noauth"]) {
        assert_eq!((report["cloud"].as_str(), report["attempts"].as_u64()), (Some(name), Some(1)));
        let shown = cloud.openstack(name, &["image", "show", report["id"].as_str().unwrap()]);
        assert_eq!(shown["status"], "active");
        assert_eq!(shown["properties"]["os_hash_value"], hash, "{name}");
    }
    cloud.delete("testcloud", &reports[0]);
}

#[test]
fn a_target_that_refuses_does_not_affect_the_other() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let disk = pattern_file(folder.path(), "disk.raw", 3_000_000);
    let both = ["--cloud", "testcloud-reader", "--cloud", "testcloud"];
    let (code, reports, said) = push(disk.to_str().unwrap(), &both);
    assert_eq!(code, Some(27), "{said}");
    assert_eq!(reports[0]["error"]["exit_code"], 20, "{}", reports[0]);
    assert_eq!(reports[0]["error"]["record"], "none");
    assert_eq!(reports[1]["verified"], true);
    cloud.delete("testcloud", &reports[1]);
}

#[test]
fn stores_are_reached_by_import_and_by_copies() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let disk = pattern_file(folder.path(), "disk.raw", 3_000_000);
    let hash = sha512sum(&disk);
    let all = &["--all-stores"][..];
    let both = &["--store", "slow", "--store", "fast"][..];
    for (name, via, stores) in [
        ("testcloud", "import", all),
        ("testcloud", "stage", both),
        ("testcloud-admin", "direct", both),
    ] {
        let arguments = [&["--cloud", name, "--via", via][..], stores].concat();
        let (code, reports, said) = push(disk.to_str().unwrap(), &arguments);
        assert_eq!(code, Some(0), "{via}: {said}");
        let shown = cloud.openstack(name, &["image", "show", reports[0]["id"].as_str().unwrap()]);
        let mut stores: Vec<_> =
            shown["properties"]["stores"].as_str().unwrap().split(',').collect();
        stores.sort_unstable();
        assert_eq!(stores, ["fast", "slow"], "{via}");
        assert_eq!(shown["properties"]["os_hash_value"], hash, "{via}");
        cloud.delete(name, &reports[0]);
    }

    // A user who may not copy keeps the verified image, and gets a message.
    let arguments = [&["--cloud", "testcloud"][..], both].concat();
    let (code, reports, said) = push(disk.to_str().unwrap(), &arguments);
    assert_eq!(code, Some(24), "{said}");
    assert_eq!(reports[0]["error"]["record"], "kept");
    assert!(said.contains("--via import"), "{said}");
    let shown =
        cloud.openstack("testcloud", &["image", "show", reports[0]["id"].as_str().unwrap()]);
    assert_eq!(
        (&shown["status"], &shown["properties"]["stores"]),
        (&"active".into(), &"slow".into())
    );
    cloud.delete("testcloud", &reports[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_fetched_by_the_service_is_verified_too() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let disk = pattern_file(folder.path(), "disk.raw", 3_000_000);
    let web = Web::serving(std::fs::read(&disk).unwrap().leak()).await;
    let address = format!("{}/disk.raw", web.address);
    let (code, reports, said) = push(&address, &["--cloud", "testcloud", "--via", "web-download"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(reports[0]["via"], "web-download");
    assert_eq!(reports[0]["os_hash_value"], sha512sum(&disk));
    assert_eq!(web.asked(), 2, "once by each");
    cloud.delete("testcloud", &reports[0]);
}
