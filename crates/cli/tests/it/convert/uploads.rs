//! `--convert` of `imgpush push` and `imgpush image stage`.

use imgpush_sandbox::{Quota, USER};
use imgpush_scene::{Scene, sha512};

use super::{convert, disk, parts, piped, qemu_img, scene, scene_with};

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

#[test]
fn the_disk_of_an_image_is_staged() {
    let Some(scene) = scene() else { return };
    let image = |code: i32, arguments: &[&str]| {
        let run = scene.run(&[&["image"], arguments].concat());
        assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
        run
    };
    for format in ["raw", "qcow2"] {
        let new = ["create", format, "--disk-format", format, "-f", "value", "-c", "id"];
        let id = image(0, &new).stdout.trim().to_owned();
        let other = if format == "raw" { "qcow2" } else { "raw" };
        let stage = |to| ["stage", format, "--file", "disk.vhdx", "--convert", to];
        let run = image(11, &stage(other));
        assert!(run.stderr.contains("hint: `imgpush image set --disk-format"), "{}", run.stderr);
        let run = image(0, &[&stage(format)[..], &["--json"]].concat());
        let report = run.json();
        image(0, &["import", format, "--wait"]);
        let record = scene.record(&id);
        assert_eq!((&record["status"], &record["size"]), (&"active".into(), &report["size"]));
        assert_eq!(record["os_hash_value"], report["digests"]["sha512"], "{format}");
    }
    let run = scene.run(&["verify", "raw", "--file", "disk.raw"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let run = scene.run(&["pull", "qcow2", "--quiet"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let compare = ["compare", "-F", "raw", "qcow2.qcow2", "disk.raw"];
    assert!(qemu_img(&compare, scene.folder.path()));
    let run = image(2, &["stage", "raw", "--convert", "raw", "--size", "7"]);
    assert!(run.stderr.contains("cannot be used with"), "{}", run.stderr);
}

#[test]
fn limits_apply_to_the_result() {
    // The disk has 6 MiB and 100 sectors, its qcow2 less than 3 MiB.
    let quota = Quota::default().with_image_size_total(5);
    let builder = Scene::builder().sandbox(|options| options.with_quota(quota));
    let Some(scene) = scene_with(builder) else { return };
    let refused = |code: i32, arguments: &[&str], says: &str| {
        let before = scene.writes();
        let run = scene.run(&[&["push", "--name", "n"], arguments].concat());
        assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{arguments:?}: {}", run.stderr);
        assert_eq!(scene.writes(), before, "{arguments:?}: nothing is created");
    };
    refused(21, &["--convert", "raw", "disk.qcow2"], "needed for this image 6");
    refused(21, &["disk.raw"], "needed for this image 6");
    refused(10, &["--convert", "raw", "--max-size", "6M", "disk.qcow2"], "6342656 bytes");
    refused(10, &["--convert", "qcow2", "--max-size", "1M", "disk.raw"], "the limit of 1048576");
    let fits = ["push", "-q", "--convert", "qcow2", "--max-size", "6M", "disk.raw"];
    let run = scene.run(&fits);
    assert_eq!(run.code, Some(0), "{}", run.stderr);

    for (output, size) in [("new.raw", "6M"), ("new.qcow2", "1M")] {
        convert(&scene, 10, &["disk.vmdk", output, "--max-size", size]);
        assert!(!scene.path(output).exists() && parts(&scene) == 0, "{output}");
    }
}

#[test]
fn each_cloud_gets_the_image_in_its_own_format() {
    let Some(scene) = scene() else { return };
    let other = Scene::start_blocking();
    scene.add_cloud(&other.cloud_entry("other", USER));
    let both = ["--cloud", "mycloud", "--cloud", "other"];
    let push = |code: i32, arguments: &[&str]| {
        let run = scene.run(&[&["push"], &both[..], arguments].concat());
        assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
        run
    };
    let stored = |scene: &Scene, name: &str| {
        let images = scene.block_on(scene.images());
        let image = images.into_iter().find(|image| image.name() == Some(name)).unwrap();
        let hash = image.hash_value().unwrap().to_owned();
        (image.disk_format().unwrap().to_owned(), hash)
    };
    let raw = ("raw".to_owned(), sha512(disk()));
    let unchanged = |file: &str| ("qcow2".to_owned(), sha512(scene.read(file)));

    // One of the two keeps the format of the file. Both have a line.
    scene.write("second.qcow2", scene.read("disk.qcow2"));
    let run = push(0, &["--convert", "mycloud=raw", "disk.qcow2", "second.qcow2"]);
    let mut lines: Vec<_> =
        run.stdout.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    lines.sort_unstable();
    let expected = ["disk.qcow2", "second.qcow2"];
    let expected =
        ["mycloud", "other"].map(|cloud| expected.map(|file| format!("{cloud}  {file}")));
    assert_eq!(lines, expected.concat());
    for name in ["disk", "second"] {
        assert_eq!(stored(&scene, name), raw, "{name}");
        assert_eq!(stored(&other, name), unchanged(&format!("{name}.qcow2")), "{name}");
    }
    // A format for all is overridden by that of a cloud.
    push(0, &["--convert", "raw", "--convert", "other=qcow2", "--name", "n", "disk.vmdk"]);
    assert_eq!(stored(&scene, "n"), raw);
    assert_eq!(stored(&other, "n").0, "qcow2");
    // The same format for both needs only one reading, so that a pipe will do.
    let twice = [&["push", "-"], &both[..], &["--name", "p", "--convert", "raw"]].concat();
    piped(&scene, 0, "disk.qcow2", &twice);
    assert_eq!((stored(&scene, "p"), stored(&other, "p")), (raw.clone(), raw));

    let writes = scene.writes();
    for (formats, says) in [
        (&["--convert", "elsewhere=raw"][..], "elsewhere, which is not pushed to"),
        (&["--convert", "raw", "--convert", "qcow2"], "two formats for all clouds"),
        (&["--convert", "other=raw", "--convert", "other=raw"], "two formats for other"),
        (&["--convert", "other=vmdk"], "expected raw or qcow2"),
    ] {
        let run = push(2, &[formats, &["disk.qcow2"]].concat());
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
    let once = [&["push", "-"], &both[..], &["--name", "q", "--convert", "other=raw"]].concat();
    let run = piped(&scene, 2, "disk.qcow2", &once);
    assert!(run.stderr.contains("- can be read only once"), "{}", run.stderr);
    assert_eq!(scene.writes(), writes);
}
