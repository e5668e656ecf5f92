//! `--checksum` and similar options: an image equals the published file.

use std::path::Path;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::sources::{id, pack, serve};
use imgpush_scene::{Run, Scene, hex};

/// The key of `test-data/signed-list`.
const KEY: &str = "CB5A5FF55BB20E7D2D069DDC8DDEE95F74A32577";
const OTHER: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn sha256(path: &Path) -> String {
    hex(Sha256::digest(std::fs::read(path).unwrap()))
}

/// A scene with a signed list, and the image that it names.
fn scene() -> Scene {
    let scene = Scene::start_blocking();
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-data/signed-list");
    for file in ["SHA256SUMS", "SHA256SUMS.asc", "SHA256SUMS.clear", "key.asc", "other.asc"] {
        std::fs::copy(list.join(file), scene.path(file)).unwrap();
    }
    let listed: Vec<u8> = (0..3 << 20).map(|at: u32| (at % 251) as u8).collect();
    scene.write("noble.img", listed);
    scene
}

/// It fails, and nothing was asked of the service.
fn refused(scene: &Scene, arguments: &[&str], code: i32) -> Run {
    let run = scene.run(&[&["push"], arguments].concat());
    assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
    assert_eq!(scene.writes(), 0, "{arguments:?}");
    run
}

