//! `list`, and the formats of lists.

use serde_json::json;

use super::{create, image, json};
use imgpush_scene::Scene;

#[test]
fn a_list_is_the_same_in_every_format() {
    let scene = Scene::start_blocking();
    let b = create(&scene, &["b \"quoted\"", "--tag", "y", "--tag", "x"]);
    scene.file("disk.img", 5000);
    let a = create(&scene, &["a", "--file", "disk.img"]);

    let run = image(&scene, 0, &["list"]);
    let line = "+--------------------------------------+------------+--------+";
    let expected = format!(
        "{line}\n| ID                                   | Name       | Status |\n{line}\n\
         | {a} | a          | active |\n| {b} | b \"quoted\" | queued |\n{line}\n"
    );
    assert_eq!(run.stdout, expected);

    let rows = json!([
        {"ID": a, "Name": "a", "Status": "active"},
        {"ID": b, "Name": "b \"quoted\"", "Status": "queued"},
    ]);
    assert_eq!(json(&scene, &["list"]), rows);
    let run = image(&scene, 0, &["list", "-f", "json", "--noindent"]);
    assert_eq!(run.json(), rows);
    assert!(run.stdout.starts_with("[\n{\"ID\": \""), "{}", run.stdout);

    let run = image(&scene, 0, &["list", "-f", "value", "-c", "name", "-c", "Status"]);
    assert_eq!(run.stdout, "a active\nb \"quoted\" queued\n");
    let run = image(
        &scene,
        0,
        &["list", "--long", "-f", "csv", "-c", "Name", "-c", "size", "-c", "tags"],
    );
    assert_eq!(
        run.stdout,
        "\"Name\",\"Size\",\"Tags\"\n\"a\",5000,\"[]\"\n\"b \"\"quoted\"\"\",\"\",\"['x', 'y']\"\n"
    );
    let run = image(
        &scene,
        0,
        &["list", "--long", "-f", "yaml", "-c", "name", "-c", "tags", "-c", "size"],
    );
    assert_eq!(
        run.stdout,
        "- Name: a\n  Size: 5000\n  Tags: []\n- Name: \"b \\\"quoted\\\"\"\n  Size: null\n  Tags:\n  - x\n  - \"y\"\n"
    );

    let long = json(&scene, &["list", "--long"]);
    assert_eq!(
        long[1],
        json!({
            "ID": b, "Name": "b \"quoted\"", "Disk Format": "raw", "Container Format": "bare",
            "Size": null, "Checksum": null, "Status": "queued", "Visibility": "shared",
            "Protected": false, "Project": long[0]["Project"], "Hash Algorithm": null,
            "Hash Value": null, "Tags": ["x", "y"],
        })
    );
    assert_eq!(long[0]["Hash Value"].as_str().unwrap().len(), 128);
}

#[test]
fn nothing_to_list_is_nothing() {
    let scene = Scene::start_blocking();
    for (format, nothing) in [
        ("table", ""),
        ("json", "[]\n"),
        ("yaml", "[]\n"),
        ("value", ""),
        ("csv", "\"ID\",\"Name\",\"Status\"\n"),
    ] {
        assert_eq!(image(&scene, 0, &["list", "-f", format]).stdout, nothing, "{format}");
    }
}

#[test]
fn filters_order_and_limits_are_the_services() {
    let scene = Scene::start_blocking();
    let mut ids = Vec::new();
    for name in ["c", "a", "e", "b", "d"] {
        ids.push(create(&scene, &[name, "--property", &format!("letter={name}")]));
    }
    create(&scene, &["f", "--hidden", "--disk-format", "qcow2", "--tag", "t"]);
    let names = |arguments: &[&str]| {
        let arguments = [&["list", "-f", "value", "-c", "Name"], arguments].concat();
        image(&scene, 0, &arguments).stdout.replace('\n', "")
    };
    assert_eq!(names(&[]), "abcde");
    assert_eq!(names(&["--page-size", "2"]), "abcde");
    assert_eq!(names(&["--sort", "name:desc"]), "edcba");
    assert_eq!(names(&["--sort", "created_at:asc"]), "caebd");
    assert_eq!(names(&["--sort", "owner,name:desc"]), "edcba", "sorted here");
    assert_eq!(names(&["--limit", "2"]), "ab");
    assert_eq!(names(&["--limit", "0"]), "");
    assert_eq!(names(&["--sort", "owner,name:desc", "--limit", "2"]), "ed");
    assert_eq!(names(&["--marker", "b"]), "cde");
    assert_eq!(names(&["--marker", &ids[2], "--sort", "name:desc"]), "dcba");
    assert_eq!(names(&["--property", "letter=d"]), "d");
    assert_eq!(names(&["--name", "e"]), "e");
    assert_eq!(names(&["--status", "active"]), "");
    assert_eq!(names(&["--hidden"]), "f");
    assert_eq!(names(&["--hidden", "--tag", "t", "--disk-format", "qcow2"]), "f");
    assert_eq!(names(&["--filter", "name=in:a,d"]), "ad");
    assert_eq!(names(&["--created", "gte:2100-01-01T00:00:00Z"]), "");
    assert_eq!(names(&["--shared"]), "abcde");
    assert_eq!(names(&["--private"]), "");
    for name in ["a", "c", "e"] {
        image(&scene, 0, &["set", name, "--tag", "one", "--tag", "two"]);
    }
    image(&scene, 0, &["tag", "add", "d", "two"]);
    for tags in [["one", "two"], ["two", "one"]] {
        let tags = ["--tag", tags[0], "--tag", tags[1], "--page-size", "1"];
        assert_eq!(names(&tags), "ace", "over pages");
        assert_eq!(names(&[&tags[..], &["--limit", "2"]].concat()), "ac");
    }
    // The service's filters, so that nothing else travels.
    let before = scene.count("GET", "");
    names(&["--property", "letter=d"]);
    assert_eq!(scene.count("GET", ""), before + 1);

    let none = "no image has the name or id nowhere";
    assert!(image(&scene, 21, &["list", "--marker", "nowhere"]).stderr.contains(none));
}

