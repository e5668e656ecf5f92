//! `imgpush image` prints the same as `openstack image` for the same images in a real cloud.

use std::io::Write as _;
use std::process::{Command, Stdio};

use imgpush_scene::{RealCloud, Run, imgpush, pattern_file};
use serde_json::Value;

const CLOUD: &str = "testcloud";

/// Runs `imgpush`; returns its output.
fn ours(arguments: &[&str]) -> String {
    let run = run(arguments);
    assert_eq!(run.code, Some(0), "{arguments:?}: {run:?}");
    run.stdout
}

fn run(arguments: &[&str]) -> Run {
    Run::of(imgpush().args(arguments).args(["--cloud", CLOUD]).output().unwrap())
}

/// Converts YAML to JSON with the parser of openstackclient's users.
fn from_yaml(text: &str) -> Value {
    read_by_python("yaml.safe_load(sys.stdin)", text)
}

/// Lines of values, with objects as JSON: Python keeps the order of their keys.
fn from_values(text: &str) -> Vec<Value> {
    let value = |line: &str| match line.starts_with("{'") {
        true => read_by_python("ast.literal_eval(sys.stdin.read())", line),
        false => Value::from(line),
    };
    text.trim_end().lines().map(value).collect()
}

fn read_by_python(expression: &str, text: &str) -> Value {
    let python = format!("{}/bin/python", std::env::var("CLOUD_VENV").unwrap());
    let script =
        format!("import ast, sys, json, yaml; print(json.dumps({expression}, default=str))");
    let mut child = Command::new(python)
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn records_and_lists_are_printed_alike() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let file = pattern_file(folder.path(), "disk.raw", 5000);
    let file = file.to_str().unwrap();
    let tag = format!("alike-{}", std::process::id());
    let name = format!("{tag} \"quoted\", é");
    let full = ours(&[
        "push",
        file,
        "--name",
        &name,
        "--tag",
        &tag,
        "--property",
        "os_distro=debian",
        "--property",
        "hw_boot_menu=true",
        "--property",
        "hw_cpu_cores=4",
        "--property",
        "owner_specified.build/1=a, 'b' \"c\"",
        "--min-disk",
        "3",
        "--min-ram",
        "64",
    ]);
    let full = full.trim();
    let queued = format!("{tag}-queued");
    let empty = ours(&["image", "create", &queued, "--tag", &tag, "-f", "value", "-c", "id"]);
    let empty = empty.trim();

    let all = &["json", "yaml", "value", "csv"][..];
    let records = &all[..3];
    let json = &all[..1];
    for (arguments, formats) in [
        (&["image", "show", full][..], records),
        (&["image", "show", empty], records),
        (&["image", "show", full, "--human-readable"], json),
        (&["image", "show", &name, "-c", "id", "-c", "size", "-c", "properties"], json),
        (&["image", "list", "--tag", &tag], all),
        (&["image", "list", "--tag", &tag, "--long"], all),
        (&["image", "list", "--tag", &tag, "--property", "os_distro=debian"], json),
        (&["image", "list", "--tag", &tag, "--sort", "name:desc"], json),
        (&["image", "list", "--tag", &tag, "--status", "queued", "-c", "Name", "-c", "ID"], json),
        (&["image", "list", "--name", "no such image"], all),
        (&["image", "member", "list", full], json),
    ] {
        for format in formats {
            let arguments = [arguments, &["-f", format]].concat();
            let theirs = cloud.openstack_prints(CLOUD, &arguments);
            let ours = ours(&arguments);
            match *format {
                "json" => {
                    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
                    assert_eq!(value(&ours), value(&theirs), "{arguments:?}");
                }
                "yaml" => assert_eq!(from_yaml(&ours), from_yaml(&theirs), "{arguments:?}"),
                "value" => assert_eq!(from_values(&ours), from_values(&theirs), "{arguments:?}"),
                _ => assert_eq!(ours.trim_end(), theirs.trim_end(), "{arguments:?}"),
            }
        }
    }

    // A change by one client is shown by the other.
    ours(&["image", "set", full, "--property", "a=b", "--os-version", "13", "--hidden"]);
    ours(&["image", "set", full, "--tag", "with space"]);
    cloud.openstack_prints(CLOUD, &["image", "set", full, "--property", "c=d", "--unhidden"]);
    let mut theirs = cloud.openstack(CLOUD, &["image", "show", full]);
    let shown: Value = serde_json::from_str(&ours(&["image", "show", full, "-f", "json"])).unwrap();
    // The service returns tags in varying order, and openstackclient prints that order.
    theirs["tags"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    assert_eq!(shown, theirs);
    assert_eq!(shown["properties"]["os_version"], "13");
    assert_eq!((&shown["properties"]["a"], &shown["properties"]["c"]), (&"b".into(), &"d".into()));
    assert_eq!(shown["properties"]["os_hidden"], false);
    ours(&["image", "unset", full, "--property", "a", "--tag", "with space"]);
    let theirs = cloud.openstack(CLOUD, &["image", "show", full]);
    assert_eq!(theirs["properties"].get("a"), None);
    assert_eq!(theirs["tags"], serde_json::json!([tag]));

    ours(&["image", "delete", full, empty]);
    let left = cloud.openstack(CLOUD, &["image", "list", "--tag", &tag]);
    assert_eq!(left, serde_json::json!([]));
}

#[test]
fn openstackclient_and_imgpush_save_the_same_data() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let file = pattern_file(folder.path(), "disk.raw", 3_000_001);
    let id = ours(&["push", file.to_str().unwrap(), "--name", "saved"]);
    let id = id.trim();
    let paths = ["theirs", "ours"].map(|name| folder.path().join(name));
    let [theirs, own] = paths.each_ref().map(|path| path.to_str().unwrap());
    cloud.openstack_prints(CLOUD, &["image", "save", "--file", theirs, id]);
    ours(&["image", "save", "--file", own, id]);
    let data = std::fs::read(&file).unwrap();
    assert!(std::fs::read(theirs).unwrap() == data && std::fs::read(own).unwrap() == data);

    assert_eq!(ours(&["verify", id, "--file", own]), format!("{id}: OK\n"));
    assert_eq!(ours(&["verify", id]), format!("{id}: OK\n"));
    let mut wrong = data;
    wrong[1_000_000] ^= 1;
    std::fs::write(own, wrong).unwrap();
    let differs = run(&["verify", id, "--file", own]);
    assert_eq!(differs.code, Some(12), "{differs:?}");
    ours(&["image", "delete", id]);
}

