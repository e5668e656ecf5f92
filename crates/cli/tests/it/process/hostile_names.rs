//! Names that steer a terminal, turn text around, begin formulas, or are made to collide.

use serde_json::Value;

use imgpush_scene::{Run, Scene};

/// A name with an escape sequence, one of C1, and a character that turns text around.
const NAME: &str = "=a\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}gpj.exe\u{2066}\u{200f}\u{2028}\u{61c}";

fn create(scene: &Scene, name: &str) -> String {
    let run = scene.run(&["image", "create", name, "-f", "value", "-c", "id"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout.trim().to_owned()
}

/// Nothing that was printed steers a terminal.
fn assert_plain(run: &Run) {
    let is_steering = |c: char| {
        (c.is_control() && c != '\n')
            || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}".contains(c)
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains(is_steering), "{text:?}");
    }
}

#[test]
fn no_output_steers_a_terminal_and_json_keeps_the_name() {
    let scene = Scene::start_blocking();
    let id = create(&scene, NAME);
    for format in ["table", "csv", "value", "yaml", "json"] {
        let list = scene.run(&["image", "list", "-f", format]);
        let show =
            scene.run(&["image", "show", &id, "-f", format.replace("csv", "table").as_str()]);
        for run in [&list, &show] {
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            assert_plain(run);
        }
        match format {
            "json" => {
                let list: Value = serde_json::from_str(&list.stdout).unwrap();
                assert_eq!(list[0]["Name"], NAME);
                let show: Value = serde_json::from_str(&show.stdout).unwrap();
                assert_eq!(show["name"], NAME);
            }
            "csv" => assert!(list.stdout.contains(",\"'=a\\u{1b}]"), "{}", list.stdout),
            _ => {}
        }
    }
    // Messages, and lines of JSON.
    for arguments in [
        &["pull", NAME][..],
        &["pull", NAME, "--json"],
        &["verify", NAME],
        &["verify", NAME, "--json", "--progress", "json"],
        &["image", "save", NAME, "--file", "x"],
        &["image", "show", "gone\u{202e}\u{1b}c"],
        &["digest", "gone\u{202e}\u{1b}c"],
        &["digest", "gone\u{202e}\u{1b}c", "--json"],
        &["inspect", "gone\u{202e}\u{1b}c", "--json"],
        &["push", "gone\u{202e}\u{1b}c", "--json", "--progress", "json"],
        &["-vvv", "image", "show", NAME],
    ] {
        let run = scene.run(arguments);
        assert_plain(&run);
        if arguments.contains(&"--json") {
            let line = run.stdout.lines().next().unwrap();
            let object: Value = serde_json::from_str(line).unwrap();
            let names = [&object["image"], &object["file"], &object["source"]];
            let is_kept =
                |name: &&Value| name.as_str().is_some_and(|text| text.contains('\u{202e}'));
            assert!(names.iter().any(is_kept), "{arguments:?}: {line}");
        }
    }
}

#[test]
fn a_list_of_digests_keeps_the_names_of_files() {
    let scene = Scene::start_blocking();
    let name = "a\u{202e}b\u{1b}c";
    scene.file(name, 100);
    let run = scene.run(&["digest", name]);
    assert!(run.stdout.ends_with(&format!("  {name}\n")), "{:?}", run.stdout);
    std::fs::write(scene.folder.path().join("SUMS"), run.stdout).unwrap();
    let run = scene.run(&["digest", "--check", "SUMS"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stdout, "a\\u{202e}b\\u{1b}c: OK\n");
}

#[test]
fn a_home_that_is_missing_is_not_made() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 1000);
    scene.run(&["push", "--quiet", "--name", "disk", "disk.img"]);
    let home = scene.folder.path().join("home/me");
    for folder in [home.join("images/"), home.clone()] {
        let mut command = scene.command(&["pull", "--all", "-o"]);
        command.arg(&folder).env("HOME", &home);
        let run = Run::of(command.output().unwrap());
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains("does not exist"), "{}", run.stderr);
        assert!(!scene.folder.path().join("home").exists());
    }
    // Elsewhere, and without an output folder, it does no harm.
    for arguments in
        [&["pull", "disk", "-o", "made/of/many/"][..], &["pull", "disk"], &["image", "list"]]
    {
        let mut command = scene.command(arguments);
        let run = Run::of(command.env("HOME", &home).output().unwrap());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
    assert!(!scene.folder.path().join("home").exists());
}
