//! `imgpush digest`, against the crates md-5 and sha2 and the vectors of the standards.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use imgpush_scene::{Run, hex, imgpush_in, pattern, signal, spawn};
use md5::Md5;
use sha2::{Digest as _, Sha256, Sha512};

use crate::support::folder;

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = imgpush_in(folder);
    command.arg("digest").args(arguments);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    Run::of(program(folder, arguments).output().unwrap())
}

fn run_with_input(folder: &Path, arguments: &[&str], input: &[u8]) -> Run {
    Run::fed(program(folder, arguments), input)
}

const MD5_ABC: &str = "900150983cd24fb0d6963f7d28e17f72";
const SHA256_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const SHA512_ABC: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                          2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
const BLAKE3_ABC: &str = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";

fn stdout(run: &Run) -> Vec<&str> {
    run.stdout.lines().collect()
}

#[test]
fn a_file_has_the_digests_of_an_image_service_in_the_form_of_coreutils() {
    let folder = folder(&[("a.img", b"abc")]);
    let run = run(folder.path(), &["a.img"]);
    assert_eq!(
        run.stdout,
        format!("{MD5_ABC}  a.img\n{SHA512_ABC}  a.img\n"),
        "stderr: {}",
        run.stderr
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_form_and_the_algorithms_are_chosen() {
    let folder = folder(&[("a.img", b"abc")]);
    let tagged = run(folder.path(), &["--tag", "-a", "sha256", "--algorithm", "md5", "a.img"]);
    let expected = format!("SHA256 (a.img) = {SHA256_ABC}\nMD5 (a.img) = {MD5_ABC}\n");
    assert_eq!(tagged.stdout, expected, "{}", tagged.stderr);

    // 64 digits: without the tag everybody would take it for SHA-256.
    let mixed = run(folder.path(), &["-a", "SHA-256,blake3", "a.img"]);
    let expected = format!("{SHA256_ABC}  a.img\nBLAKE3 (a.img) = {BLAKE3_ABC}\n");
    assert_eq!(mixed.stdout, expected, "{}", mixed.stderr);

    let json = run(folder.path(), &["--json", "a.img", "none.img"]);
    let lines = json.objects();
    let digests = serde_json::json!({ "md5": MD5_ABC, "sha512": SHA512_ABC });
    let object =
        serde_json::json!({ "format_version": 2, "file": "a.img", "size": 3, "digests": digests });
    assert_eq!(lines[0], object);
    assert_eq!(
        (&lines[1]["file"], &lines[1]["error"]["exit_code"]),
        (&"none.img".into(), &10.into())
    );
    assert_eq!(json.code, Some(10));
}

#[test]
fn a_stream_a_folder_and_an_empty_file_are_hashed() {
    let folder = folder(&[("d/b/2.img", b"abc"), ("d/a.img", b""), ("d/b/1.img", b"abc")]);
    let run = run_with_input(folder.path(), &["-a", "md5", "-", "d"], b"abc");
    let empty = "d41d8cd98f00b204e9800998ecf8427e";
    let expected = [
        format!("{MD5_ABC}  -"),
        format!("{empty}  d/a.img"),
        format!("{MD5_ABC}  d/b/1.img"),
        format!("{MD5_ABC}  d/b/2.img"),
    ];
    assert_eq!(stdout(&run), expected, "{}", run.stderr);
    assert_eq!(run.code, Some(0));
}

/// More files than are read at a time, of all lengths from nothing to several chunks.
#[test]
fn many_files_of_unlike_lengths_are_hashed_in_order() {
    let data = pattern(900_000);
    let names: Vec<String> = (0..75).map(|i| format!("{i:02}.img")).collect();
    let content = |i: usize| &data[i..i + [0, 1, 127, 65_536, 262_144, 800_000][i % 6]];
    let files: Vec<(&str, &[u8])> =
        names.iter().enumerate().map(|(i, name)| (name.as_str(), content(i))).collect();
    let folder = folder(&files);
    let mut expected = String::new();
    for (name, content) in &files {
        let digests =
            [hex(Md5::digest(content)), hex(Sha512::digest(content)), hex(Sha256::digest(content))];
        digests.iter().for_each(|digest| expected.push_str(&format!("{digest}  {name}\n")));
    }
    for backend in ["", "portable", "scalar", "avx2", "avx512"] {
        let mut command = program(folder.path(), &["-a", "md5,sha512,sha256", "."]);
        command.env("IMGPUSH_BACKEND", backend);
        let run = Run::of(command.output().unwrap());
        if run.code == Some(2)
            && run.stderr.contains("this CPU does not support the hashing backend")
        {
            continue;
        }
        assert_eq!(run.stdout.replace("./", ""), expected, "{backend}: {}", run.stderr);
    }
}

#[test]
fn what_cannot_be_read_does_not_keep_others_from_being_hashed() {
    let folder = folder(&[("a.img", b"abc")]);
    let run = run(folder.path(), &["-a", "md5", "none.img", "a.img"]);
    assert_eq!(run.stdout, format!("{MD5_ABC}  a.img\n"));
    assert!(run.stderr.contains("cannot open none.img"), "{}", run.stderr);
    assert_eq!(run.code, Some(10));
}

#[test]
fn nonsense_is_a_usage_error() {
    let folder = folder(&[("a.img", b"abc")]);
    for arguments in [
        &["-a", "sm3", "a.img"][..],
        &[],
        &["--check", "--tag", "a.img"],
        &["--ignore-missing", "a.img"],
        &["-j", "0", "a.img"],
    ] {
        assert_eq!(run(folder.path(), arguments).code, Some(2), "{arguments:?}");
    }
    let mut command = program(folder.path(), &["a.img"]);
    let run = Run::of(command.env("IMGPUSH_BACKEND", "mmx").output().unwrap());
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("unknown hashing backend mmx"), "{}", run.stderr);
}

#[test]
fn a_list_that_was_made_is_checked() {
    let folder = folder(&[("d/a.img", b"abc"), ("d/b\nc\\.img", b"x"), ("d/é (1) = 2", b"")]);
    for form in [&["d"][..], &["--tag", "d"], &["-a", "sha3_256,blake2b,sha512_256", "d"]] {
        let list = run(folder.path(), form);
        std::fs::write(folder.path().join("list"), &list.stdout).unwrap();
        let run = run(folder.path(), &["--check", "list"]);
        assert_eq!(stdout(&run), ["d/a.img: OK", "d/b\\nc\\.img: OK", "d/é (1) = 2: OK"]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{form:?}");
    }
}

#[test]
fn a_file_that_is_not_what_the_list_says_is_told_with_both_digests() {
    let folder = folder(&[("a.img", b"abc"), ("b.img", b"abd")]);
    let list = format!("{MD5_ABC}  a.img\n{MD5_ABC} *b.img\n{MD5_ABC}  none.img\n");
    std::fs::write(folder.path().join("MD5SUMS"), list).unwrap();
    let all = run(folder.path(), &["--check", "MD5SUMS"]);
    assert_eq!(stdout(&all), ["a.img: OK", "b.img: FAILED", "none.img: FAILED open or read"]);
    let computed = hex(Md5::digest(b"abd"));
    for told in [MD5_ABC, &computed, "cannot open none.img", "of 3 files, 1 did not match"] {
        assert!(all.stderr.contains(told), "{told}: {}", all.stderr);
    }
    assert_eq!(all.code, Some(12));

    let quiet = run(folder.path(), &["--check", "--quiet", "--ignore-missing", "MD5SUMS"]);
    assert_eq!((stdout(&quiet), quiet.code), (vec!["b.img: FAILED"], Some(12)));

    let json = run(folder.path(), &["--check", "--json", "MD5SUMS"]);
    let objects = json.objects();
    let verified: Vec<_> = objects.iter().map(|object| object["verified"].as_bool()).collect();
    assert_eq!(verified, [Some(true), Some(false), Some(false)]);
    assert_eq!(objects[2]["error"]["exit_code"], 10);
}

/// `SHA512SUMS` and `MD5SUMS` as mirrors publish them, checked together from another folder.
#[test]
fn files_are_found_beside_their_lists_and_read_once_for_several() {
    let folder = folder(&[("mirror/a.img", b"abc"), ("mirror/b.img", b"abc")]);
    let mirror = folder.path().join("mirror");
    std::fs::write(mirror.join("MD5SUMS"), format!("{MD5_ABC}  a.img\n")).unwrap();
    let wrong = SHA512_ABC.replace("dd", "dc");
    let list = format!("SHA512 (a.img) = {wrong}\nSHA512 (b.img) = {SHA512_ABC}\n");
    std::fs::write(mirror.join("SHA512SUMS"), list).unwrap();
    let both = run(folder.path(), &["--check", "mirror/MD5SUMS", "mirror/SHA512SUMS"]);
    assert_eq!(stdout(&both), ["a.img: FAILED", "b.img: OK"]);
    assert!(both.stderr.contains("sha512 listed dc"), "{}", both.stderr);
    assert!(!both.stderr.contains("md5 listed"), "{}", both.stderr);
    let one = run(folder.path(), &["-a", "md5", "--check", "mirror/MD5SUMS"]);
    assert_eq!((stdout(&one), one.code), (vec!["a.img: OK"], Some(0)));
}

#[test]
fn a_clear_signed_list_counts_as_far_as_it_is_signed() {
    let folder = folder(&[("a.img", b"abc"), ("b.img", b"abc")]);
    let list = format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# a.img: 3 bytes\n\
         SHA256 (a.img) = {SHA256_ABC}\n-----BEGIN PGP SIGNATURE-----\n\niQIz\n\
         -----END PGP SIGNATURE-----\nSHA256 (b.img) = {SHA256_ABC}\n"
    );
    std::fs::write(folder.path().join("CHECKSUM"), list).unwrap();
    let lenient = run(folder.path(), &["--check", "CHECKSUM"]);
    assert_eq!((stdout(&lenient), lenient.code), (vec!["a.img: OK"], Some(0)));
    assert!(lenient.stderr.contains("line 10 of CHECKSUM is not a digest"), "{}", lenient.stderr);
    assert!(lenient.stderr.contains("signature of CHECKSUM is not verified"), "{}", lenient.stderr);
    assert_eq!(run(folder.path(), &["--check", "--strict", "CHECKSUM"]).code, Some(10));
}

#[test]
fn what_is_no_list_is_an_error() {
    let folder = folder(&[("image.img", &[0; 5000]), ("empty", b"")]);
    for (list, told) in [
        ("image.img", "image.img contains no digests"),
        ("empty", "empty contains no digests"),
        ("none", "cannot read the list none"),
        (".", "cannot read the list ."),
    ] {
        let run = run(folder.path(), &["--check", list]);
        assert!(run.stderr.contains(told), "{}", run.stderr);
        assert_eq!((run.code, run.stdout.as_str()), (Some(10), ""));
    }
    let list = format!("{MD5_ABC}  none.img\n");
    let run = run_with_input(folder.path(), &["--check", "--ignore-missing", "-"], list.as_bytes());
    assert!(run.stderr.contains("none of the listed files exists"), "{}", run.stderr);
    assert_eq!(run.code, Some(10));
}

#[test]
fn the_names_in_a_list_do_not_steer_the_terminal() {
    let folder = folder(&[]);
    let list = format!("{MD5_ABC}  \x1b[2Ja.img\n");
    let run = run_with_input(folder.path(), &["--check", "-"], list.as_bytes());
    assert!(run.stdout.starts_with("\\u{1b}[2Ja.img: FAILED"), "{:?}", run.stdout);
    assert!(!run.stderr.contains('\x1b'), "{:?}", run.stderr);
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_it_though_there_is_more_to_come() {
    let folder = folder(&[]);
    let mut command = program(folder.path(), &["-", "--progress", "json"]);
    let mut child = spawn(command.stdin(Stdio::piped()));
    // Kept open: there is always more to come.
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"abc").unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("\"hashing\""));
    signal(&child, "INT");
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(lines.map_while(Result::ok).any(|line| line.contains("interrupted")));
}