#[test]
fn a_digest_that_is_right_is_said_and_a_wrong_one_leaves_nothing() {
    let scene = scene();
    let right = sha256(&scene.path("noble.img"));
    let push = ["push", "noble.img", "--full", "--checksum", &format!("SHA256={right}")];
    let run = scene.run(&push);
    id(&run);
    assert!(
        run.stderr.contains(&format!("\n  source    sha256 {right} as given\n")),
        "{}",
        run.stderr
    );

    let run =
        scene.run(&["push", "noble.img", "--json", "--checksum", OTHER, "--checksum", "md5:x"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("a md5 digest has 32 hexadecimal digits"), "{}", run.stderr);

    let run = scene.run(&["push", "noble.img", "--json", "--checksum", OTHER]);
    assert_eq!(run.code, Some(12), "{}", run.stderr);
    let report = run.json();
    assert_eq!((&report["verified"], &report["error"]["exit_code"]), (&json!(false), &json!(12)));
    assert_eq!(report["error"]["record"], "removed");
    let cause = format!("the sha256 of noble.img is {right}, expected {OTHER}");
    assert_eq!(report["error"]["causes"][0], cause);
    assert!(run.stderr.contains("; image record "), "{}", run.stderr);
    assert!(
        run.stderr.contains("hint: download the file and its checksum again"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_list_proves_what_it_names_and_refuses_what_it_does_not() {
    let scene = scene();
    let run = scene.run(&["push", "noble.img", "--json", "--checksum-file", "SHA256SUMS"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["source_verified_by"], json!(["sha256"]));
    assert_eq!(report["source_signed_by"], json!(null));
    assert_eq!(report["source_checksums"][0]["list"], "SHA256SUMS");
    assert_eq!(report["digests"]["sha256"], report["source_checksums"][0]["digest"]);

    let address = serve(&scene.path("SHA256SUMS"));
    let url = format!("http://user:hunter2@{address}/noble/SHA256SUMS?sig=hunter2");
    let run = scene.run(&["push", "noble.img", "-vv", "--checksum-file", &url]);
    id(&run);
    assert!(run.stderr.contains(&format!(" as in http://{address}/noble/SHA256SUMS?…\n")));
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);

    let data = scene.read("noble.img");
    let piped = ["push", "-", "--name", "piped", "--checksum-file", "SHA256SUMS"];
    let run =
        Run::fed(scene.command(&[&piped[..], &["--checksum-name", "noble.img"]].concat()), &data);
    id(&run);
}

#[test]
fn what_cannot_be_proved_ends_before_anything_is_sent() {
    let scene = scene();
    scene.file("jammy.img", 5000);
    let run = refused(&scene, &["jammy.img", "--checksum-file", "SHA256SUMS"], 10);
    let said = "SHA256SUMS has no checksum of jammy.img; it has other.img, noble.img";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert!(run.stderr.contains("hint: --checksum-name NAME"), "{}", run.stderr);

    let run = Run::fed(scene.command(&["push", "-", "--checksum-file", "SHA256SUMS"]), b"data");
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("standard input has no file name"), "{}", run.stderr);

    let run = refused(&scene, &["noble.img", "--checksum-file", "none"], 10);
    assert!(run.stderr.contains("cannot read the list of checksums"), "{}", run.stderr);
    let run = refused(&scene, &["noble.img", "--checksum-file", "noble.img"], 10);
    assert!(run.stderr.contains("noble.img is not a list of checksums"), "{}", run.stderr);
    let run = refused(&scene, &["noble.img", "--checksum-key", "key.asc"], 2);
    assert!(run.stderr.contains("--checksum-file <FILE|URL>"), "{}", run.stderr);
    let both = ["noble.img", "--checksum", OTHER, "--checksum", &OTHER.replace('0', "1")];
    let run = refused(&scene, &both, 10);
    assert!(run.stderr.contains("noble.img has conflicting checksums: sha256"), "{}", run.stderr);
}

#[test]
fn a_signed_list_counts_by_the_key_that_was_given_only() {
    let scene = scene();
    let beside =
        ["noble.img", "--checksum-file", "SHA256SUMS", "--checksum-signature", "SHA256SUMS.asc"];
    let around = ["noble.img", "--checksum-file", "SHA256SUMS.clear"];

    let run = refused(&scene, &beside, 2);
    assert!(
        run.stderr.contains("cannot verify the signature SHA256SUMS.asc without a public key"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("/usr/share/keyrings"), "{}", run.stderr);
    for list in [&beside[..], &around] {
        let run = refused(&scene, &[list, &["--checksum-key", "other.asc"]].concat(), 12);
        assert!(
            run.stderr.contains(&format!(
                "it was made with key {KEY}, which is not among the given keys"
            )),
            "{}",
            run.stderr
        );
        assert!(
            run.stderr.contains(&format!("hint: if {KEY} is the key of the publisher")),
            "{}",
            run.stderr
        );
    }
    let run = refused(&scene, &[&beside[..3], &["--checksum-key", "key.asc"]].concat(), 12);
    assert!(run.stderr.contains("SHA256SUMS is not signed"), "{}", run.stderr);
    let run = refused(&scene, &[&around[..], &["--checksum-key", "SHA256SUMS"]].concat(), 10);
    assert!(run.stderr.contains("SHA256SUMS contains no OpenPGP public key"), "{}", run.stderr);

    for list in [&beside[..], &around] {
        let keys = ["--checksum-key", "other.asc", "--checksum-key", "key.asc"];
        let run = scene.run(&[&["push"], list, &keys].concat());
        id(&run);
        assert!(run.stderr.contains(&format!(", signed by {KEY}\n")), "{}", run.stderr);
    }
    // Nobody asked; that its signature counts for nothing is said.
    let run = scene.run(&[&["push"][..], &around].concat());
    id(&run);
    assert!(
        run.stderr.contains("the signature of SHA256SUMS.clear is not verified"),
        "{}",
        run.stderr
    );

    let path = scene.path("SHA256SUMS.clear");
    let forged = std::fs::read_to_string(&path).unwrap().replace(OTHER, &OTHER.replace('0', "1"));
    std::fs::write(&path, forged).unwrap();
    let before = scene.writes();
    let run = scene.run(&[&["push"][..], &around, &["--checksum-key", "key.asc"]].concat());
    assert_eq!((run.code, scene.writes()), (Some(12), before), "{}", run.stderr);
    assert!(
        run.stderr.contains(&format!("it does not match the list and key {KEY}")),
        "{}",
        run.stderr
    );
}

#[test]
fn a_packed_image_is_proved_by_either_name_and_staged_so_too() {
    let scene = scene();
    pack(&scene, "gzip", "noble.img");
    let folder = scene.folder.path();
    let (outer, inner) = (sha256(&folder.join("noble.img.gz")), sha256(&folder.join("noble.img")));
    std::fs::write(folder.join("OUTER"), format!("{outer}  noble.img.gz\n")).unwrap();
    std::fs::write(folder.join("noble.img.sha256"), format!("{inner}\n")).unwrap();
    for (list, said) in [
        ("OUTER", format!("  source    sha256 {outer} as in OUTER")),
        ("SHA256SUMS", format!("  source    sha256 {inner} (decompressed) as in SHA256SUMS")),
        (
            "noble.img.sha256",
            format!("  source    sha256 {inner} (decompressed) as in noble.img.sha256"),
        ),
    ] {
        let run = scene.run(&["push", "noble.img.gz", "--full", "--checksum-file", list]);
        id(&run);
        assert!(run.stderr.contains(&said), "{}", run.stderr);
    }
    let image = ["image", "create", "staged", "--disk-format", "raw", "--container-format", "bare"];
    assert_eq!(scene.run(&image).code, Some(0));
    let stage = ["image", "stage", "staged", "--file", "noble.img.gz"];
    let run = scene.run(&[&stage[..], &["--checksum", OTHER]].concat());
    assert_eq!(run.code, Some(12), "{}", run.stderr);
    assert!(
        run.stderr.contains(&format!("is {outer}, of its decompressed content {inner}")),
        "{}",
        run.stderr
    );
    let run = scene.run(&[&stage[..], &["--json", "--checksum", &inner]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["source_verified_by"], json!(["sha256"]));
}
