//! `show`, `find`, `create`, `set`, `unset`, `delete`.

use serde_json::json;

use super::{create, image, json};
use imgpush_scene::Scene;

#[test]
fn show_has_the_wires_names_and_typed_properties() {
    let scene = Scene::start_blocking();
    let id = create(
        &scene,
        &[
            "n",
            "--property",
            "hw_cpu_cores=4",
            "--property",
            "hw_boot_menu=yes",
            "--property",
            "my key=it's",
            "--tag",
            "b",
            "--tag",
            "a",
            "--min-disk",
            "3",
        ],
    );
    let shown = json(&scene, &["show", "n"]);
    assert_eq!(shown, json(&scene, &["show", &id]));
    for (key, value) in [
        ("id", json!(id)),
        ("name", json!("n")),
        ("status", json!("queued")),
        ("min_disk", json!(3)),
        ("protected", json!(false)),
        ("visibility", json!("shared")),
        ("tags", json!(["a", "b"])),
        (
            "properties",
            json!({"hw_cpu_cores": 4, "hw_boot_menu": true, "my key": "it's", "os_hidden": false}),
        ),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    for absent in ["size", "checksum", "self", "os_hash_value", "os_hidden"] {
        assert!(shown.get(absent).is_none(), "{absent}: {shown}");
    }

    let run = image(&scene, 0, &["show", "n", "-f", "value", "-c", "protected", "-c", "tags"]);
    assert_eq!(run.stdout, "False\n['a', 'b']\n");
    let run = image(&scene, 0, &["show", "n", "-f", "yaml", "-c", "tags", "-c", "created_at"]);
    assert!(run.stdout.starts_with("created_at: \"20"), "{}", run.stdout);
    assert!(run.stdout.ends_with("tags:\n- a\n- b\n"), "{}", run.stdout);
    let run = image(&scene, 0, &["show", "n"]);
    assert!(run.stdout.contains("\n| min_disk         | 3  "), "{}", run.stdout);
    let properties = "hw_boot_menu='True', hw_cpu_cores='4', my key='it's', os_hidden='False'";
    assert!(run.stdout.contains(properties), "{}", run.stdout);
    let narrow = image(&scene, 0, &["show", "n", "--max-width", "60"]).stdout;
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
    let run = image(&scene, 2, &["show", "n", "-c", "colour"]);
    assert!(run.stderr.contains("unknown column colour; available columns are container_format"));
}

#[test]
fn find_tells_one_from_none_and_from_several() {
    let scene = Scene::start_blocking();
    let one = create(&scene, &["one"]);
    let mut two = [create(&scene, &["two"]), create(&scene, &["two"])];
    two.sort();
    assert_eq!(image(&scene, 0, &["find", "one"]).stdout, format!("{one}\n"));
    assert_eq!(image(&scene, 0, &["find", &one]).stdout, format!("{one}\n"));
    assert_eq!(
        image(&scene, 0, &["find", "--all", "two"]).stdout,
        format!("{}\n{}\n", two[0], two[1])
    );

    for arguments in [&["find", "none"][..], &["find", "--all", "none"], &["show", "none"]] {
        let run = image(&scene, 21, arguments);
        assert_eq!(run.stdout, "");
        assert!(
            run.stderr.starts_with(
                "error: cannot find none\n  Caused by: no image has the name or id none\n\nhint: "
            ),
            "{}",
            run.stderr
        );
    }
    for arguments in
        [&["find", "two"][..], &["show", "two"], &["set", "two", "--hidden"], &["delete", "two"]]
    {
        let run = image(&scene, 21, arguments);
        for id in &two {
            assert!(run.stderr.contains(id), "{arguments:?}: {}", run.stderr);
        }
        assert!(run.stderr.contains("hint: use the id"), "{arguments:?}: {}", run.stderr);
    }
    assert_eq!((scene.count("PATCH", ""), scene.count("DELETE", "")), (0, 0));
}

#[test]
fn a_new_record_has_what_the_flags_say() {
    let scene = Scene::start_blocking();
    let id = "11111111-2222-3333-4444-555555555555";
    let run = image(
        &scene,
        0,
        &[
            "create",
            "n",
            "--id",
            id,
            "--container-format",
            "ovf",
            "--disk-format",
            "vmdk",
            "--min-ram",
            "512",
            "--protected",
            "--private",
            "--hidden",
            "--property",
            "a=b=c",
            "--tag",
            "t",
            "-f",
            "json",
        ],
    );
    let shown = run.json();
    assert_eq!(shown["id"], id);
    let kept = scene.record(id);
    for (key, value) in [
        ("container_format", json!("ovf")),
        ("disk_format", json!("vmdk")),
        ("min_ram", json!(512)),
        ("protected", json!(true)),
        ("visibility", json!("private")),
        ("os_hidden", json!(true)),
        ("a", json!("b=c")),
    ] {
        assert_eq!(kept[key], value, "{key}");
    }

    assert!(image(&scene, 21, &["create", "n", "--id", id]).stderr.contains("409"));
    for (arguments, words) in [
        (&["create", "n", "--id", "x"][..], "must be a UUID"),
        (&["create", "n", "--property", "checksum=0"], "only the server sets checksum"),
        (&["create", "n", "--property", "name=m"], "not a property"),
        (&["create", "n", "--protected", "--unprotected"], "cannot be used with"),
        (&["create"], "required"),
    ] {
        let run = image(&scene, 2, arguments);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn create_with_a_file_is_a_push() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 3 << 20);
    let run = image(&scene, 0, &["create", "n", "--file", "disk.img", "--tag", "t", "-f", "json"]);
    let shown = run.json();
    assert_eq!((&shown["status"], &shown["size"]), (&json!("active"), &json!(3 << 20)));
    assert_eq!(shown["disk_format"], "raw");
    assert_eq!(shown["tags"], json!(["t"]));

    scene.write("packed.img", b"PK\x03\x04packed");
    let run = image(&scene, 11, &["create", "n", "--file", "packed.img"]);
    assert!(run.stderr.contains("the data is zip, for which"), "{}", run.stderr);
    image(&scene, 10, &["create", "n", "--file", "none.img"]);
}

#[test]
fn set_sends_what_differs_and_nothing_else() {
    let scene = Scene::start_blocking();
    let id = create(&scene, &["n", "--property", "a=b", "--tag", "x", "--min-disk", "3"]);
    let run = image(
        &scene,
        0,
        &[
            "set",
            "n",
            "--name",
            "m",
            "--min-ram",
            "5",
            "--protected",
            "--private",
            "--hidden",
            "--property",
            "a=c",
            "--property",
            "d=e",
            "--tag",
            "y",
            "--os-distro",
            "debian",
            "--architecture",
            "x86_64",
            "--disk-format",
            "qcow2",
        ],
    );
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    assert_eq!(scene.count("PATCH", ""), 1);
    let kept = scene.record(&id);
    for (key, value) in [
        ("name", json!("m")),
        ("min_disk", json!(3)),
        ("min_ram", json!(5)),
        ("protected", json!(true)),
        ("visibility", json!("private")),
        ("os_hidden", json!(true)),
        ("a", json!("c")),
        ("d", json!("e")),
        ("tags", json!(["x", "y"])),
        ("os_distro", json!("debian")),
        ("architecture", json!("x86_64")),
        ("disk_format", json!("qcow2")),
    ] {
        assert_eq!(kept[key], value, "{key}");
    }

    image(&scene, 0, &["set", "m", "--name", "m", "--tag", "y", "--property", "a=c", "--hidden"]);
    image(&scene, 0, &["set", "m"]);
    assert_eq!(scene.count("PATCH", ""), 1, "nothing differs");

    for (arguments, words) in [
        (&["set", "m", "--property", "os_hidden=maybe"][..], "must be true or false"),
        (&["set", "m", "--property", "os_glance_x=1"], "only the server sets os_glance_x"),
        (&["set", "m", "--activate", "--deactivate"], "cannot be used with"),
        (&["set", "m", "--accept", "--reject"], "cannot be used with"),
        (&["set", "m", "--min-ram", "much"], "expected a whole number"),
    ] {
        let run = image(&scene, 2, arguments);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
    }
    assert_eq!(scene.count("PATCH", ""), 1);
}

#[test]
fn unset_removes_what_is_there_and_tells_the_rest() {
    let scene = Scene::start_blocking();
    let id = create(
        &scene,
        &["n", "--property", "a=b", "--property", "os_distro=debian", "--tag", "x", "--tag", "y"],
    );
    image(&scene, 0, &["unset", "n", "--tag", "x", "--property", "os_distro"]);
    assert_eq!(scene.count("PATCH", ""), 1);
    let kept = scene.record(&id);
    assert_eq!((&kept["tags"], kept.get("os_distro")), (&json!(["y"]), None));

    let run = image(&scene, 21, &["unset", "n", "--tag", "x", "--tag", "y", "--property", "no"]);
    assert_eq!(run.stderr, "error: n has no tag x and no property no\n");
    assert_eq!(scene.record(&id)["tags"], json!([]));
    image(&scene, 2, &["unset", "n", "--property", "name"]);
    assert_eq!(scene.count("PATCH", ""), 2);
}

#[test]
fn of_several_that_shall_go_the_rest_goes() {
    let scene = Scene::start_blocking();
    let a = create(&scene, &["a"]);
    create(&scene, &["b", "--protected"]);
    create(&scene, &["c"]);
    let run = image(&scene, 21, &["delete", &a, "nowhere", "b", "c"]);
    assert!(run.stderr.contains("no image has the name or id nowhere"), "{}", run.stderr);
    assert!(run.stderr.contains("cannot delete b"), "{}", run.stderr);
    assert!(run.stderr.contains("--unprotected"), "{}", run.stderr);
    assert!(run.stderr.ends_with("2 of 4 images could not be deleted\n"), "{}", run.stderr);
    assert_eq!(image(&scene, 0, &["list", "-f", "value", "-c", "Name"]).stdout, "b\n");
    let run = image(&scene, 0, &["delete", "nowhere", "--ignore-missing"]);
    assert_eq!(run.stderr, "");
    image(&scene, 20, &["delete", "b"]);
    image(&scene, 2, &["delete"]);
}

#[test]
fn what_the_service_says_cannot_steer_the_terminal() {
    let scene = Scene::start_blocking();
    create(&scene, &["n", "--property", "a=\u{1b}[31mred\u{9b}0m\nline"]);
    for format in ["table", "json", "yaml"] {
        let run = image(&scene, 0, &["show", "n", "-f", format]);
        assert!(!run.stdout.chars().any(|c| c.is_control() && c != '\n'), "{:?}", run.stdout);
    }
    let run = image(&scene, 21, &["show", "\u{1b}[31m"]);
    assert!(!run.stderr.contains('\u{1b}'), "{:?}", run.stderr);
}

#[test]
fn every_verb_has_help_with_an_example() {
    let scene = Scene::start_blocking();
    let help = image(&scene, 0, &["--help"]).stdout;
    let verbs =
        ["list", "show", "find", "create", "set", "unset", "delete", "save", "stage", "import"];
    for verb in verbs {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb}: {help}");
        let help = image(&scene, 0, &[verb, "--help"]).stdout;
        let example = format!("imgpush image {verb}");
        assert!(help.contains("Example") && help.contains(&example), "{verb}: {help}");
    }
}

