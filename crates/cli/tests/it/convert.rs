//! `imgpush convert`, and `imgpush push --convert`. The oracle is `qemu-img`.

use std::path::Path;
use std::process::Command;

use imgpush_scene::{Run, Scene, sha512};
use imgpush_test_support::left_out;
use serde_json::json;

/// A disk of 6 MiB and 100 sectors: data that cannot be compressed, text, and zeros.
fn disk() -> Vec<u8> {
    let mut state = 1u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    let mut disk: Vec<u8> = noise.take(2 << 20).collect();
    disk.extend(b"the same text again. ".repeat(50_000));
    disk.resize((6 << 20) + 100 * 512, 0);
    disk
}

fn qemu_img(arguments: &[&str], folder: &Path) -> bool {
    let status = Command::new("qemu-img").args(arguments).current_dir(folder).output();
    status.unwrap().status.success()
}

/// A scene with `disk.raw`, and the same disk in other formats by qemu-img; none without that program.
fn scene() -> Option<Scene> {
    if Command::new("qemu-img").arg("--version").output().is_err() {
        left_out("conversions: qemu-img is missing");
        return None;
    }
    let scene = Scene::start_blocking();
    scene.write("disk.raw", disk());
    for (name, options) in [
        ("disk.qcow2", &["-O", "qcow2", "-c"][..]),
        ("disk.vmdk", &["-O", "vmdk", "-o", "subformat=streamOptimized"]),
        ("disk.vhdx", &["-O", "vhdx"]),
        ("disk.vdi", &["-O", "vdi"]),
    ] {
        let arguments = [&["convert"], options, &["disk.raw", name]].concat();
        assert!(qemu_img(&arguments, scene.folder.path()), "{arguments:?}");
    }
    Some(scene)
}

fn convert(scene: &Scene, code: i32, arguments: &[&str]) -> Run {
    let run = scene.run(&[&["convert"], arguments].concat());
    assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
    run
}

fn parts(scene: &Scene) -> usize {
    let entries = std::fs::read_dir(scene.folder.path()).unwrap().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".part")).count()
}

#[test]
fn a_virtual_disk_becomes_a_file_or_a_stream() {
    let Some(scene) = scene() else { return };
    for image in ["disk.qcow2", "disk.vmdk", "disk.vhdx", "disk.vdi", "disk.raw"] {
        convert(&scene, 0, &[image, "out.raw", "--overwrite", "--quiet"]);
        assert!(scene.read("out.raw") == disk(), "{image}");
        let piped = scene.command(&["convert", image, "-", "-O", "raw"]).output().unwrap();
        assert!(piped.status.success() && piped.stdout == disk(), "{image}");
    }
    // From a pipe.
    let image = std::fs::File::open(scene.path("disk.vmdk")).unwrap();
    let mut command = scene.command(&["convert", "-", "piped.raw"]);
    assert_eq!(scene.run_command(command.stdin(image)).code, Some(0));
    assert!(scene.read("piped.raw") == disk());
    assert_eq!(parts(&scene), 0);
}

#[test]
fn a_disk_becomes_the_same_qcow2_in_a_file_and_in_a_stream() {
    let Some(scene) = scene() else { return };
    for (image, options) in [
        ("disk.raw", &[][..]),
        ("disk.vhdx", &["--compress", "zstd"]),
        ("disk.vdi", &["--compress", "none"]),
    ] {
        let run = convert(&scene, 0, &[&[image, "new.qcow2", "--overwrite"], options].concat());
        assert!(run.stderr.contains("new.qcow2: qcow2, "), "{}", run.stderr);
        for check in
            [&["check", "new.qcow2"][..], &["compare", "-F", "raw", "new.qcow2", "disk.raw"]]
        {
            assert!(qemu_img(check, scene.folder.path()), "{image} {check:?}");
        }
        let piped = [&["convert", image, "-", "-O", "qcow2"], options].concat();
        let piped = scene.command(&piped).output().unwrap();
        assert!(piped.status.success() && piped.stdout == scene.read("new.qcow2"), "{image}");
    }
    let run = convert(&scene, 0, &["disk.vmdk", "json.qcow2", "--json"]);
    let report = run.json();
    let size = scene.read("json.qcow2").len();
    let expected = [json!("json.qcow2"), json!("qcow2"), json!(size), json!(disk().len())];
    let keys = ["file", "format", "bytes", "virtual_size"];
    assert_eq!(keys.map(|key| report[key].clone()), expected);
}

