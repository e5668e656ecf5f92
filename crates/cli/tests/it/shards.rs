//! `--shard`, and `imgpush report merge`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::{Run, Scene, signal, spawn};
use serde_json::Value;

/// Twelve files of different sizes, whose images have other names than content.
fn scene() -> (Scene, Vec<String>) {
    let scene = Scene::start_blocking();
    let names: Vec<_> = (0..12).map(|number| format!("noble-{number}.img")).collect();
    for (number, name) in names.iter().enumerate() {
        scene.file(name, 1000 * (number as u64 + 1));
    }
    (scene, names)
}

/// Runs a command with these arguments for each of three shards.
fn in_shards(scene: &Scene, arguments: &[&str], items: &[String]) -> Vec<Run> {
    let run = |number| {
        let shard = format!("{number}/3");
        let items = items.iter().map(|item| &**item);
        let arguments: Vec<_> =
            arguments.iter().copied().chain(["--shard", &shard]).chain(items).collect();
        scene.run(&arguments)
    };
    (1..=3).map(run).collect()
}

/// The names of the images in the service, in order.
fn images(scene: &Scene) -> Vec<String> {
    let images = scene.block_on(scene.images());
    let mut names: Vec<_> = images.iter().map(|image| image.display_name().to_owned()).collect();
    names.sort_unstable();
    names
}

fn sorted(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_unstable();
    names
}

#[test]
fn shards_push_each_image_once_and_name_their_files() {
    let (scene, names) = scene();
    let arguments = ["push", "--json", "--journal", "night.journal", "--report", "report.html"];
    let runs = in_shards(&scene, &arguments, &names);
    let mut pushed = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let shard = format!("{}/3", number + 1);
        let objects = run.objects();
        assert!(objects.iter().all(|object| object["shard"] == shard), "{}", run.stdout);
        let (end, results) = objects.split_last().unwrap();
        assert_eq!(end["batch"]["pushed"], results.len());
        run.says(&format!("shard {shard}: {} of 12 items\n", results.len()));
        assert!(!results.is_empty() && results.len() < 12, "{} of 12", results.len());
        pushed.extend(results.iter().map(|result| result["source"].as_str().unwrap().to_owned()));
        let file = |name: &str, end: &str| scene.read(format!("{name}.{}-of-3{end}", number + 1));
        let journal = String::from_utf8(file("night", ".journal")).unwrap();
        assert_eq!(journal.matches("\"os_hash_value\"").count(), results.len());
        let page = String::from_utf8(file("report", ".html")).unwrap();
        assert!(page.contains(&format!(", shard {shard}</p>")), "{page}");
    }
    assert_eq!(sorted(pushed), sorted(names.clone()));
    assert_eq!(images(&scene).len(), 12);

    // The same shards again have the same images, in any order.
    let reversed: Vec<_> = names.iter().rev().cloned().collect();
    let again = in_shards(&scene, &arguments[..4], &reversed);
    for run in again {
        let objects = run.objects();
        assert_eq!(objects.last().unwrap()["batch"]["skipped"], objects.len() - 1);
    }
    assert_eq!(images(&scene).len(), 12);
}

#[test]
fn the_largest_files_are_divided_first_by_size() {
    let scene = Scene::start_blocking();
    for (name, bytes) in [("a", 7000), ("b", 5000), ("c", 4000), ("d", 4000), ("e", 2000)] {
        scene.file(name, bytes);
    }
    let files = ["e", "a", "c", "b", "d"].map(str::to_owned);
    let runs = in_shards(&scene, &["digest", "-q", "--shard-by", "size"], &files);
    let names = runs.iter().map(|run| run.stdout.lines().map(|line| &line[line.len() - 1..]));
    let names: Vec<BTreeSet<&str>> = names.map(Iterator::collect).collect();
    assert_eq!(names, [["a"].into(), ["e", "b"].into(), ["c", "d"].into()]);

    let address = "http://127.0.0.1:9/x".to_owned();
    for run in in_shards(&scene, &["push", "--shard-by", "size"], &["a".to_owned(), address]) {
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        run.says("--shard-by size needs the size of each item, and that of http://127.0.0.1:9/x");
    }
    let all = scene.run(&["pull", "--all", "--shard", "1/2", "--shard-by", "size"]);
    assert_eq!(all.code, Some(2));
    all.says("--shard-by size and --all exclude each other");
}

