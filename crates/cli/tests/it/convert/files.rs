//! `imgpush convert`.

use serde_json::json;

use super::{convert, disk, parts, qemu_img, scene};

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