#[test]
fn what_cannot_be_converted_leaves_no_file() {
    let Some(scene) = scene() else { return };
    scene.write("precious.raw", "precious");
    let run = convert(&scene, 2, &["disk.qcow2", "precious.raw"]);
    assert!(run.stderr.contains("hint: use another name, or --overwrite"), "{}", run.stderr);
    assert_eq!(scene.read("precious.raw"), b"precious");

    let image = scene.read("disk.qcow2");
    scene.write("cut.qcow2", &image[..image.len() / 2]);
    let backed = ["create", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", "overlay.qcow2"];
    assert!(qemu_img(&backed, scene.folder.path()));
    for (arguments, code, says) in [
        (&["cut.qcow2", "new.raw"][..], 10, "cut.qcow2"),
        (&["overlay.qcow2", "new.raw"], 11, "backing file"),
        (&["disk.qcow2", "new.raw", "-f", "vmdk"], 11, "it is expected as vmdk"),
        (&["missing.qcow2", "new.raw"], 10, "No such file"),
        (&["disk.qcow2", "none/new.raw"], 2, "none/new.raw"),
        (&["disk.qcow2", "new.raw", "--checksum", &"0".repeat(64)], 12, "disk.qcow2"),
        (&["disk.qcow2", "-", "--json"], 2, "cannot both go to the standard output"),
    ] {
        let run = convert(&scene, code, arguments);
        assert!(run.stderr.contains(says), "{arguments:?}: {}", run.stderr);
        assert!(!scene.path("new.raw").exists(), "{arguments:?}");
    }
    // Nothing but a file is replaced.
    std::fs::create_dir(scene.path("folder")).unwrap();
    for place in ["/dev/full", "folder"] {
        let run = convert(&scene, 2, &["disk.qcow2", place, "--overwrite"]);
        assert!(run.stderr.contains("is not a regular file"), "{}", run.stderr);
    }
    // A pipe can be read only once, and a qcow2 needs two passes.
    let image = std::fs::File::open(scene.path("disk.vmdk")).unwrap();
    let mut command = scene.command(&["convert", "-", "-", "-O", "qcow2"]);
    let run = scene.run_command(command.stdin(image));
    assert_eq!((run.code, run.stdout.len()), (Some(2), 0), "{}", run.stderr);
    assert!(run.stderr.contains("it can be read only once"), "{}", run.stderr);
    assert_eq!(parts(&scene), 0);
}

#[test]
fn an_image_is_converted_during_its_upload() {
    let Some(scene) = scene() else { return };
    let push = |arguments: &[&str]| {
        let run = scene.run(&[&["push", "--quiet", "--if-exists", "skip"], arguments].concat());
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
        run.stdout.trim().to_owned()
    };
    for image in ["disk.qcow2", "disk.vmdk", "disk.vhdx"] {
        let name = format!("from {image}");
        let id = push(&["--convert", "raw", "--name", &name, image]);
        let record = scene.record(&id);
        assert_eq!(record["disk_format"], "raw", "{image}");
        assert_eq!(record["size"], disk().len(), "{image}");
        assert_eq!(record["os_hash_value"], sha512(disk()), "{image}");
        // The same disk in any format is the same image.
        let uploads = scene.uploads().len();
        assert_eq!(push(&["--convert", "raw", "--name", &name, "disk.vdi"]), id);
        assert_eq!(scene.uploads().len(), uploads, "{image}");
    }
    let id = push(&["--convert", "qcow2", "disk.vhdx"]);
    assert_eq!(scene.record(&id)["disk_format"], "qcow2");
    let run = scene.run(&["pull", &id, "-o", "pulled.qcow2", "--quiet"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let compare = ["compare", "-F", "raw", "pulled.qcow2", "disk.raw"];
    assert!(qemu_img(&compare, scene.folder.path()));
}

#[test]
fn a_published_checksum_is_that_of_the_source() {
    let Some(scene) = scene() else { return };
    let push = |digest: &str| {
        let checksum = format!("sha512:{digest}");
        scene.run(&["push", "--convert", "raw", "--checksum", &checksum, "disk.qcow2"])
    };
    let run = push(&sha512(scene.read("disk.qcow2")));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let run = push(&sha512(disk()));
    assert_eq!(run.code, Some(12), "{}", run.stderr);
    assert_eq!(scene.block_on(scene.images()).len(), 1);
}
