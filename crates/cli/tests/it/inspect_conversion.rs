//! What `imgpush inspect` says about a conversion, compared with qemu-img and with the conversion itself.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use imgpush_scene::{Run, imgpush_in};
use imgpush_test_support::left_out;
use serde_json::{Value, json};

use crate::support::folder;

fn imgpush(folder: &Path, arguments: &[&str]) -> Run {
    Run::of(imgpush_in(folder).args(arguments).output().unwrap())
}

/// The object about the conversion of a file.
fn conversion(folder: &Path, name: &str) -> Value {
    let run = imgpush(folder, &["inspect", "--json", name]);
    run.objects()[0]["conversion"].clone()
}

fn qemu_img(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("qemu-img").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    output.stdout
}

/// A folder with the raw disk `disk.raw`; none without qemu-img.
fn with_disk(what: &str) -> Option<tempfile::TempDir> {
    if Command::new("qemu-img").arg("--version").output().is_err() {
        left_out(what);
        return None;
    }
    let mut disk = b"a text that repeats itself. ".repeat(100_000);
    disk.resize(4 << 20, 0);
    let mut state = 1u64;
    disk.extend(
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(1 << 20),
    );
    disk.resize(9 << 20, 0);
    Some(folder(&[("disk.raw", &disk)]))
}

#[test]
fn the_sizes_are_those_of_qemu_img_and_of_the_conversion() {
    let Some(folder) = with_disk("qemu-img: the sizes of conversions") else { return };
    let folder = folder.path();
    for (name, options) in [
        ("a.qcow2", &["-O", "qcow2"][..]),
        ("b.qcow2", &["-O", "qcow2", "-c"]),
        ("c.vmdk", &["-O", "vmdk", "-o", "subformat=streamOptimized"]),
        ("d.vhdx", &["-O", "vhdx"]),
        ("e.vdi", &["-O", "vdi"]),
        ("f.vhd", &["-O", "vpc", "-o", "force_size=on"]),
        ("g.qed", &["-O", "qed"]),
    ] {
        qemu_img(folder, &[&["convert", "-f", "raw"], options, &["disk.raw", name]].concat());
        let found = conversion(folder, name);
        assert_eq!(found["possible"], true, "{name}: {found}");
        assert_eq!((&found["reason"], &found["strategy"]), (&Value::Null, &json!("random")));

        let info = qemu_img(folder, &["info", "--output", "json", name]);
        let info: Value = serde_json::from_slice(&info).unwrap();
        assert_eq!(found["raw_size"], info["virtual-size"], "{name}");
        assert_eq!(found["examined"], found["raw_size"], "{name}");

        let map = qemu_img(folder, &["map", "--output", "json", name]);
        let map: Value = serde_json::from_slice(&map).unwrap();
        let sum = |key: &str| {
            let entries = map.as_array().unwrap().iter().filter(|entry| entry[key] == true);
            entries.map(|entry| entry["length"].as_u64().unwrap()).sum::<u64>()
        };
        if name == "d.vhdx" {
            // qemu-img does not know the blocks of a VHDX; one of its two, of 8 MiB, has data.
            assert_eq!((sum("data"), &found["allocated"]), (9 << 20, &json!(8 << 20)));
        } else {
            assert_eq!(found["allocated"], sum("data"), "{name}");
        }
        assert_eq!(found["compressed"], sum("compressed"), "{name}");

        let run = imgpush(folder, &["convert", "--overwrite", "--quiet", name, "new.qcow2"]);
        assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
        let written = folder.join("new.qcow2").metadata().unwrap().len();
        let estimate = found["estimated_qcow2_size"].as_u64().unwrap();
        assert!(written.abs_diff(estimate) <= written / 10, "{name}: {estimate} of {written}");
    }
}

#[test]
fn of_a_pipe_the_size_and_the_reason_against_it_are_known() {
    let Some(folder) = with_disk("qemu-img: images in a pipe") else { return };
    let folder = folder.path();
    qemu_img(folder, &["convert", "-O", "qcow2", "disk.raw", "a.qcow2"]);
    let fixed = ["-O", "vpc", "-o", "subformat=fixed,force_size=on"];
    qemu_img(folder, &[&["convert", "-f", "raw"], &fixed[..], &["disk.raw", "fixed.vhd"]].concat());
    let pipe = |name: &str| {
        let image = std::fs::read(folder.join(name)).unwrap();
        let mut command = imgpush_in(folder);
        command.args(["inspect", "--json", "-"]);
        Run::fed(command, &image).objects()[0]["conversion"].clone()
    };
    let found = pipe("a.qcow2");
    assert_eq!((&found["strategy"], &found["raw_size"]), (&json!("forward"), &json!(9 << 20)));
    assert_eq!((&found["allocated"], &found["loses"]), (&Value::Null, &Value::Null));
    assert_eq!(pipe("fixed.vhd")["possible"], false);
    assert_eq!(conversion(folder, "fixed.vhd")["raw_size"], 9 << 20);
    assert_eq!(conversion(folder, "disk.raw"), Value::Null);
}

#[test]
fn the_page_has_what_is_lost_or_the_reason() {
    let Some(folder) = with_disk("qemu-img: snapshots, backing files and truncated images") else {
        return;
    };
    let folder = folder.path();
    qemu_img(folder, &["convert", "-O", "qcow2", "disk.raw", "a.qcow2"]);
    qemu_img(folder, &["create", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "over.qcow2"]);
    std::fs::copy(folder.join("a.qcow2"), folder.join("cut.qcow2")).unwrap();
    let cut = File::options().write(true).open(folder.join("cut.qcow2")).unwrap();
    cut.set_len(cut.metadata().unwrap().len() - 300_000).unwrap();
    qemu_img(folder, &["snapshot", "-c", "first", "a.qcow2"]);
    qemu_img(folder, &["bitmap", "--add", "a.qcow2", "changes"]);
    for (name, lines) in [
        (
            "a.qcow2",
            &[
                "  convert  to raw: 9.00 MiB\n",
                "to qcow2, compressed: about ",
                " allocated, ",
                " never written\n",
                "read by random access; in a pipe all extents are in order\n",
                "loses 1 snapshot",
                "bitmaps of changed clusters",
            ][..],
        ),
        ("over.qcow2", &["  convert  not possible: ", "it needs the backing file \"a.qcow2\""]),
        ("cut.qcow2", &["  convert  not possible: the image is truncated: "]),
    ] {
        let page = imgpush(folder, &["inspect", name]).stdout;
        for line in lines {
            assert!(page.contains(line), "{line}: {page}");
        }
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    }
    assert_eq!(conversion(folder, "a.qcow2")["loses"], json!(["snapshots", "bitmaps"]));
    assert_eq!(conversion(folder, "over.qcow2")["raw_size"], Value::Null);
}