#[test]
fn keys_of_properties_are_case_sensitive() {
    let scene = Scene::start_blocking();
    let pairs = ["os_distro=a", "OS_DISTRO=b", "Name=c", "Owner=d", "needs_secure_boot=required"];
    let options: Vec<&str> = pairs.iter().flat_map(|pair| ["--property", pair]).collect();
    create(&scene, &[&["n"], &options[..]].concat());
    let properties = |name: &str| json(&scene, &["show", name])["properties"].clone();
    assert_eq!(
        properties("n"),
        json!({"os_distro": "a", "OS_DISTRO": "b", "Name": "c", "Owner": "d", "os_hidden": false,
            "os_secure_boot": "required"})
    );
    assert_eq!(
        image(&scene, 0, &["list", "--property", "OS_DISTRO=b", "-f", "value"])
            .stdout
            .lines()
            .count(),
        1
    );
    assert_eq!(image(&scene, 0, &["list", "--property", "OS_DISTRO=a", "-f", "value"]).stdout, "");

    let keys = ["OS_DISTRO", "Name", "Owner", "needs_secure_boot"];
    let options: Vec<&str> = keys.iter().flat_map(|key| ["--property", key]).collect();
    image(&scene, 0, &[&["unset", "n"], &options[..]].concat());
    assert_eq!(properties("n"), json!({"os_distro": "a", "os_hidden": false}));
    let run = image(&scene, 2, &["unset", "n", "--property", "is_hidden"]);
    assert!(
        run.stderr.contains("is_hidden cannot be removed: every image has it"),
        "{}",
        run.stderr
    );
}

