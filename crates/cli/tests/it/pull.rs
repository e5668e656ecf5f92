//! `imgpush pull`, and `imgpush verify` of several images.

use std::path::Path;

use imgpush_sandbox::{Fault, Operation};
use serde_json::json;

use imgpush_scene::{Run, Scene};

/// Creates an image of this name and size, and returns its id.
fn push(scene: &Scene, name: &str, bytes: u64, more: &[&str]) -> String {
    let file = format!("{bytes}.img");
    scene.file(&file, bytes);
    let run = scene.run(&[&["push", "--quiet", "--name", name, &file], more].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout.trim().to_owned()
}

fn pull(scene: &Scene, code: i32, arguments: &[&str]) -> Run {
    let run = scene.run(&[&["pull"], arguments].concat());
    assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
    run
}

/// Names of the files in a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn one_image_goes_where_it_is_told_to() {
    let scene = Scene::start_blocking();
    push(&scene, "noble 24/04", 3 << 20, &[]);
    let read = |name: &str| scene.read(name);
    let data = read("3145728.img");
    let run = pull(&scene, 0, &["noble 24/04"]);
    assert_eq!(run.stdout, "noble 24_04.raw\n");
    assert!(run.stderr.contains("\n  verified  by os_hash_value, checksum: "), "{}", run.stderr);
    assert!(read("noble 24_04.raw") == data);
    assert_eq!(pull(&scene, 0, &["noble 24/04", "-o", "a.img", "-q"]).stdout, "a.img\n");
    assert!(read("a.img") == data);
    assert_eq!(pull(&scene, 0, &["noble 24/04", "-o", "f/"]).stdout, "f/noble 24_04.raw\n");
    let piped = scene.command(&["pull", "noble 24/04", "-o", "-", "--quiet"]).output().unwrap();
    assert!(piped.stdout == data && piped.stderr.is_empty());

    // What is the image stays; what is not is another matter.
    let run = pull(&scene, 0, &["noble 24/04", "-o", "a.img", "--json"]);
    let report = &run.objects()[0];
    assert_eq!((&report["unchanged"], &report["attempts"]), (&json!(true), &json!(0)));
    let downloads = |scene: &Scene| {
        scene.sandbox().journal().iter().filter(|request| request.path.ends_with("/file")).count()
    };
    let before = downloads(&scene);
    scene.write("a.img", "precious");
    let run = pull(&scene, 2, &["noble 24/04", "-o", "a.img"]);
    assert!(
        run.stderr.contains("a.img exists and has other content than the image"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("hint: --overwrite replaces the file"), "{}", run.stderr);
    assert_eq!((downloads(&scene), read("a.img")), (before, b"precious".to_vec()));
    pull(&scene, 0, &["noble 24/04", "-o", "a.img", "--overwrite"]);
    assert!(read("a.img") == data);
}

#[cfg(unix)]
#[test]
fn files_are_sparse_unless_told_otherwise() {
    use std::os::unix::fs::MetadataExt as _;

    const SIZE: usize = (16 << 20) + 77;
    let scene = Scene::start_blocking();
    let mut data = vec![0; SIZE];
    data[5 << 20..][..4096].fill(7);
    scene.write("zeros.img", &data);
    let run = scene.run(&["push", "--quiet", "--name", "zeros", "zeros.img"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);

    let allocated = |name: &str| {
        let path = scene.path(name);
        assert!(std::fs::read(&path).unwrap() == data, "{name}");
        std::fs::metadata(path).unwrap().blocks() * 512
    };
    let cases: [(&[&str], bool); 5] = [
        (&["pull", "zeros", "-o", "out.img"], true),
        (&["pull", "zeros", "-o", "out.img", "--sparse", "auto"], true),
        (&["pull", "zeros", "-o", "out.img", "--sparse", "never"], false),
        (&["image", "save", "zeros", "--file", "out.img"], true),
        (&["image", "save", "zeros", "--file", "out.img", "--sparse", "never"], false),
    ];
    for (arguments, is_sparse) in cases {
        let run = scene.run(arguments);
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
        let found = allocated("out.img");
        if is_sparse {
            assert!(found <= 256 << 10, "{arguments:?}: {found} bytes");
        } else {
            assert!(found >= SIZE as u64, "{arguments:?}: {found} bytes");
        }
        std::fs::remove_file(scene.path("out.img")).unwrap();
    }
    let piped = scene.command(&["pull", "zeros", "-o", "-", "--quiet"]).output().unwrap();
    assert!(piped.stdout == data);
}

#[test]
fn several_images_go_into_a_folder() {
    let scene = Scene::start_blocking();
    let first = push(&scene, "n", 5000, &["--tag", "lts"]);
    let second = push(&scene, "n", 6000, &[]);
    push(&scene, "m", 7000, &["--tag", "lts", "--property", "a=b"]);
    let other = push(&scene, "other", 1000, &[]);
    let run = scene.run(&["image", "deactivate", &other]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let folder = |name: &str| scene.path(name);

    let run = pull(&scene, 0, &["--all", "-o", "all", "--json"]);
    assert!(run.objects().iter().all(|report| report["verified"] == true), "{}", run.stdout);
    let mut names =
        vec![format!("n-{}.raw", &first[..8]), format!("n-{}.raw", &second[..8]), "m.raw".into()];
    names.sort();
    assert_eq!(files(&folder("all")), names, "what is not active is left out");
    assert!(run.stderr.contains("3 pulled, 0 unchanged, 0 failed: "), "{}", run.stderr);
    let run = pull(&scene, 0, &["--all", "-o", "all"]);
    assert!(run.stderr.contains("0 pulled, 3 unchanged, 0 failed: "), "{}", run.stderr);

    pull(&scene, 0, &["--all", "--tag", "lts", "--property", "a=b", "-o", "some"]);
    assert_eq!(files(&folder("some")), ["m.raw"]);
    let run = pull(&scene, 0, &["--all", "--tag", "none", "-o", "none"]);
    assert!(run.stderr.contains("no image matches"), "{}", run.stderr);
    // One that is named twice comes once.
    let run = pull(&scene, 0, &["m", &first, "m", "-o", "named"]);
    assert_eq!(
        (files(&folder("named")), run.stdout.lines().count()),
        (vec!["m.raw".to_owned(), "n.raw".to_owned()], 2)
    );
}

#[test]
fn one_failure_stops_no_other_unless_it_shall() {
    let scene = Scene::start_blocking();
    for (name, bytes) in [("a", 5000), ("b", 6000), ("c", 7000)] {
        push(&scene, name, bytes, &[]);
    }
    let folder = scene.path("f");
    let run = pull(&scene, 27, &["a", "nowhere", "c", "-o", "f", "--json"]);
    assert_eq!(files(&folder), ["a.raw", "c.raw"]);
    let missing = &run.objects()[0];
    assert_eq!(
        (&missing["image"], &missing["error"]["exit_code"]),
        (&json!("nowhere"), &json!(21))
    );
    assert!(
        run.stderr.contains("  failed  nowhere: no image has the name or id nowhere"),
        "{}",
        run.stderr
    );
    pull(&scene, 21, &["nowhere", "neither", "-o", "f"]);

    // Another file is in the way of the first.
    std::fs::write(folder.join("a.raw"), "precious").unwrap();
    let run = pull(&scene, 2, &["a", "b", "c", "-o", "f", "--fail-fast", "--jobs", "1"]);
    assert!(run.stderr.contains("1 failed, 2 not started"), "{}", run.stderr);
    assert_eq!(files(&folder), ["a.raw", "c.raw"]);

    // Wrong data never gets the name, whatever becomes of the others.
    scene.sandbox().inject(Operation::Download, Fault::Status { status: 404, after: 0 });
    let run = pull(&scene, 27, &["b", "c", "-o", "g", "--jobs", "1"]);
    assert_eq!(files(&scene.path("g")), ["c.raw"], "{}", run.stderr);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let scene = Scene::start_blocking();
    for (arguments, words) in [
        (&["pull"][..], "required"),
        (&["pull", "a", "--all"], "cannot be used with"),
        (&["pull", "a", "--tag", "t"], "cannot be used with"),
        (&["pull", "--property", "a=b"], "--all"),
        (&["pull", "a", "b", "-o", "-"], "the standard output takes one image"),
        (&["pull", "a", "-o", "-", "--json"], "cannot both go to the standard output"),
        (&["pull", "a", "--jobs", "0"], "invalid value"),
        (&["verify", "a", "b", "--file", "f"], "--file goes with one image"),
        (&["verify", "a", "--file", "f", "--folder", "g"], "cannot be used with"),
    ] {
        let run = scene.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
    }
    assert!(scene.sandbox().journal().is_empty());
}

#[test]
fn many_images_are_verified_at_once() {
    let scene = Scene::start_blocking();
    for (name, bytes) in [("a", 5000), ("b", 6000), ("c", 7000)] {
        push(&scene, name, bytes, &[]);
    }
    let sorted = |run: &Run| {
        let mut lines: Vec<_> = run.stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let run = scene.run(&["verify", "--all"]);
    assert_eq!(
        (run.code, sorted(&run)),
        (Some(0), vec!["a: OK".into(), "b: OK".into(), "c: OK".into()])
    );
    assert_eq!(run.stderr, "3 verified, 0 differ, 0 could not be verified\n");

    pull(&scene, 0, &["--all", "-o", "f"]);
    let run = scene.run(&["verify", "--all", "--folder", "f", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.objects().iter().all(|report| report["against"] == "file"), "{}", run.stdout);
    // One is gone, one is another, and one is not even in the cloud: the worst counts.
    std::fs::remove_file(scene.path("f/a.raw")).unwrap();
    let run = scene.run(&["verify", "--all", "--folder", "f"]);
    assert_eq!(run.code, Some(10), "{}", run.stderr);
    scene.write("f/b.raw", vec![0; 6000]);
    let run = scene.run(&["verify", "a", "b", "c", "nowhere", "--folder", "f"]);
    let lines = ["a: FAILED", "b: FAILED", "c: OK", "nowhere: FAILED"];
    assert_eq!((run.code, sorted(&run)), (Some(12), lines.map(str::to_owned).to_vec()));
    assert!(
        run.stderr.ends_with("1 verified, 1 differ, 2 could not be verified\n"),
        "{}",
        run.stderr
    );

    let run = scene.run(&["verify", "c", "f/c.raw"]);
    assert_eq!(run.code, Some(21), "{}", run.stderr);
    let hint = "hint: --file f/c.raw compares an image with that file";
    assert!(run.stderr.contains(hint), "{}", run.stderr);
}
