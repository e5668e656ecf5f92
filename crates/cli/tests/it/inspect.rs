//! `imgpush inspect`, with qemu-img as the oracle where it is installed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use imgpush_scene::{Run, imgpush_in, signal, spawn};
use imgpush_test_support::left_out;
use serde_json::{Value, json};

use crate::support::folder;

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = imgpush_in(folder);
    command.arg("inspect").args(arguments);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    Run::of(program(folder, arguments).output().unwrap())
}

fn run_with_input(folder: &Path, arguments: &[&str], input: &[u8]) -> Run {
    Run::fed(program(folder, arguments), input)
}

#[test]
fn folders_without_files_are_a_usage_error_unless_there_are_other_files() {
    let folder = folder(&[("disk.raw", &[0; 4096])]);
    std::fs::create_dir(folder.path().join("none")).unwrap();
    let empty = run(folder.path(), &["none"]);
    assert_eq!((empty.code, &*empty.stdout), (Some(2), ""));
    assert_eq!(empty.stderr, "error: no files in none\n");
    let json = run(folder.path(), &["none", "--json"]);
    assert_eq!((json.code, &json.json()["error"]["exit_code"]), (Some(2), &2.into()));
    assert_eq!(run(folder.path(), &["none", "disk.raw"]).code, Some(0));
}