#[test]
fn properties_with_the_names_of_attributes_set_them() {
    let scene = Scene::start_blocking();
    scene.file("d.raw", 4096);
    create(&scene, &["record", "--property", "is_hidden=true", "--property", "min_disk=3"]);
    create(&scene, &["data", "--file", "d.raw", "--property", "is_hidden=true"]);
    create(&scene, &["changed"]);
    image(
        &scene,
        0,
        &["set", "changed", "--property", "is_hidden=True", "--property", "min_ram=5"],
    );
    let run = image(&scene, 0, &["list", "--hidden", "-f", "value", "-c", "Name"]);
    assert_eq!(run.stdout, "changed\ndata\nrecord\n");
    assert_eq!(json(&scene, &["show", "record"])["min_disk"], json!(3));
    assert_eq!(json(&scene, &["show", "changed"])["min_ram"], json!(5));

    let run = image(&scene, 2, &["set", "changed", "--property", "is_hidden=perhaps"]);
    assert!(run.stderr.contains("is_hidden must be true or false"), "{}", run.stderr);
    let run = scene.run(&["push", "d.raw", "--property", "disk_format=raw"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("not a property"), "{}", run.stderr);
}

#[test]
fn set_and_create_take_the_visibility_by_name() {
    let scene = Scene::start_blocking();
    create(&scene, &["n", "--visibility", "private"]);
    assert_eq!(json(&scene, &["show", "n"])["visibility"], json!("private"));
    image(&scene, 0, &["set", "n", "--visibility", "community"]);
    assert_eq!(json(&scene, &["show", "n"])["visibility"], json!("community"));
    image(&scene, 2, &["set", "n", "--visibility", "public", "--private"]);
}

#[test]
fn a_created_image_can_be_imported() {
    let scene = Scene::start_blocking();
    scene.file("d.raw", 4096);
    create(&scene, &["n", "--import", "--progress", "--file", "d.raw"]);
    assert_eq!(json(&scene, &["show", "n"])["status"], json!("active"));
    assert_eq!((scene.count("PUT", "/stage"), scene.count("PUT", "/file")), (1, 0));
}

#[test]
fn show_prints_assignments_for_a_shell() {
    let scene = Scene::start_blocking();
    create(&scene, &["it's \"$(x)\""]);
    let show =
        ["show", "it's \"$(x)\"", "-f", "shell", "--prefix", "i_", "-c", "name", "-c", "min_disk"];
    let run = image(&scene, 0, &show);
    assert_eq!(run.stdout, "i_min_disk=\"0\"\ni_name=\"it's \\\"\\$(x)\\\"\"\n");
}
