//! Uploads of real files to a real Glance behind a real Keystone, and downloads with other clients.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use imgpush_scene::{RealCloud, Run, imgpush, pattern_file, sha512sum, signal, zeros_with};
use imgpush_test_support::{is_full, left_out};
use serde_json::Value;

/// Pushes and returns the report.
fn push(cloud: &str, file: &Path, more: &[&str]) -> Value {
    let mut command = imgpush();
    let run = ended(command.args(["push", "--json", "--cloud", cloud]).arg(file).args(more));
    assert_eq!(run.code, Some(0), "{run:?}");
    run.json()
}

/// Runs a push that must fail; returns the exit code and the messages.
fn fails(cloud: &str, file: &Path, more: &[&str]) -> (i32, String) {
    let mut command = imgpush();
    let run = ended(command.args(["push", "--cloud", cloud]).arg(file).args(more));
    (run.code.unwrap(), run.stderr)
}

/// No output may contain the password.
fn ended(command: &mut Command) -> Run {
    let run = Run::of(command.output().unwrap());
    run.hides(&std::env::var("OS_PASSWORD").unwrap());
    run
}

#[test]
fn files_of_every_format_arrive_complete_with_every_login() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let small = ["create", "-q", "-f", "qcow2", "small.qcow2", "64M"];
    let old = ["create", "-q", "-f", "qcow2", "-o", "compat=0.10", "old.qcow2", "1G"];
    let has_qcow2 = qemu_img(folder.path(), &small) && qemu_img(folder.path(), &old);
    pattern_file(folder.path(), "disk.raw", 5_000_001);
    pattern_file(folder.path(), "one.raw", 1);
    std::fs::write(folder.path().join("empty.raw"), "").unwrap();
    for (name, format, virtual_size, more) in [
        ("small.qcow2", "qcow2", Some(64 << 20), &[][..]),
        ("old.qcow2", "qcow2", Some(1 << 30), &[]),
        ("disk.raw", "raw", Some(5_000_001), &[]),
        ("one.raw", "raw", Some(1), &["--disk-format", "raw"]),
        ("empty.raw", "raw", None, &["--allow-empty"]),
    ] {
        let file = folder.path().join(name);
        if format == "qcow2" && !has_qcow2 {
            continue;
        }
        for login in ["testcloud", "testcloud-appcred", "testcloud-noauth"] {
            let report = push(login, &file, more);
            assert_eq!(report["verified"], true, "{name} by {login}: {report}");
            assert_eq!(report["disk_format"], format, "{name}");
            assert_eq!(report["size"], file.metadata().unwrap().len(), "{name}");
            assert_eq!(report["virtual_size"].as_u64(), virtual_size, "{name}");
            assert_eq!(report["os_hash_value"], sha512sum(&file), "{name}");
            if login == "testcloud" {
                cloud.delete(login, &report);
            }
        }
    }
}

#[test]
fn a_large_image_is_downloaded_unchanged_by_openstackclient() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    // openstackclient downloads a gibibyte in about a minute.
    let bytes: u64 = if is_full() { 1 << 30 } else { 128 << 20 };
    let file = pattern_file(folder.path(), "large.raw", bytes);
    let hash = sha512sum(&file);
    let report = push(
        "testcloud",
        &file,
        &["--name", "large", "--property", "os_distro=debian", "--tag", "nightly"],
    );
    let id = report["id"].as_str().unwrap();

    let shown = cloud.openstack("testcloud", &["image", "show", id]);
    assert_eq!(shown["status"], "active");
    assert_eq!(shown["name"], "large");
    assert_eq!(shown["size"], bytes);
    assert_eq!(shown["properties"]["os_hash_value"], hash);
    assert_eq!(shown["properties"]["os_distro"], "debian");
    assert_eq!(shown["tags"], serde_json::json!(["nightly"]));

    let back = folder.path().join("back.raw");
    let back_name = back.to_str().unwrap();
    cloud.openstack_prints("testcloud", &["image", "save", "--file", back_name, id]);
    assert_eq!(sha512sum(&back), hash);
    cloud.delete("testcloud", &report);
}