fn put(image: &mut [u8], offset: usize, bytes: &[u8]) {
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// A version 3 header of a disk of 1 GiB with clusters of 64 KiB.
fn qcow2() -> Vec<u8> {
    let mut image = vec![0; 256 << 10];
    put(&mut image, 0, b"QFI\xfb\0\0\0\x03");
    put(&mut image, 20, &16u32.to_be_bytes());
    put(&mut image, 24, &(1u64 << 30).to_be_bytes());
    put(&mut image, 36, &2u32.to_be_bytes());
    put(&mut image, 40, &(3u64 << 16).to_be_bytes());
    put(&mut image, 48, &(1u64 << 16).to_be_bytes());
    put(&mut image, 56, &1u32.to_be_bytes());
    put(&mut image, 96, &4u32.to_be_bytes());
    put(&mut image, 100, &112u32.to_be_bytes());
    image
}

/// The same with a backing file of that name, in qcow2.
fn overlay(name: &[u8]) -> Vec<u8> {
    let mut image = qcow2();
    put(&mut image, 8, &300u64.to_be_bytes());
    put(&mut image, 16, &u32::try_from(name.len()).unwrap().to_be_bytes());
    put(&mut image, 112, b"\xe2\x79\x2a\xca\0\0\0\x05qcow2");
    put(&mut image, 300, name);
    image
}

/// A disk whose first partition entry has an invalid boot flag.
fn bad_mbr() -> Vec<u8> {
    let mut image = vec![0; 1 << 20];
    put(&mut image, 446, b"\x01\0\0\0\x83");
    put(&mut image, 510, b"\x55\xaa");
    image
}

fn fixed_vhd() -> Vec<u8> {
    let mut image = vec![0; (1 << 20) + 512];
    let at = 1 << 20;
    put(&mut image, at, b"conectix");
    put(&mut image, at + 28, b"win \0\x06\0\x01Wi2k");
    put(&mut image, at + 40, &(1u64 << 20).to_be_bytes());
    put(&mut image, at + 48, &(1u64 << 20).to_be_bytes());
    put(&mut image, at + 60, &2u32.to_be_bytes());
    let sum: u32 = image[at..].iter().map(|&byte| u32::from(byte)).sum();
    put(&mut image, at + 64, &(!sum).to_be_bytes());
    image
}

#[test]
fn a_sound_image_is_a_short_page() {
    let folder = folder(&[("noble.qcow2", &qcow2())]);
    let run = run(folder.path(), &["noble.qcow2"]);
    let expected = "\
noble.qcow2: qcow2, version 3
  size           256.00 KiB (262144 bytes)
  virtual size   1.00 GiB (1073741824 bytes)
  disk_format    qcow2, min_disk 1
  cluster size   64.00 KiB (65536 bytes)
  compression    zlib
  refcount bits  16

  qemu    opens it as qcow2, virtual size 1.00 GiB (1073741824 bytes)
  glance  accepts it as raw, qcow2
          refuses it as ami, ari, aki, vhd, vhdx, vmdk, vdi, iso, ploop: its
          inspector detects qcow2

  convert  to raw: 1.00 GiB
           to qcow2, compressed: about 256.00 KiB
           0 B allocated, 1.00 GiB never written
           read by random access; in a pipe all extents are in order
";
    assert_eq!(run.stdout, expected, "{}", run.stderr);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn what_is_wrong_is_told_with_place_reason_and_remedy() {
    let folder = folder(&[("overlay.qcow2", &overlay(b"base.qcow2"))]);
    let page = run(folder.path(), &["overlay.qcow2"]);
    for told in [
        "  backing file    base.qcow2\n  backing format  qcow2\n",
        "  disk_format     none",
        "  fatal    backing-file: it needs the backing file \"base.qcow2\", which the\n           service",
        "           at byte 8: 00 00 00 00 00 00 01 2c",
        "      why  a service that opens the image reads a file of its own host",
        "       do  merge both files into one: qemu-img convert -O qcow2 IMAGE NEW",
        "          refuses it as raw, qcow2: backing_file: Image has a backing file",
    ] {
        assert!(page.stdout.contains(told), "{told}: {}", page.stdout);
    }
    assert!(page.stdout.lines().all(|line| line.chars().count() <= 80), "{}", page.stdout);
    assert_eq!((page.code, page.stderr.as_str()), (Some(11), ""));

    let json = run(folder.path(), &["--json", "overlay.qcow2"]);
    let [object] = &json.objects()[..] else { panic!("one line: {}", json.stdout) };
    let keys: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "file",
        "format",
        "size",
        "virtual_size",
        "disk_format",
        "details",
        "matches",
        "findings",
        "qemu",
        "glance",
        "conversion",
        "format_version",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(object["disk_format"], json!(null));
    assert_eq!(object["matches"], json!([{ "format": "qcow2", "offset": 0 }]));
    assert_eq!(object["findings"][0]["id"], "backing-file");
    assert_eq!(object["findings"][0]["severity"], "fatal");
    assert_eq!(object["details"]["backing_file"], "base.qcow2");
    let qemu = json!({
        "opens": true, "format": "qcow2", "virtual_size": 1u64 << 30, "reason": null,
    });
    assert_eq!(object["qemu"], qemu);
    assert_eq!(object["glance"]["accepts"], json!([]));
    let reason = "backing_file: Image has a backing file";
    assert_eq!(object["glance"]["refuses"]["qcow2"], reason);
    assert_eq!(object["glance"]["refuses"].as_object().unwrap().len(), 11);
    assert_eq!(json.code, Some(11));
}

#[test]
fn the_first_sector_and_the_settings_of_the_service_decide_together() {
    let folder = folder(&[("disk.raw", &bad_mbr())]);
    let strict = run(folder.path(), &["disk.raw"]);
    assert!(strict.stdout.contains("  warning  mbr-invalid: "), "{}", strict.stdout);
    assert!(strict.stdout.contains("MBR PTE 0 has invalid boot flag"), "{}", strict.stdout);
    assert!(strict.stdout.contains("disk_format   none"), "{}", strict.stdout);
    assert_eq!(strict.code, Some(13));

    let relaxed = ["--json", "--glance", "gpt_safety_checks_nonfatal=mbr", "disk.raw"];
    let object = &run(folder.path(), &relaxed).objects()[0];
    assert_eq!((&object["disk_format"], &object["format"]), (&json!("raw"), &json!("raw")));
    assert_eq!(object["glance"]["accepts"], json!(["raw"]));

    let arguments = [
        "--json",
        "--glance",
        "disk_formats=raw,gpt",
        "--glance",
        "require_image_format_match=no",
        "--glance",
        "gpt_safety_checks_nonfatal=mbr",
        "disk.raw",
    ];
    let object = &run(folder.path(), &arguments).objects()[0];
    assert_eq!(object["glance"], json!({ "accepts": ["raw", "gpt"], "refuses": {} }));

    let object =
        &run(folder.path(), &["--json", "--container-format", "box", "disk.raw"]).objects()[0];
    assert_eq!(object["glance"]["accepts"], json!([]));

    for (arguments, told) in [
        (["--glance", "disk_format=raw", "disk.raw"], "require_image_format_match=true|false"),
        (["--glance", "require_image_format_match=2", "disk.raw"], "expected true or false"),
        (["--glance", "gpt_safety_checks_nonfatal=luks", "disk.raw"], "there is mbr"),
    ] {
        let run = run(folder.path(), &arguments);
        assert!(run.stderr.contains(told), "{}", run.stderr);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    }
}

#[test]
fn formats_have_the_names_and_sizes_that_qemu_gives_them() {
    let mut zip = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03disk.raw\0".to_vec();
    zip.resize(1000, 7);
    let mut apple = vec![0; 1536];
    put(&mut apple, 1024, b"koly");
    put(&mut apple, 1024 + 0x1ec, &2u64.to_be_bytes());
    let folder = folder(&[
        ("fixed.vhd", &fixed_vhd()),
        ("disk.raw.gz", &zip),
        ("disk.dmg", &apple),
        ("odd.raw", &[7; 5000]),
    ]);
    let run = run(folder.path(), &["--json", "fixed.vhd", "disk.raw.gz", "disk.dmg", "odd.raw"]);
    let objects = run.objects();
    let [vhd, gz, dmg, odd] = &objects[..] else { panic!("{}", run.stdout) };
    assert_eq!((&vhd["format"], &vhd["virtual_size"]), (&json!("vpc"), &json!(1 << 20)));
    assert_eq!(vhd["details"]["creator"], "win 6.1");
    assert_eq!(vhd["qemu"]["format"], "raw");
    assert_eq!(vhd["qemu"]["virtual_size"], (1 << 20) + 512);
    assert_eq!(vhd["disk_format"], "raw");
    assert_eq!((&gz["format"], &gz["virtual_size"]), (&json!("raw"), &json!(1024)));
    assert_eq!((&gz["size"], &gz["disk_format"]), (&json!(1000), &json!(null)));
    assert_eq!(gz["details"]["packed_file"], "disk.raw");
    assert_eq!((&dmg["format"], &dmg["virtual_size"]), (&json!("dmg"), &json!(1024)));
    assert_eq!(dmg["qemu"]["format"], "dmg");
    assert_eq!((&odd["format"], &odd["virtual_size"]), (&json!("raw"), &json!(5120)));
    assert_eq!((&odd["size"], &odd["findings"]), (&json!(5000), &json!([])));
    assert_eq!(run.code, Some(11));
}

#[test]
fn the_standard_input_is_read_to_its_end() {
    let folder = folder(&[]);
    // Only the end says what it is.
    let run = run_with_input(folder.path(), &["--json", "-"], &fixed_vhd());
    let object = &run.objects()[0];
    assert_eq!((&object["file"], &object["format"]), (&json!("-"), &json!("vpc")));
    assert_eq!(run.code, Some(13));
}

#[test]
fn one_file_that_is_not_there_does_not_stop_the_others() {
    let folder = folder(&[("a.qcow2", &qcow2()), ("d/b.raw", &[1; 512]), ("d/e/c.raw", &[2; 512])]);
    let pages = run(folder.path(), &["a.qcow2", "none.img", "d"]);
    let titles: Vec<_> = pages.stdout.lines().filter(|line| line.contains(": ")).collect();
    let is_title = |line: &&&str| !line.starts_with(' ');
    let titles: Vec<_> = titles.iter().filter(is_title).copied().collect();
    assert_eq!(titles, ["a.qcow2: qcow2, version 3", "d/b.raw: raw", "d/e/c.raw: raw"]);
    assert!(pages.stdout.contains("are in order\n\nd/b.raw: raw\n"), "{}", pages.stdout);
    assert!(pages.stderr.starts_with("error: cannot open none.img\n"), "{}", pages.stderr);
    assert_eq!(pages.code, Some(10));

    let json = run(folder.path(), &["--json", "none.img", "a.qcow2"]);
    let objects = json.objects();
    assert_eq!(objects[0]["file"], "none.img");
    assert_eq!(objects[0]["error"]["message"], "cannot open none.img");
    assert_eq!(objects[0]["error"]["exit_code"], 10);
    assert_eq!(objects[0].as_object().unwrap().len(), 3);
    assert_eq!(objects[1]["format"], "qcow2");
    assert_eq!(json.code, Some(10));
}

#[test]
fn the_exit_code_is_that_of_the_worst_file() {
    let folder = folder(&[
        ("well.qcow2", &qcow2()),
        ("warned.raw", &bad_mbr()),
        ("refused.qcow2", &overlay(b"base")),
    ]);
    for (files, code) in [
        (&["well.qcow2"][..], 0),
        (&["warned.raw", "well.qcow2"], 13),
        (&["warned.raw", "none.img", "well.qcow2"], 10),
        (&["refused.qcow2", "none.img", "warned.raw"], 11),
    ] {
        assert_eq!(run(folder.path(), files).code, Some(code), "{files:?}");
    }
}

#[test]
fn neither_names_nor_images_steer_the_terminal() {
    let hostile = "\x1b[2J.qcow2";
    let folder = folder(&[(hostile, &overlay(b"/etc/\x1b]0;pwned\x07\xe2\x80\xae"))]);
    let page = run(folder.path(), &[hostile]);
    assert!(page.stdout.starts_with("\\u{1b}[2J.qcow2: qcow2"), "{:?}", page.stdout);
    assert!(page.stdout.contains("/etc/\\x1b]0;pwned\\x07"), "{:?}", page.stdout);
    let json = run(folder.path(), &["--json", hostile]);
    for text in [&page.stdout, &json.stdout] {
        assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{text:?}");
    }
    assert_eq!(json.objects()[0]["file"], hostile);
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_ends_it() {
    let folder = folder(&[("a.qcow2", &qcow2())]);
    let mut child =
        program(folder.path(), &["a.qcow2"; 500]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_it_though_there_is_more_to_come() {
    let folder = folder(&[("a.qcow2", &qcow2())]);
    let mut command = program(folder.path(), &["a.qcow2", "-"]);
    let mut child = spawn(command.stdin(Stdio::piped()));
    // Kept open: there is always more to come.
    let _input = child.stdin.take().unwrap();
    let mut first = String::new();
    // Kept, too: a reader that goes away ends it as well.
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut first).unwrap();
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("interrupted before all files were inspected"), "{told}");
}

/// Images that qemu-img makes, against what it says of them.
#[test]
fn qemu_img_says_the_same() {
    let folder = folder(&[("base.raw", &[0; 4096])]);
    let images = [
        ("a.qcow2", &["-f", "qcow2", "-o", "cluster_size=2M"][..]),
        ("b.qcow2", &["-f", "qcow2", "-b", "base.raw", "-F", "raw"]),
        ("c.vmdk", &["-f", "vmdk", "-o", "subformat=streamOptimized"]),
        ("d.vhdx", &["-f", "vhdx"]),
        ("e.vdi", &["-f", "vdi"]),
        ("f.vpc", &["-f", "vpc"]),
        ("g.qed", &["-f", "qed"]),
    ];
    for (name, options) in images {
        let mut command = Command::new("qemu-img");
        command.arg("create").args(options).args([name, "77M"]).current_dir(folder.path());
        let Ok(output) = command.output() else {
            return left_out("qemu-img: what it says of the images that `imgpush inspect` shows");
        };
        assert!(output.status.success(), "{output:?}");
        let mut command = Command::new("qemu-img");
        command.args(["info", "--output", "json", name]).current_dir(folder.path());
        let info: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        let run = run(folder.path(), &["--json", name]);
        let object = &run.objects()[0];
        for key in [&object["format"], &object["qemu"]["format"]] {
            assert_eq!(*key, info["format"], "{name}");
        }
        for key in [&object["virtual_size"], &object["qemu"]["virtual_size"]] {
            assert_eq!(*key, info["virtual-size"], "{name}");
        }
        assert_eq!(object["qemu"]["opens"], true, "{name}");
        let told = |key: &str| object["details"].get(key).cloned().unwrap_or_default();
        let said = |key: &str| info.get(key).cloned().unwrap_or_default();
        assert_eq!(told("backing_file"), said("backing-filename"), "{name}");
        assert_eq!(told("backing_format"), said("backing-filename-format"), "{name}");
        if name.ends_with(".qcow2") {
            assert_eq!(told("cluster_size"), said("cluster-size"), "{name}");
        }
    }
}

#[test]
fn the_help_says_how_and_with_which_end() {
    let folder = folder(&[]);
    let help = run(folder.path(), &["--help"]).stdout;
    for told in [
        "imgpush inspect --json images/",
        "13  warnings",
        "--glance <KEY=VALUE>",
        "require_image_format_match=false",
        "--container-format <FORMAT>",
        "[default: bare]",
    ] {
        assert!(help.contains(told), "{told}: {help}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    let none = run(folder.path(), &[]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(2), ""));
}