#[test]
fn imports_are_waited_for_and_failures_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = pattern_file(folder.path(), "disk.raw", 5000);
    let file = file.to_str().unwrap();
    let create = |format: &str| {
        let id = ours(&[
            "image",
            "create",
            "import",
            "--disk-format",
            format,
            "--container-format",
            "bare",
            "-f",
            "value",
            "-c",
            "id",
        ]);
        let id = id.trim().to_owned();
        ours(&["image", "stage", &id, "--file", file, "--force-format"]);
        id
    };
    let good = create("raw");
    let done = ours(&["image", "import", &good, "--all-stores", "--wait", "-f", "json"]);
    let done: Value = serde_json::from_str(&done).unwrap();
    assert_eq!(done["status"], "active");
    let stores = done["properties"]["stores"].as_str().unwrap();
    assert!(stores.contains("fast") && stores.contains("slow"), "{stores}");
    let tasks = ours(&["image", "tasks", &good, "-f", "json"]);
    assert!(tasks.contains("api_image_import"), "{tasks}");

    let bad = create("qcow2");
    let failed = run(&["image", "import", &bad, "--wait", "--timeout", "60"]);
    assert_eq!(failed.code, Some(24), "{failed:?}");
    failed.says("the import of image");
    failed.says("into fast failed");
    failed.says("Task failed due to Internal Error");
    ours(&["image", "delete", &good, &bad]);
}

#[test]
fn names_of_projects_are_found_alike() {
    let value = ["-f", "value", "-c", "ID"];
    let at = |cloud: &str, arguments: &[&str]| {
        let run = Run::of(imgpush().args(arguments).args(["--cloud", cloud]).output().unwrap());
        assert_eq!(run.code, Some(0), "{cloud} {arguments:?}: {run:?}");
        run.stdout.trim().to_owned()
    };
    let name = format!("owned-{}", std::process::id());
    let admin = "testcloud-admin";
    let real = RealCloud::from_environment();
    let theirs = |arguments: &[&str]| real.openstack_prints(admin, arguments).trim().to_owned();
    let project = theirs(&["project", "show", "demo", "-f", "value", "-c", "id"]);
    for domain in [&[][..], &["--project-domain", "Default"], &["--project-domain", "default"]] {
        let create = ["image", "create", &name, "--project", "demo", "-f", "value"];
        let id = at(admin, &[&create[..], &["-c", "id"], domain].concat());
        let owner = at(admin, &["image", "show", &id, "-f", "value", "-c", "owner"]);
        assert_eq!(owner, project, "{domain:?}");
        // A member may not list projects, but names the own one.
        let list = ["image", "list", "--name", &name, "--project", "demo"];
        for cloud in [admin, CLOUD] {
            let listed = at(cloud, &[&list[..], domain, &value].concat());
            assert_eq!(listed, id, "{cloud} {domain:?}");
        }
        assert_eq!(theirs(&[&list[..], domain, &value].concat()), id);
        at(admin, &["image", "delete", &id]);
    }
    let run = Run::of(
        imgpush()
            .args(["image", "list", "--project", "nobody", "--cloud", admin])
            .output()
            .unwrap(),
    );
    assert_eq!(run.code, Some(21), "{run:?}");
    run.says("no project has the name or id nobody");
}