#[test]
fn flags_that_make_no_sense_end_with_2() {
    let scene = Scene::start_blocking();
    for (arguments, words) in [
        (&["list", "--public", "--private"][..], "cannot be used with"),
        (&["list", "--sort", "name:up"], "asc or desc"),
        (
            &["list", "-c", "Colour"],
            "unknown column Colour; available columns are ID, Name, Status",
        ),
        (&["list", "-f", "xml"], "possible values: table, json, yaml, value, csv"),
        (&["show", "x", "-f", "csv"], "possible values: table, json, yaml, value"),
        (&["list", "--property", "letter"], "expected KEY=VALUE"),
        (&["list", "--member-status", "maybe"], "possible values"),
        (&["list", "--page-size", "0"], "expected a number of at least 1"),
    ] {
        let run = image(&scene, 2, arguments);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    assert_eq!(scene.count("GET", ""), 0);
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_ends_the_list() {
    let scene = Scene::start_blocking();
    for name in ["a", "b", "c", "d"] {
        create(&scene, &[name]);
    }
    let before = scene.count("GET", "");
    let program = env!("CARGO_BIN_EXE_imgpush");
    let script =
        format!("{program} image list -f value --page-size 1 | true; echo ${{PIPESTATUS[0]}}");
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(scene.folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0");
    assert!(scene.count("GET", "") - before <= 3, "it went on asking");
}

#[test]
fn rows_are_sorted_by_columns() {
    let scene = Scene::start_blocking();
    scene.file("small.img", 600);
    scene.file("large.img", 5000);
    create(&scene, &["b", "--file", "small.img"]);
    create(&scene, &["a", "--file", "large.img"]);
    create(&scene, &["c"]);
    let names = |options: &[&str]| {
        let list = ["list", "--long", "-f", "value", "-c", "Name"];
        image(&scene, 0, &[&list, options].concat()).stdout.replace('\n', " ")
    };
    // As in openstackclient, null is larger than every value, and unknown columns are ignored.
    assert_eq!(names(&["--sort-column", "Size"]), "b a c ");
    assert_eq!(names(&["--sort-column", "size", "--sort-descending"]), "c a b ");
    assert_eq!(names(&["--sort-column", "Disk Format", "--sort-column", "NAME"]), "a b c ");
    assert_eq!(names(&["--sort-column", "nothing", "--sort", "name:desc"]), "c b a ");
    let table = image(&scene, 0, &["list", "--sort-column", "Name", "--sort-descending"]).stdout;
    let place = |name: &str| table.find(&format!("| {name} ")).unwrap();
    assert!(place("c") < place("b") && place("b") < place("a"), "{table}");
}

#[test]
fn an_empty_table_has_a_header_if_wanted() {
    let scene = Scene::start_blocking();
    assert_eq!(image(&scene, 0, &["list"]).stdout, "");
    let run = image(&scene, 0, &["list", "--print-empty"]);
    let line = "+----+------+--------+";
    assert_eq!(run.stdout, format!("{line}\n| ID | Name | Status |\n{line}\n{line}\n"));
}

#[test]
fn quotes_of_csv_are_chosen() {
    let scene = Scene::start_blocking();
    create(&scene, &["a,b", "--min-disk", "3"]);
    let list = |quote: &str| {
        let columns = ["-c", "Name", "-c", "Protected"];
        image(
            &scene,
            0,
            &[&["list", "--long", "-f", "csv", "--quote", quote], &columns[..]].concat(),
        )
        .stdout
    };
    assert_eq!(list("all"), "\"Name\",\"Protected\"\n\"a,b\",\"False\"\n");
    assert_eq!(list("minimal"), "Name,Protected\n\"a,b\",False\n");
    assert_eq!(list("none"), "Name,Protected\na\\,b,False\n");
}
