//! `imgpush push` of several images, and `imgpush tune`.

use serde_json::Value;

use imgpush_scene::Scene;

/// Three good images and a file that is not there.
fn scene() -> Scene {
    let scene = Scene::start_blocking();
    for (name, bytes) in [("a.raw", 300_000), ("b.raw", 200_000), ("c.raw", 100_000)] {
        scene.file(name, bytes);
    }
    scene
}

#[test]
fn several_images_are_a_line_each_and_one_for_all() {
    let scene = scene();
    let run = scene.run(&["push", "a.raw", "b.raw", "missing.raw", "c.raw"]);
    assert_eq!(run.code, Some(27), "{}", run.stderr);
    let mut sources: Vec<_> = run
        .stdout
        .lines()
        .map(|line| {
            let (id, source) = line.split_once("  ").unwrap();
            assert_eq!(scene.record(id)["status"], "active");
            source
        })
        .collect();
    sources.sort_unstable();
    assert_eq!(sources, ["a.raw", "b.raw", "c.raw"]);
    assert!(run.stderr.contains("pushed b.raw to mycloud as b: 195.31 KiB in "), "{}", run.stderr);
    assert!(!run.stderr.contains("  verified"), "a batch prints no digests");
    let error = "error: cannot push missing.raw to mycloud\n";
    assert!(run.stderr.contains(error), "{}", run.stderr);
    let [.., summary, failed] = &run.stderr.lines().collect::<Vec<_>>()[..] else {
        panic!("{}", run.stderr)
    };
    assert!(summary.starts_with("3 pushed, 1 failed: 585.94 KiB in "), "{summary}");
    assert!(failed.starts_with("  failed  missing.raw to mycloud: cannot open missing.raw: "));
}

#[test]
fn programs_read_an_object_for_each_image_and_one_for_all() {
    let scene = scene();
    let run = scene.run(&["push", "--json", "--jobs", "1", "a.raw", "missing.raw", "b.raw"]);
    let lines = run.objects();
    let told: Vec<_> = lines[..3].iter().map(|l| (&l["source"], &l["verified"])).collect();
    let expected = [("a.raw", true), ("missing.raw", false), ("b.raw", true)];
    for ((source, verified), expected) in told.iter().zip(expected) {
        assert_eq!((source.as_str(), verified.as_bool()), (Some(expected.0), Some(expected.1)));
    }
    let batch = &lines[3]["batch"];
    assert_eq!(
        (&batch["pushed"], &batch["failed"], &batch["bytes"]),
        (&2.into(), &1.into(), &500_000.into())
    );
}

