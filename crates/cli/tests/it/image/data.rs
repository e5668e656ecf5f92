//! `save`, `stage`, `import`, and `imgpush verify`.

use std::time::Duration;

use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::{Run, Scene, signal, spawn};
use serde_json::{Value, json};

use super::{create, image, json};

#[test]
fn what_is_staged_is_imported() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 3 << 20);
    let id = create(&scene, &["n"]);
    let run = image(&scene, 0, &["stage", "n", "--file", "disk.img", "--progress=json", "-q"]);
    assert_eq!(run.stdout, "");
    let lines: Vec<Value> =
        run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["sent"] == 3 << 20), "{lines:?}");
    let shown = json(&scene, &["show", "n"]);
    assert_eq!((&shown["status"], &shown["size"]), (&json!("uploading"), &json!(3 << 20)));

    let shown = json(&scene, &["import", "n", "--wait"]);
    assert_eq!((&shown["id"], &shown["status"]), (&json!(id), &json!("active")));
    let run = scene.run(&["verify", "n", "--file", "disk.img"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);

    let run = image(&scene, 21, &["stage", "n", "--file", "disk.img"]);
    assert!(run.stderr.contains("only a queued image accepts data"), "{}", run.stderr);
    let run = image(&scene, 21, &["import", "n"]);
    assert!(
        run.stderr.contains("needs an image with the status uploading, but n is active"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_pipe_is_staged_as_it_comes() {
    let scene = Scene::start_blocking();
    create(&scene, &["n"]);
    let piped = |arguments: &[&str]| {
        let stage = scene.command(&[&["image", "stage", "n"], arguments].concat());
        Run::fed(stage, &vec![7; 3_000_000])
    };
    for size in ["2999999", "3000001"] {
        let run = piped(&["--size", size]);
        assert_eq!(run.code, Some(21), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("expected {size} bytes")), "{}", run.stderr);
        assert_eq!(json(&scene, &["show", "n"])["status"], "queued");
    }
    let run = piped(&["--size", "3000000", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report = run.json();
    assert_eq!((&report["size"], &report["attempts"]), (&json!(3_000_000), &json!(1)));
    assert_eq!(report["digests"]["md5"].as_str().map(str::len), Some(32));
    assert_eq!(json(&scene, &["show", "n"])["size"], 3_000_000);
    image(&scene, 10, &["stage", "n", "--file", "none.img"]);
    scene.file("disk.img", 100);
    create(&scene, &["m"]);
    let run = image(&scene, 10, &["stage", "m", "--file", "disk.img", "--size", "99"]);
    assert!(run.stderr.contains("disk.img has 100 bytes, expected 99"), "{}", run.stderr);
}

#[test]
fn imports_that_cannot_be_are_not_asked_for() {
    let scene = Scene::start_blocking();
    create(&scene, &["n"]);
    let before = scene.writes();
    for (arguments, code, words) in [
        (&["import"][..], 2, "required"),
        (&["import", "n", "--method", "carrier-pigeon"], 2, "possible values"),
        (&["import", "n", "--method", "web-download"], 2, "needs --uri"),
        (&["import", "n", "--method", "web-download", "--uri", "disk"], 2, "--uri needs a URL"),
        (&["import", "n", "--uri", "http://h/i"], 2, "--uri needs --method web-download"),
        (
            &["import", "n", "--remote-region", "R"],
            2,
            "--remote-region needs --method glance-download",
        ),
        (
            &["import", "n", "--method", "glance-download", "--remote-region", "R"],
            2,
            "--remote-image",
        ),
        (&["import", "n", "--method", "copy-image"], 2, "needs --store or --all-stores"),
        (&["import", "n", "--store", "a", "--all-stores"], 2, "cannot be used with"),
        (&["import", "n", "--timeout", "5"], 2, "--wait"),
        (&["import", "nowhere"], 21, "no image has the name or id nowhere"),
        (&["import", "n"], 21, "hint: upload data with `imgpush image stage n --file FILE`"),
        (
            &["import", "n", "--method", "copy-image", "--store", "slow"],
            21,
            "with the status active, but n is queued",
        ),
    ] {
        let run = image(&scene, code, arguments);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
    }
    assert_eq!(scene.writes(), before);
    for arguments in [&["import", "info"][..], &["import-info"]] {
        let methods = json(&scene, arguments);
        assert!(methods["import-methods"].as_array().unwrap().contains(&json!("glance-direct")));
    }
}

#[test]
fn an_import_that_fails_ends_with_24() {
    let scene = Scene::start_blocking();
    create(&scene, &["n", "--disk-format", "qcow2"]);
    scene.file("disk.img", 5000);
    let run = image(&scene, 11, &["stage", "n", "--file", "disk.img"]);
    assert!(run.stderr.contains("hint: `imgpush image stage --force-format` uploads it anyway"));
    image(&scene, 0, &["stage", "n", "--file", "disk.img", "--force-format"]);
    let run = image(&scene, 24, &["import", "n", "--wait", "--timeout", "30"]);
    assert!(run.stderr.contains("hint: `imgpush image tasks IMAGE`"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    let tasks = json(&scene, &["tasks", "n"]);
    assert_eq!(tasks[0]["Status"], "failure", "{tasks}");
}

#[test]
fn a_saved_image_is_what_was_pushed() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 3 << 20);
    create(&scene, &["n", "--file", "disk.img"]);
    let run = image(&scene, 0, &["save", "n", "--file", "saved.img"]);
    assert_eq!(run.stdout, "");
    assert!(
        run.stderr.starts_with("saved n from mycloud to saved.img: 3.00 MiB in "),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("\n  verified  by os_hash_value, checksum: "), "{}", run.stderr);
    let read = |name: &str| scene.read(name);
    assert!(read("saved.img") == read("disk.img"));

    let run = image(&scene, 2, &["save", "n", "--file", "saved.img", "--no-overwrite"]);
    assert!(run.stderr.contains("saved.img exists"), "{}", run.stderr);
    let run = image(&scene, 0, &["save", "n", "--file", "saved.img", "--json"]);
    let report = run.json();
    assert_eq!((&report["verified"], &report["size"]), (&json!(true), &json!(3 << 20)));

    let piped = scene.command(&["image", "save", "n", "--quiet"]).output().unwrap();
    assert!(piped.stdout == read("disk.img") && piped.stderr.is_empty());

    create(&scene, &["empty"]);
    let run = image(&scene, 21, &["save", "empty", "--file", "empty.img"]);
    assert!(run.stderr.contains("the image is queued"), "{}", run.stderr);
    assert!(!scene.path("empty.img").exists());
}

#[test]
fn data_that_is_wrong_is_not_saved() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 3 << 20);
    let id = create(&scene, &["n", "--file", "disk.img"]);
    // A bit in the store turns over.
    let images = scene.path("images");
    let is_data = |path: &std::path::PathBuf| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 3 << 20)
    };
    let data = std::fs::read_dir(images).unwrap().map(|entry| entry.unwrap().path()).find(is_data);
    let data = data.unwrap();
    assert!(data.to_string_lossy().contains(&id));
    let mut bytes = std::fs::read(&data).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&data, bytes).unwrap();

    let run = image(&scene, 23, &["save", "n", "--file", "saved.img", "--json"]);
    let failure = run.json();
    assert_eq!((&failure["verified"], &failure["error"]["exit_code"]), (&json!(false), &json!(23)));
    assert!(run.stderr.contains("was deleted"), "{}", run.stderr);
    assert!(!scene.path("saved.img").exists());

    let run = scene.run(&["verify", "n"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(23), "n: FAILED\n"), "{}", run.stderr);
    let run = scene.run(&["verify", "n", "--file", "disk.img"]);
    assert_eq!(run.code, Some(0), "the file is what was pushed: {}", run.stderr);
    // Into a pipe all comes but the end.
    let piped = scene.command(&["image", "save", "n"]).output().unwrap();
    assert_eq!(piped.status.code(), Some(23));
    assert!(piped.stdout.len() < 3 << 20);
}

