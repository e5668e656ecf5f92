//! `push`, `pull`, `verify`, `tune`, `sandbox`, and the commands that need no service.

use std::net::{Ipv4Addr, TcpListener};

use imgpush_sandbox::{Fault, Operation, USER};
use imgpush_scene::{Scene, imgpush_in};

use super::Transcript;
use crate::support::folder;

/// A scene with files: two disks, a list of their digests, an empty one, and two that are unsafe.
fn scene() -> Scene {
    let scene = Scene::start_blocking();
    scene.file("disk.raw", 300_000);
    scene.file("other.raw", 200_000);
    scene.write("empty.raw", "");
    scene.write("overlay.qcow2", overlay());
    scene.write("cut.qcow2", &overlay()[..100]);
    scene
}

/// A qcow2 image of 1 GiB with a backing file.
fn overlay() -> Vec<u8> {
    let mut image = vec![0; 256 << 10];
    for (offset, bytes) in [
        (0, &b"QFI\xfb\0\0\0\x03"[..]),
        (8, &300u64.to_be_bytes()),
        (16, &8u32.to_be_bytes()),
        (20, &16u32.to_be_bytes()),
        (24, &(1u64 << 30).to_be_bytes()),
        (36, &2u32.to_be_bytes()),
        (40, &(3u64 << 16).to_be_bytes()),
        (48, &(1u64 << 16).to_be_bytes()),
        (56, &1u32.to_be_bytes()),
        (96, &4u32.to_be_bytes()),
        (100, &112u32.to_be_bytes()),
        (112, b"\xe2\x79\x2a\xca\0\0\0\x05qcow2"),
        (300, b"base.img"),
    ] {
        image[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
    image
}

/// Runs the program with each of these arguments, and compares all of it.
fn compare(name: &str, scene: &Scene, runs: &[&[&str]]) {
    let mut transcript = Transcript::new();
    for arguments in runs {
        transcript.run(scene, arguments);
    }
    transcript.compare(name, scene.folder.path());
}

#[test]
fn push() {
    let scene = scene();
    compare(
        "push",
        &scene,
        &[
            &["push", "disk.raw"],
            &["push", "disk.raw", "--if-exists", "skip"],
            &["push", "other.raw", "--name", "disk", "--if-exists", "replace"],
            &["push", "other.raw", "--quiet"],
        ],
    );
}

#[test]
fn push_as_json() {
    let scene = scene();
    let sha256 = format!("sha256:{}", "0".repeat(64));
    compare(
        "push_json",
        &scene,
        &[
            &["push", "disk.raw", "--json"],
            &["push", "disk.raw", "--json", "--if-exists", "skip"],
            &["push", "disk.raw", "--json", "--checksum", &sha256],
            &["push", "overlay.qcow2", "--json"],
            &["push", "disk.raw", "none.raw", "--json", "--jobs", "1", "--if-exists", "add"],
        ],
    );
}

#[test]
fn push_of_several() {
    let scene = scene();
    compare(
        "push_several",
        &scene,
        &[
            &["push", "--jobs", "1", "disk.raw", "other.raw"],
            &["push", "--jobs", "1", "--if-exists", "skip", "disk.raw", "none.raw", "other.raw"],
            &["push", "--jobs", "1", "--fail-fast", "none.raw", "other.raw"],
            &["push", "disk.raw", "./disk.raw", "--if-exists", "skip"],
            &["push", "disk.raw", "other.raw", "--name", "noble"],
        ],
    );
}

#[test]
fn push_to_two_clouds() {
    let scene = scene();
    let other = Scene::start_blocking();
    scene.add_cloud(&other.cloud_entry("other", USER));
    let both = ["--cloud", "mycloud", "--cloud", "other"];
    let mut transcript = Transcript::new();
    transcript.run(&scene, &[&["push", "disk.raw"][..], &both].concat());
    other.sandbox().inject(Operation::Create, Fault::StatusJson { status: 403, after: 0 });
    transcript.run(&scene, &[&["push", "other.raw"][..], &both].concat());
    transcript.run(&scene, &["push", "disk.raw", "--cloud", "mycloud", "--cloud", "nowhere"]);
    transcript.compare("push_two_clouds", scene.folder.path());
}

#[test]
fn failing_push() {
    let scene = scene();
    let sha256 = format!("sha256:{}", "0".repeat(64));
    let mut transcript = Transcript::new();
    for arguments in [
        &["push", "none.raw"][..],
        &["push", "none*.raw"],
        &["push", "empty.raw"],
        &["push", "overlay.qcow2"],
        &["push", "cut.qcow2"],
        &["push", "disk.raw", "--disk-format", "qcow2"],
        &["push", "disk.raw", "--checksum", &sha256],
        &["push", "disk.raw", "--store", "none"],
        &["push", "disk.raw", "--cloud", "nowhere"],
        &["push", "disk.raw", "--report", "."],
        &["push", "disk.raw", "--journal", "empty.raw", "--report", "none/report.html"],
    ] {
        transcript.run(&scene, arguments);
    }
    scene.sandbox().inject(Operation::Upload, Fault::CorruptByte(1000));
    transcript.run(&scene, &["push", "disk.raw"]);
    scene.sandbox().inject(Operation::Create, Fault::StatusJson { status: 403, after: 0 });
    transcript.run(&scene, &["push", "disk.raw"]);
    scene.run(&["push", "disk.raw"]);
    transcript.run(&scene, &["push", "other.raw", "--name", "disk", "--if-exists", "skip"]);
    transcript.run(&scene, &["push", "other.raw", "--name", "disk", "--if-exists", "fail"]);
    transcript.compare("push_failing", scene.folder.path());
}

#[test]
fn pull() {
    let scene = scene();
    scene.run(&["push", "--jobs", "1", "disk.raw", "other.raw"]);
    scene.run(&["image", "create", "queued"]);
    scene.write("there", "");
    compare(
        "pull",
        &scene,
        &[
            &["pull", "disk", "-o", "new.raw"],
            &["pull", "disk", "-o", "new.raw"],
            &["pull", "other"],
            &["pull", "disk", "-o", "copy.raw", "--json"],
            &["pull", "--jobs", "1", "-o", "images", "disk", "other", "none"],
            &["pull", "--jobs", "1", "-o", "images", "disk", "other", "--json"],
            &["pull", "disk", "--quiet", "-o", "quiet.raw"],
            &["pull", "none"],
            &["pull", "none", "--json"],
            &["pull", "disk", "-o", "there"],
            &["pull", "disk", "-o", "there/"],
            &["pull", "queued"],
        ],
    );
}

#[test]
fn verify() {
    let scene = scene();
    scene.run(&["push", "--jobs", "1", "disk.raw", "other.raw"]);
    compare(
        "verify",
        &scene,
        &[
            &["verify", "disk"],
            &["verify", "disk", "--file", "disk.raw"],
            &["verify", "disk", "--file", "other.raw"],
            &["verify", "disk", "--file", "other.raw", "--json"],
            &["verify", "--jobs", "1", "disk", "other", "none"],
            &["verify", "--jobs", "1", "disk", "none", "--json"],
            &["verify", "disk", "--file", "none.raw"],
            &["verify", "disk.raw"],
            &["verify", "disk", "--quiet"],
        ],
    );
}

#[test]
fn tune_and_sandbox() {
    let scene = scene();
    scene.run(&["push", "disk.raw"]);
    let busy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let busy = busy.local_addr().unwrap().to_string();
    compare(
        "tune_and_sandbox",
        &scene,
        &[
            &["tune", "-"],
            &["tune", "none.raw"],
            &["tune", "none.raw", "--json"],
            &["tune", "disk.raw", "--cloud", "nowhere"],
            &["sandbox", "--listen", &busy],
            &["sandbox", "--listen", "127.0.0.1:0", "--dir", "disk.raw"],
            &["sandbox", "--fault", "upload=flood"],
            &["--version"],
        ],
    );
}

#[test]
fn demo() {
    compare_local("demo", &[], &[&["demo"]]);
}

#[test]
fn digest() {
    let files: [(&str, &[u8]); 6] = [
        ("a.img", b"a"),
        ("folder/b c.img", b"b"),
        (
            "list.sha256",
            b"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.img\n",
        ),
        (
            "bad.sha256",
            b"0000000000000000000000000000000000000000000000000000000000000000  a.img\nnothing\n\
              3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  none.img\n",
        ),
        (
            "none.sha256",
            b"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  none.img\n",
        ),
        ("empty.sha256", b""),
    ];
    compare_local(
        "digest",
        &files,
        &[
            &["digest", "a.img", "folder"],
            &["digest", "a.img", "-a", "sha256", "--tag"],
            &["digest", "a.img", "none.img", "--json"],
            &["digest", "none.img"],
        ],
    );
    compare_local(
        "digest_check",
        &files,
        &[
            &["digest", "--check", "list.sha256"],
            &["digest", "--check", "bad.sha256"],
            &["digest", "--check", "bad.sha256", "--json"],
            &["digest", "--check", "bad.sha256", "--ignore-missing", "--quiet"],
            &["digest", "--check", "none.sha256", "--ignore-missing"],
            &["digest", "--check", "empty.sha256"],
            &["digest", "--check", "none.list"],
        ],
    );
}

#[test]
fn inspect() {
    let overlay = overlay();
    let files: [(&str, &[u8]); 4] = [
        ("disk.raw", &[0x5a; 4096]),
        ("overlay.qcow2", &overlay),
        ("cut.qcow2", &overlay[..100]),
        ("note.txt", b"hello"),
    ];
    compare_local(
        "inspect",
        &files,
        &[
            &["inspect", "disk.raw"],
            &["inspect", "overlay.qcow2"],
            &["inspect", "cut.qcow2", "note.txt"],
            &["inspect", "none.raw"],
        ],
    );
    compare_local(
        "inspect_json",
        &files,
        &[
            &["inspect", "--json", "disk.raw"],
            &["inspect", "--json", "overlay.qcow2"],
            &["inspect", "--json", "none.raw"],
        ],
    );
}

/// Compares runs in a folder with files, without a service.
fn compare_local(name: &str, files: &[(&str, &[u8])], runs: &[&[&str]]) {
    let folder = folder(files);
    let mut transcript = Transcript::new();
    for arguments in runs {
        let run = imgpush_in(folder.path()).args(*arguments).output().unwrap();
        transcript.add(arguments, &imgpush_scene::Run::of(run));
    }
    transcript.compare(name, folder.path());
}
