//! `imgpush pull --convert`.

use imgpush_sandbox::SandboxOptions;
use imgpush_scene::{Run, Scene};
use serde_json::json;

use super::{convert, disk, parts, qemu_img, scene_with};

/// A scene with the disk in images of several formats, in a store without random reads.
fn images() -> Option<Scene> {
    let store = |options: SandboxOptions| {
        options.with_stores(["ceph"]).with_sequential_stores(["ceph"]).with_any_format()
    };
    let scene = scene_with(Scene::builder().sandbox(store))?;
    for format in ["qcow2", "vmdk", "vhdx", "vdi", "raw"] {
        let file = format!("disk.{format}");
        let run = scene.run(&["push", "--quiet", "--name", &format!("of {format}"), &file]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
    Some(scene)
}

fn pull(scene: &Scene, code: i32, arguments: &[&str]) -> Run {
    let run = scene.run(&[&["pull"], arguments].concat());
    assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
    run
}

#[test]
fn images_of_all_formats_are_converted_while_they_arrive() {
    let Some(scene) = images() else { return };
    let before = scene.count("GET", "/file");
    let run = pull(&scene, 0, &["--all", "--convert", "raw", "-o", "raw"]);
    assert_eq!(scene.count("GET", "/file") - before, 5, "each image is read once");
    assert_eq!(run.stdout.lines().count(), 5);
    assert!(run.stderr.contains("\n5 pulled, 0 unchanged, 0 failed: "), "{}", run.stderr);
    for format in ["qcow2", "vmdk", "vhdx", "vdi", "raw"] {
        assert!(scene.read(format!("raw/of {format}.raw")) == disk(), "{format}");
    }
    convert(&scene, 0, &["disk.raw", "expected.qcow2"]);
    let expected = scene.read("expected.qcow2");
    for format in ["qcow2", "vmdk", "vhdx", "vdi", "raw"] {
        let name = format!("of {format}");
        let run = pull(&scene, 0, &[&name, "--convert", "qcow2", "-o", "out.qcow2", "--overwrite"]);
        assert!(run.stderr.contains("\n  converted to qcow2, "), "{}", run.stderr);
        assert!(run.stderr.contains("\n  verified  by os_hash_value, checksum"), "{}", run.stderr);
        assert!(scene.read("out.qcow2") == expected, "{format}");
    }
    let compare = ["compare", "-F", "raw", "out.qcow2", "disk.raw"];
    assert!(qemu_img(&compare, scene.folder.path()));
    assert_eq!(parts(&scene), 0);

    let run = pull(&scene, 0, &["of vmdk", "--convert", "raw", "--json"]);
    let report = &run.objects()[0];
    let size = scene.read("disk.vmdk").len();
    assert_eq!((&report["path"], &report["size"]), (&json!("of vmdk.raw"), &json!(size)));
    assert_eq!((&report["verified"], &report["resumed_from"]), (&json!(true), &json!(0)));
    let file = json!({"format": "raw", "bytes": disk().len(), "virtual_size": disk().len()});
    assert_eq!(report["converted"], file);
}

#[test]
fn a_file_that_exists_is_replaced_only_on_request() {
    let Some(scene) = images() else { return };
    let before = scene.count("GET", "/file");
    scene.write("disk", "precious");
    let run = pull(&scene, 2, &["of vmdk", "--convert", "raw", "-o", "disk"]);
    let says = "disk exists, and a converted file cannot be compared with the image";
    assert!(run.stderr.contains(says), "{}", run.stderr);
    assert!(run.stderr.contains("hint: --overwrite replaces the file"), "{}", run.stderr);
    assert_eq!((scene.count("GET", "/file"), scene.read("disk")), (before, b"precious".to_vec()));
    let run = pull(&scene, 0, &["of vmdk", "--convert", "raw", "-o", "disk", "--overwrite"]);
    let says = "\n  converted to raw, 6.05 MiB, virtual size 6.05 MiB\n";
    assert!(run.stderr.contains(says), "{}", run.stderr);
    assert!(scene.read("disk") == disk());

    for (arguments, says) in [
        (&["of vmdk", "--convert", "raw", "-o", "-"][..], "| imgpush convert"),
        (&["of vmdk", "--convert", "raw", "--sparse", "never"], "zeros become holes"),
    ] {
        let run = pull(&scene, 2, arguments);
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
    // The pipe that the error names.
    let script = "set -o pipefail; \"$0\" pull 'of qcow2' -o - -q | \"$0\" convert - - -O raw -q | cmp - disk.raw";
    let program = scene.command(&[]);
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", script]).arg(program.get_program());
    shell.env("HOME", scene.folder.path()).current_dir(scene.folder.path());
    let run = Run::of(shell.output().unwrap());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn data_that_is_wrong_becomes_no_file() {
    let Some(scene) = images() else { return };
    // A bit in the store turns over: in data of the raw image, which nothing but its digest shows.
    let stored = |size: usize| {
        let files = std::fs::read_dir(scene.path("images")).unwrap();
        let mut files = files.map(|entry| entry.unwrap().path());
        files.find(|path| path.metadata().is_ok_and(|found| found.len() == size as u64)).unwrap()
    };
    let data = stored(disk().len());
    let mut bytes = std::fs::read(&data).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&data, bytes).unwrap();
    for to in ["raw", "qcow2"] {
        let run = pull(&scene, 23, &["of raw", "--convert", to, "-o", "disk"]);
        assert!(run.stderr.contains("os_hash_value"), "{}", run.stderr);
        assert!(!scene.path("disk").exists() && parts(&scene) == 0, "{to}");
    }
    // Data of another format than that of the record.
    let id = scene.run(&[
        "push",
        "-q",
        "--name",
        "not",
        "--force-format",
        "--disk-format",
        "vdi",
        "disk.vhdx",
    ]);
    assert_eq!(id.code, Some(0), "{}", id.stderr);
    let run = pull(&scene, 11, &["not", "--convert", "raw"]);
    assert!(run.stderr.contains("expected as vdi, but detected as vhdx"), "{}", run.stderr);
    // One failure stops no other.
    let run = pull(&scene, 27, &["not", "of vmdk", "--convert", "raw", "-o", "f"]);
    assert_eq!(run.stdout, "f/of vmdk.raw\n");
    assert_eq!(std::fs::read_dir(scene.path("f")).unwrap().count(), 1);
}