#[test]
fn a_stream_is_pushed_without_knowing_its_length() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let file = pattern_file(folder.path(), "piped.raw", 20_000_003);
    let run = ended(
        imgpush()
            .args(["push", "--json", "--cloud", "testcloud", "--name", "piped", "-"])
            .stdin(std::fs::File::open(&file).unwrap()),
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    let report = run.json();
    assert_eq!(report["size"], 20_000_003);
    assert_eq!(report["os_hash_value"], sha512sum(&file));
    cloud.delete("testcloud", &report);
}

#[test]
fn images_that_glance_would_refuse_create_no_record() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let tag = format!("refused-{}", std::process::id());
    pattern_file(folder.path(), "base.raw", 1 << 20);
    for (name, create) in [
        ("backed.qcow2", &["-b", "base.raw", "-F", "raw"][..]),
        ("data.qcow2", &["-o", "data_file=data.raw"]),
        ("extended.qcow2", &["-o", "extended_l2=on"]),
    ] {
        let size = if name == "backed.qcow2" { &[][..] } else { &["1M"] };
        let arguments = [&["create", "-q", "-f", "qcow2"], create, &[name], size].concat();
        if !qemu_img(folder.path(), &arguments) {
            return;
        }
        let (code, said) = fails("testcloud", &folder.path().join(name), &["--tag", &tag]);
        assert_eq!(code, 11, "{name}: {said}");
        assert!(said.contains("error: cannot push ") && !said.contains("image record"), "{said}");
    }
    let left = cloud.openstack("testcloud", &["image", "list", "--tag", &tag]);
    assert_eq!(left, serde_json::json!([]));
}

/// A sparse file with data at some offsets.
fn file_with(folder: &Path, name: &str, bytes: usize, parts: &[(usize, &[u8])]) {
    std::fs::write(folder.join(name), zeros_with(bytes, parts)).unwrap();
}

#[test]
fn glance_decides_as_predicted() {
    let cloud = RealCloud::from_environment();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    pattern_file(folder, "base.raw", 3 << 20);
    for (name, options) in [
        ("plain.qcow2", &["-O", "qcow2"][..]),
        ("extended.qcow2", &["-O", "qcow2", "-o", "extended_l2=on"]),
        ("dynamic.vhd", &["-O", "vpc", "-o", "subformat=dynamic,force_size=on"]),
        ("fixed.vhd", &["-O", "vpc", "-o", "subformat=fixed,force_size=on"]),
        ("disk.vhdx", &["-O", "vhdx"]),
        ("disk.vdi", &["-O", "vdi"]),
        ("sparse.vmdk", &["-O", "vmdk"]),
        ("stream.vmdk", &["-O", "vmdk", "-o", "subformat=streamOptimized"]),
        ("old.qcow", &["-O", "qcow"]),
        ("disk.qed", &["-O", "qed"]),
    ] {
        let arguments = [&["convert", "-f", "raw"], options, &["base.raw", name]].concat();
        if !qemu_img(folder, &arguments) {
            return;
        }
    }
    let protective = |sector| [0, 0, sector, 0, 0xee, 0, 0, 0, 1, 0, 0, 0, 0xff, 7, 0, 0];
    let boot: (usize, &[u8]) = (510, b"\x55\xaa");
    file_with(folder, "gpt.raw", 1 << 20, &[(446, &protective(2)), boot]);
    file_with(folder, "sloppy.raw", 1 << 20, &[(446, &protective(1)), boot]);
    file_with(folder, "ntfs.raw", 1 << 20, &[(0, b"\xeb\x52\x90NTFS    "), boot]);
    file_with(folder, "luks2.raw", 1 << 20, &[(0, b"LUKS\xba\xbe\0\x02")]);
    file_with(folder, "udf.iso", 1 << 20, &[(32_769, b"BEA01"), (34_817, b"NSR02")]);

    for (name, disk_format) in [
        ("plain.qcow2", "qcow2"),
        ("dynamic.vhd", "vhd"),
        ("fixed.vhd", "raw"),
        ("disk.vhdx", "vhdx"),
        ("disk.vdi", "vdi"),
        ("sparse.vmdk", "vmdk"),
        ("stream.vmdk", "vmdk"),
        ("gpt.raw", "raw"),
        ("udf.iso", "raw"),
    ] {
        let report = push("testcloud", &folder.join(name), &[]);
        assert_eq!(report["disk_format"], disk_format, "{name}");
        assert!(report["virtual_size"].is_u64(), "{name}: {report}");
        let notes = report["notes"].as_array().unwrap();
        assert!(notes.iter().all(|note| note["id"] != "virtual-size"), "{name}: {report}");
        cloud.delete("testcloud", &report);
    }

    let tag = format!("predicted-{}", std::process::id());
    for (name, disk_format) in [
        ("extended.qcow2", "qcow2"),
        ("fixed.vhd", "vhd"),
        ("old.qcow", "qcow2"),
        ("disk.qed", "raw"),
        ("sloppy.raw", "raw"),
        ("ntfs.raw", "raw"),
        ("luks2.raw", "raw"),
        ("udf.iso", "iso"),
        ("plain.qcow2", "vmdk"),
    ] {
        let asked = ["--tag", &tag, "--disk-format", disk_format];
        let (code, said) = fails("testcloud", &folder.join(name), &asked);
        assert_eq!(code, 11, "{name}: {said}");
        assert!(said.contains("error: cannot push "), "{name}: {said}");
        assert!(!said.contains("image record"), "{name}: {said}");
        let insisting = [&asked[..], &["--force-format"]].concat();
        let (code, said) = fails("testcloud", &folder.join(name), &insisting);
        assert_eq!(code, 21, "{name}: {said}");
        assert!(said.contains("415") && said.contains("was deleted"), "{name}: {said}");
    }

    // A problem that only the end of a stream shows: the record is deleted, and the end is never sent.
    let mut trailing = std::fs::read(folder.join("base.raw")).unwrap();
    trailing.extend(&std::fs::read(folder.join("fixed.vhd")).unwrap()[3 << 20..]);
    std::fs::write(folder.join("trailing"), trailing).unwrap();
    let run = ended(
        imgpush()
            .args(["push", "--cloud", "testcloud", "--name", "piped", "--tag", &tag])
            .args(["--disk-format", "ami", "-"])
            .stdin(std::fs::File::open(folder.join("trailing")).unwrap()),
    );
    assert_eq!(run.code, Some(11), "{run:?}");
    run.says("was deleted");
    let left = cloud.openstack("testcloud", &["image", "list", "--tag", &tag]);
    assert_eq!(left, serde_json::json!([]));
}