#[test]
fn an_answer_that_passes_is_asked_for_again() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 3 << 20);
    create(&scene, &["n", "--file", "disk.img"]);
    scene.sandbox().inject(Operation::Download, Fault::Status { status: 503, after: 0 });
    let run = image(&scene, 0, &["save", "n", "--file", "saved.img", "--progress", "json"]);
    assert!(run.stderr.contains("\"phase\":\"downloading\",\"received\":"), "{}", run.stderr);
}

#[test]
fn verify_tells_an_image_from_a_file() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    scene.file("other.img", 5001);
    scene.write("zeros.img", vec![0; 5000]);
    create(&scene, &["n", "--file", "disk.img"]);
    create(&scene, &["empty"]);
    for (arguments, code, stdout, words) in [
        (&["verify", "n"][..], 0, "n: OK\n", "  verified  by os_hash_value, checksum: md5 "),
        (&["verify", "n", "--file", "disk.img"], 0, "n: OK\n", "sha512 "),
        (&["verify", "n", "--file", "disk.img", "--quiet"], 0, "", ""),
        (&["verify", "n", "--file", "other.img"], 12, "n: FAILED\n", "other.img has size 5001"),
        (
            &["verify", "n", "--file", "zeros.img"],
            12,
            "n: FAILED\n",
            "zeros.img has os_hash_value ",
        ),
        (&["verify", "n", "--file", "none.img"], 10, "", "cannot open none.img"),
        (&["verify", "nowhere"], 21, "", "no image has the name or id nowhere"),
        (&["verify", "empty"], 21, "", "the image is queued"),
        (
            &["verify", "n", "--file", "disk.img", "--store-preference", "a"],
            2,
            "",
            "cannot be used with",
        ),
        (&["verify"], 2, "", "required"),
    ] {
        let run = scene.run(arguments);
        assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, stdout, "{arguments:?}");
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
    }
    let run = scene.run(&["verify", "n", "--file", "zeros.img", "--json"]);
    let failure = run.json();
    assert_eq!((&failure["verified"], &failure["error"]["exit_code"]), (&json!(false), &json!(12)));
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_a_wait() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    create(&scene, &["n"]);
    image(&scene, 0, &["stage", "n", "--file", "disk.img"]);
    scene.sandbox().inject(Operation::Import, Fault::ImportSlow(Duration::from_secs(60)));
    let late = image(&scene, 25, &["import", "n", "--wait", "--timeout", "0.3"]);
    assert!(late.stderr.contains("the service may still finish"), "{}", late.stderr);

    create(&scene, &["m"]);
    image(&scene, 0, &["stage", "m", "--file", "disk.img"]);
    scene.sandbox().inject(Operation::Import, Fault::ImportSlow(Duration::from_secs(60)));
    let child = spawn(scene.command(&["image", "import", "m", "--wait"]));
    std::thread::sleep(Duration::from_secs(1));
    signal(&child, "INT");
    let run = scene.ended(child);
    assert_eq!((run.code, run.stderr.as_str()), (Some(130), "error: interrupted\n"));
}