#[test]
fn a_scheduler_sets_the_shard() {
    let (scene, names) = scene();
    let mut found = Vec::new();
    for number in 1..=2 {
        let arguments = ["digest", "-a", "sha256", "--shard", "auto"];
        let names = names.iter().map(|name| &**name);
        let mut command = scene.command(&arguments.into_iter().chain(names).collect::<Vec<_>>());
        command.env("CI_NODE_INDEX", number.to_string()).env("CI_NODE_TOTAL", "2");
        let run = scene.run_command(command);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        found.extend(run.stdout.lines().map(|line| line[66..].to_owned()));
    }
    assert_eq!(sorted(found), sorted(names));

    for (shard, variable, message) in [
        ("auto", None, "hint: give this machine its number, as in --shard 2/8"),
        ("auto", Some("JOB_COMPLETION_INDEX"), "the number of shards, as in --shard auto/8"),
        ("auto/1", Some("JOB_COMPLETION_INDEX"), "to 1: there are 1 shards, and the first is 0"),
        ("auto/0", None, "expected I/N such as 2/8, auto, or auto/N"),
        ("0/3", None, "expected I/N such as 2/8, auto, or auto/N"),
    ] {
        let mut command = scene.command(&["push", "--shard", shard, "noble-0.img"]);
        if let Some(variable) = variable {
            command.env(variable, "1");
        }
        let run = scene.run_command(command);
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        run.says(message);
    }
    assert_eq!(images(&scene), [""; 0]);
}

/// Two images have one name, and each is the only one of its shard.
#[test]
fn files_of_different_shards_never_have_one_name() {
    let scene = Scene::start_blocking();
    let mut ids = Vec::new();
    for number in 0..6_u8 {
        scene.write("noble.img", [number; 3000]);
        let run = scene.run(&["push", "noble.img"]);
        ids.push(run.stdout.trim().to_owned());
    }
    for selection in [&["--all"][..], &[]] {
        let named = if selection.is_empty() { &ids[..] } else { &[] };
        let folder = format!("images{}", named.len());
        let arguments = [&["pull", "-o", &folder], selection].concat();
        let runs = in_shards(&scene, &arguments, named);
        let files: BTreeSet<_> =
            runs.iter().flat_map(|run| run.stdout.lines()).map(str::to_owned).collect();
        assert_eq!(files.len(), 6, "{files:?}");
        let content = |file: &String| scene.read(file)[0];
        assert_eq!(files.iter().map(content).collect::<BTreeSet<_>>().len(), 6);
        // Each shard finds the files of its images again.
        let arguments = [&["verify", "--folder", &folder], selection].concat();
        for run in in_shards(&scene, &arguments, named) {
            assert_eq!(run.code, Some(0), "{}", run.stderr);
        }
    }
}

#[test]
fn a_missing_image_fails_in_one_shard() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 3000);
    assert_eq!(scene.run(&["push", "disk.img"]).code, Some(0));
    let items = ["disk", "missing"].map(str::to_owned);
    for command in ["pull", "verify"] {
        let runs = in_shards(&scene, &[command, "--json"], &items);
        let failed = runs.iter().filter(|run| run.stdout.contains("\"image\":\"missing\""));
        assert_eq!(failed.count(), 1);
        let verified = runs.iter().filter(|run| run.stdout.contains("\"name\":\"disk\""));
        assert_eq!(verified.count(), 1);
        let ends = runs.iter().filter(|run| run.objects().last().unwrap()["batch"].is_object());
        assert_eq!(ends.count(), 3, "a shard without images has an end too");
    }
}

/// Otherwise the second would replace the image of the first, in another run.
#[test]
fn names_are_compared_across_all_shards() {
    let scene = Scene::start_blocking();
    for name in ["disk.raw", "disk.img", "a.img", "b.img"] {
        scene.file(name, 3000);
    }
    let files = ["disk.raw", "a.img", "b.img", "disk.img"].map(str::to_owned);
    for run in in_shards(&scene, &["push", "--if-exists", "replace"], &files) {
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        run.says("would both become the image disk");
    }
}

/// Two machines share the work; one is killed in the middle and its task runs again elsewhere.
#[test]
fn a_killed_shard_that_runs_again_leaves_each_image_once() {
    let (scene, names) = scene();
    let stall = Fault::Stall { after: 500, duration: Duration::from_secs(600) };
    let arguments = |number: u32| {
        let shard = format!("{number}/2");
        let options =
            ["push", "--json=full", "--if-exists", "skip", "--journal", "j", "--jobs", "2"];
        let options = options.into_iter().chain(["--shard", &shard]).map(str::to_owned);
        options.chain(names.iter().cloned()).collect::<Vec<_>>()
    };
    let run = |number| {
        let arguments = arguments(number);
        scene.run(&arguments.iter().map(|argument| &**argument).collect::<Vec<_>>())
    };
    scene.sandbox().inject(Operation::Upload, stall);
    let first = arguments(1);
    let mut killed =
        spawn(scene.command(&first.iter().map(|argument| &**argument).collect::<Vec<_>>()));
    while scene.count("PUT", "/file") < 3 {
        assert!(killed.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(10));
    }
    signal(&killed, "KILL");
    let cut = scene.ended(killed);
    scene.write("1a.json", &cut.stdout);

    let second = run(2);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    scene.write("2.json", &second.stdout);
    let merged = scene.run(&["report", "merge", "1a.json", "2.json"]);
    assert_eq!(merged.code, Some(27), "{}", merged.stderr);
    merged.says("1 of 2 shards are complete\n");

    let again = run(1);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    scene.write("1b.json", &again.stdout);
    let merged = scene.run(&["report", "merge", "1a.json", "2.json", "1b.json"]);
    assert_eq!(merged.code, Some(0), "{}", merged.stderr);
    merged.says("2 of 2 shards are complete\n");
    assert!(merged.stdout.starts_with("12 succeeded ("), "{}", merged.stdout);

    let expected = names.iter().map(|name| name.replace(".img", ""));
    assert_eq!(images(&scene), sorted(expected));
}