#[test]
fn a_pattern_that_no_shell_has_replaced_stands_for_its_files() {
    let scene = scene();
    scene.file("[x].raw", 5000);
    let run = scene.run(&["push", "--jobs", "1", "[ab].raw", "[x].raw"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let sources: Vec<_> = run.stdout.lines().map(|line| &line[38..]).collect();
    assert_eq!(sources, ["a.raw", "b.raw", "[x].raw"]);
    let run = scene.run(&["push", "*.qcow2"]);
    assert_eq!((run.code, &*run.stderr), (Some(2), "error: no file matches *.qcow2\n"));
}

#[test]
fn what_is_for_one_image_is_refused_for_several() {
    let scene = scene();
    for option in [
        ["--name", "x"],
        ["--id", "6f1c1c4e-6a0f-4f0a-8f3b-0c9f2a1d3e5b"],
        ["--checksum", "md5:d41d8cd98f00b204e9800998ecf8427e"],
    ] {
        let run = scene.run(&["push", "a.raw", "b.raw", option[0], option[1]]);
        assert_eq!(run.code, Some(2), "{option:?}");
        let expected = format!("error: {} cannot be used with several images\n", option[0]);
        assert_eq!(run.stderr, expected);
    }
    assert_eq!(scene.writes(), 0);
}

#[test]
fn images_of_one_name_are_refused_before_the_start() {
    let scene = scene();
    scene.file("a.img", 5000);
    scene.file("a.raw.xz", 5000);
    for (mode, others) in [("replace", "a.img"), ("skip", "a.raw.xz"), ("fail", "./a.raw")] {
        let run = scene.run(&["push", "--if-exists", mode, "b.raw", "a.raw", others]);
        assert_eq!(run.code, Some(2), "{mode}: {}", run.stderr);
        let expected = format!(
            "error: a.raw and {others} would both become the image a, and --if-exists {mode} compares names\n"
        );
        assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
    }
    assert!(scene.sandbox().journal().is_empty());
    let run = scene.run(&["push", "--if-exists", "rename", "a.raw", "a.img"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn uploads_to_one_cloud_may_be_fewer_than_jobs() {
    let scene = scene();
    let push = ["push", "--jobs", "3", "--uploads-per-cloud", "1", "a.raw", "b.raw", "c.raw"];
    let run = scene.run(&push);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    // The data of an image comes before the record of the next.
    let paths: Vec<_> = scene
        .sandbox()
        .journal()
        .iter()
        .filter(|request| {
            matches!(&*request.method, "POST" | "PUT") && request.path.starts_with("/v2/")
        })
        .map(|request| request.method.clone())
        .collect();
    assert_eq!(paths, ["POST", "PUT", "POST", "PUT", "POST", "PUT"]);
    let run = scene.run(&["push", "--uploads-per-cloud", "0", "a.raw", "b.raw"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
}

#[test]
fn a_journal_makes_a_batch_go_on_where_it_stopped() {
    let scene = scene();
    let push =
        |files: &[&str]| scene.run(&[&["push", "--journal", "nightly.journal"], files].concat());
    let first = push(&["a.raw", "missing.raw", "b.raw"]);
    assert_eq!(first.code, Some(27), "{}", first.stderr);
    let before = scene.writes();
    scene.file("missing.raw", 7000);
    let second = push(&["a.raw", "missing.raw", "b.raw"]);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    assert_eq!(scene.writes() - before, 2, "a record and its data");
    assert!(second.stderr.contains("\n1 pushed, 2 skipped: "), "{}", second.stderr);

    scene.write("notes", "not a journal\n");
    let run = scene.run(&["push", "--journal", "notes", "a.raw"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("Caused by: notes is not a journal: "), "{}", run.stderr);
    let notes = std::fs::read_to_string(scene.path("notes")).unwrap();
    assert_eq!(notes, "not a journal\n");
}

#[test]
fn a_cloud_that_is_not_there_is_told_once() {
    let scene = scene();
    scene.add_cloud(
        "  gone:\n    auth_type: v3password\n    auth: {auth_url: 'http://127.0.0.1:9', \
         username: u, password: p, project_name: p}\n",
    );
    let run = scene.run(&["push", "--cloud", "gone", "--cloud", "mycloud", "a.raw", "b.raw"]);
    assert_eq!(run.code, Some(27), "{}", run.stderr);
    assert_eq!(run.stderr.matches("error: cannot push 2 images to gone").count(), 1);
    let mut words: Vec<_> = run.stdout.lines().map(|line| &line[36..]).collect();
    words.sort_unstable();
    assert_eq!(words, ["  mycloud  a.raw", "  mycloud  b.raw"]);
    assert_eq!(
        run.stderr.matches("cannot log in to the identity service").count(),
        2,
        "and in the end"
    );

    // Programs get a result for each image and cloud, and the numbers agree with them.
    let all = ["push", "--json", "-j1", "--cloud", "gone", "--cloud", "mycloud", "a.raw", "b.raw"];
    let run = scene.run(&all);
    let lines = run.objects();
    let told = |line: &Value| {
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        (text("source"), text("cloud"), line["verified"] == true)
    };
    let told: Vec<_> = lines[..4].iter().map(told).collect();
    let expected = |source: &str, cloud: &str, verified| (source.into(), cloud.into(), verified);
    assert_eq!(
        told,
        [
            expected("a.raw", "gone", false),
            expected("a.raw", "mycloud", true),
            expected("b.raw", "gone", false),
            expected("b.raw", "mycloud", true),
        ]
    );
    let batch = &lines[4]["batch"];
    assert_eq!((&batch["pushed"], &batch["failed"]), (&2.into(), &2.into()));

    // So they do when no cloud is there, and when nothing could be started.
    let run = scene.run(&["push", "--json", "--cloud", "gone", "a.raw", "b.raw"]);
    assert_eq!(run.code, Some(22), "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 3);
    let run = scene.run(&["push", "--json", "--journal", "a.raw", "a.raw", "b.raw"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 2);
    assert_eq!(run.stderr.matches("error: ").count(), 1);
}

#[test]
fn tuning_recommends_options_that_push_takes() {
    let scene = Scene::start_blocking();
    scene.file("disk.raw", 500_000);
    let run = scene.run(&["tune", "disk.raw", "--max-jobs", "2", "--rounds", "1"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("recommended: "), "{}", run.stderr);
    let options: Vec<&str> = run.stdout.split_whitespace().collect();
    assert_eq!(options[0], "--jobs");
    let pushed = scene.run(&[&["push", "disk.raw"], &options[..]].concat());
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);

    let run = scene.run(&["tune", "disk.raw", "--max-jobs", "1", "--rounds", "1", "--json"]);
    let report = run.json();
    assert!(report["trials"].as_array().unwrap().len() >= 4, "{report}");
    assert!(report["options"].as_str().unwrap().starts_with("--jobs 1"), "{report}");
    let images = scene.run(&["image", "list", "--hidden", "-f", "value", "-c", "Name"]);
    assert_eq!(images.stdout.trim(), "");
    assert_eq!(scene.run(&["tune", "-"]).code, Some(2));
}