#[test]
fn missing_rights_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let file = pattern_file(folder.path(), "disk.raw", 5000);
    let (code, said) = fails("testcloud-reader", &file, &[]);
    assert_eq!(code, 20, "{said}");
    assert!(said.contains("403 Forbidden"), "{said}");
    let (code, said) = fails("testcloud", &file, &["--visibility", "public"]);
    assert_eq!(code, 20, "{said}");
    assert!(said.contains("publicize_image"), "{said}");

    let mut command = imgpush();
    command.arg("push").arg(&file).env_remove("OS_CLIENT_CONFIG_FILE");
    let run = ended(command.env("OS_PASSWORD", "hunter2"));
    assert_eq!(run.code, Some(20), "{run:?}");
    run.hides("hunter2");
}

#[test]
fn ctrl_c_during_an_upload_leaves_no_record() {
    let cloud = RealCloud::from_environment();
    let tag = format!("interrupted-{}", std::process::id());
    let mut child = imgpush()
        .args(["push", "--cloud", "testcloud", "--name", "endless", "--tag", &tag])
        .args(["--progress", "json", "/dev/zero"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"sent\"") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended by itself");
    }
    // The source has no end, so only the signal ends the upload.
    signal(&child, "INT");
    let status = child.wait().unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!((status.code(), status.signal()), (Some(130), None), "{rest}");
    assert!(rest.contains("was deleted"), "{rest}");
    let left = cloud.openstack("testcloud", &["image", "list", "--tag", &tag]);
    assert_eq!(left, serde_json::json!([]));
}

/// Runs qemu-img in a folder; `false` if it is not installed, which is reported as left out.
fn qemu_img(folder: &Path, arguments: &[&str]) -> bool {
    let Ok(output) = Command::new("qemu-img").args(arguments).current_dir(folder).output() else {
        left_out("qemu-img: pushes of the images that it makes");
        return false;
    };
    assert!(output.status.success(), "{output:?}");
    true
}