#[test]
fn a_merged_report_has_each_item_once_as_json_and_as_a_page() {
    let (scene, names) = scene();
    scene.sandbox().inject(Operation::Upload, Fault::Status { status: 413, after: 1000 });
    let runs = in_shards(&scene, &["push", "--json=full", "--jobs", "1"], &names);
    let mut paths = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        paths.push(format!("{number}.json"));
        scene.write(&paths[number], &run.stdout);
    }
    let merge = |options: &[&str], files: &[String]| {
        let files = files.iter().map(|file| &**file);
        let arguments = ["report", "merge"].into_iter().chain(options.iter().copied());
        scene.run(&arguments.chain(files).collect::<Vec<_>>())
    };
    let run = merge(&["--json", "--html", "all.html"], &paths);
    assert_eq!(run.code, Some(27), "{}", run.stderr);
    run.says("3 of 3 shards are complete\n");
    let objects = run.objects();
    let (totals, results) = objects.split_last().unwrap();
    let by_source = |results: &[Value]| -> BTreeMap<String, Value> {
        let key = |result: &Value| result["source"].as_str().unwrap().to_owned();
        results.iter().map(|result| (key(result), result.clone())).collect()
    };
    let all = runs.iter().flat_map(Run::objects).filter(|object| object.get("batch").is_none());
    assert_eq!(by_source(results), by_source(&all.collect::<Vec<_>>()));
    assert_eq!(results.len(), 12);
    let failed = results.iter().find(|result| result.get("error").is_some()).unwrap();
    let bytes = results.iter().filter_map(|result| result["size"].as_u64()).sum::<u64>();
    let expected = serde_json::json!({
        "reports": 3, "succeeded": 11, "failed": 1, "bytes": bytes,
        "shards": 3, "missing": [], "incomplete": [],
    });
    assert_eq!(totals["merged"], expected);

    let page = String::from_utf8(scene.read("all.html")).unwrap();
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let page = roxmltree::Document::parse_with_options(&page, options).unwrap();
    let cards = page.descendants().filter(|node| node.has_tag_name("article"));
    assert_eq!(cards.count(), 12);
    let text = |class: &str| -> String {
        let node = page.descendants().find(|node| node.attribute("class") == Some(class)).unwrap();
        node.descendants().filter_map(|node| node.text()).collect()
    };
    assert!(text("failed").contains(failed["source"].as_str().unwrap()));
    assert!(text("failed").contains("413") && text("failed").contains("was deleted"));
    assert!(text("soft").ends_with(", 3 of 3 shards"), "{}", text("soft"));

    let existing = merge(&["--html", "all.html"], &paths);
    assert_eq!(existing.code, Some(27));
    existing.says("the report all.html already exists");
    let part = merge(&[], &paths[1..]);
    assert_eq!(part.code, Some(27));
    part.says("2 of 3 shards are complete\n  missing  1\n");
    let none = merge(&[], &["nothing.json".to_owned()]);
    assert_eq!(none.code, Some(10));
    none.says("cannot read the report nothing.json");
    let other = merge(&[], &["noble-0.img".to_owned()]);
    assert_eq!(other.code, Some(10));
    other.says("line 1 of noble-0.img is not a JSON document of imgpush");
}

#[test]
fn a_run_that_failed_for_a_while_has_a_code_of_its_own() {
    let scene = Scene::start_blocking();
    for name in ["a.img", "b.img", "c.img"] {
        scene.file(name, 3000);
    }
    let fail = |status| {
        scene.sandbox().inject(Operation::Upload, Fault::Status { status, after: 3000 });
    };
    let push = |options: &[&str]| {
        let arguments = ["push", "--retries", "0", "--jobs", "1", "a.img", "b.img", "c.img"];
        scene.run(&[&arguments, options].concat()).code
    };
    for (option, code) in [(&[][..], 27), (&["--requeue-exit"], 75), (&["--requeue-exit=85"], 85)] {
        fail(503);
        assert_eq!(push(option), Some(code));
        assert_eq!(push(option), Some(0));
    }
    fail(503);
    fail(413);
    assert_eq!(push(&["--requeue-exit"]), Some(27), "one failure will last");
    let wrong = scene.run(&["push", "--requeue-exit=0", "a.img"]);
    assert_eq!(wrong.code, Some(2));

    // Before the first image too.
    let run = |command: &str| {
        let mut command = scene.command(&[command, "a", "--requeue-exit", "--retries", "0"]);
        command.env("OS_CLOUD", "gone");
        scene.run_command(command)
    };
    scene.add_cloud(
        &scene.cloud_entry("gone", "admin").replace(scene.auth_url(), "http://127.0.0.1:9/v3"),
    );
    for command in ["pull", "verify"] {
        let run = run(command);
        assert_eq!(run.code, Some(75), "{}", run.stderr);
    }
}
