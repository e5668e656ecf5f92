//! `imgpush push` of what is there already.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::{Run, Scene, hex, imgpush_in, pattern};
use serde_json::Value;
use sha2::Digest as _;

use crate::support::folder;

#[test]
fn a_push_that_is_run_again_says_what_it_found() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 3 << 20);
    let first = scene.run(&["push", "disk.img", "--if-exists", "skip"]);
    let again = scene.run(&["push", "disk.img", "--if-exists", "skip"]);
    assert_eq!((again.code, &again.stdout), (Some(0), &first.stdout), "{}", again.stderr);
    let lines: Vec<&str> = again.stderr.lines().collect();
    assert_eq!(lines[0], "skipped disk.img: disk in mycloud has the same content, 3.00 MiB");
    assert!(lines[2].starts_with("  verified  sha512 "), "{}", again.stderr);

    scene.file("disk.img", 2 << 20);
    let other = scene.run(&["push", "disk.img", "--if-exists", "skip"]);
    assert_eq!((other.code, other.stdout.as_str()), (Some(21), ""));
    let id = first.stdout.trim();
    let said = format!(
        "an image named disk exists: image {id} has 3145728 bytes, but the source has 2097152"
    );
    assert!(other.stderr.contains(&said), "{}", other.stderr);
    assert!(other.stderr.contains("hint: --if-exists replace retires"), "{}", other.stderr);

    let replaced = scene.run(&["push", "disk.img", "--if-exists", "replace"]);
    assert_eq!(replaced.code, Some(0), "{}", replaced.stderr);
    assert!(replaced.stderr.contains(&format!("  hidden    {id}\n")), "{}", replaced.stderr);
    assert_eq!(scene.record(id)["os_hidden"], true);
}

#[test]
fn a_pipe_and_options_that_do_not_fit_are_refused_with_a_hint() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    scene.run(&["push", "disk.img"]);
    let piped = scene.command(&["push", "-", "--name", "disk", "--if-exists", "skip"]);
    let run = Run::fed(piped, &[7; 5000]);
    assert_eq!(run.code, Some(21));
    assert!(run.stderr.contains("cannot compare standard input with the existing image"));
    assert!(run.stderr.contains("can be read only once"), "{}", run.stderr);
    assert!(
        run.stderr.contains("hint: push a file, or give the digest with --checksum"),
        "{}",
        run.stderr
    );

    let run = scene.run(&["push", "disk.img", "--replaced", "delete"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("--replaced goes with --if-exists replace only"), "{}", run.stderr);

    // Without a cloud of that file.
    let elsewhere = folder(&[("disk.img", &[7; 5000])]);
    let mut command = imgpush_in(elsewhere.path());
    command.args(["push", "disk.img", "--if-exists", "skip", "--os-auth-type", "admin_token"]);
    command.args(["--os-endpoint", scene.sandbox().url()]).env("OS_TOKEN", "x");
    let run = Run::of(command.output().unwrap());
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("does not name its project"), "{}", run.stderr);
}

#[test]
fn an_id_can_be_given_or_derived() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    let mut ids = Vec::new();
    for action in ["pushed", "taken-over"] {
        let run = scene.run(&["push", "disk.img", "--id", "derived", "--json"]);
        let report = run.json();
        assert_eq!(report["action"], action);
        ids.push(report["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn hashing_before_anything_is_sent_is_shown() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5 << 20);
    let push = ["push", "disk.img", "--if-exists", "skip", "--progress", "json", "--json"];
    let run = scene.run(&push);
    let phases: Vec<Value> =
        run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at = |phase| phases.iter().position(|line: &Value| line["phase"] == phase);
    assert!(at("hashing").unwrap() < at("creating").unwrap(), "{}", run.stderr);
}

/// Serves a file by HTTP, one request at a time, and counts the bytes sent.
fn web(file: Vec<u8>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/disk.img", listener.local_addr().unwrap());
    let given = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&given);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Who goes away has what it wants.
            let _ = give(&stream.unwrap(), &file, &count);
        }
    });
    (address, given)
}

fn give(mut stream: &TcpStream, file: &[u8], count: &AtomicUsize) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
    }
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len())?;
    for part in file.chunks(1 << 16) {
        stream.write_all(part)?;
        count.fetch_add(part.len(), Ordering::Relaxed);
    }
    Ok(())
}

/// What a connection holds is on its way by then; the rest of the file is not.
#[test]
fn a_mirror_does_not_fetch_what_the_cloud_has() {
    let scene = Scene::start_blocking();
    let file = pattern(48 << 20);
    let list = |name: &str, hex: String| scene.write(name, format!("{hex}  disk.img\n"));
    list("SHA256SUMS", hex(sha2::Sha256::digest(&file)));
    list("SHA512SUMS", hex(sha2::Sha512::digest(&file)));
    let size = file.len();
    let (address, given) = web(file);
    let push = |list| ["push", &*address, "--checksum-file", list, "--if-exists", "skip", "--json"];
    let first = scene.run(&push("SHA256SUMS")).json();
    assert_eq!((&first["action"], given.swap(0, Ordering::Relaxed)), (&"pushed".into(), size));

    // The service does not have this digest, so the bytes are compared.
    let run = scene.run(&push("SHA256SUMS"));
    let again = run.json();
    assert_eq!(
        (run.code, &again["id"], &again["action"]),
        (Some(0), &first["id"], &"skipped".into())
    );
    assert_eq!(given.swap(0, Ordering::Relaxed), size);

    let arguments = push("SHA512SUMS");
    let run = scene.run(&arguments);
    let again = run.json();
    assert_eq!((run.code, &again["id"]), (Some(0), &first["id"]));
    assert_eq!(again["verified_by"], serde_json::json!(["os_hash_value"]));
    let given = given.load(Ordering::Relaxed);
    assert!(given < size / 4, "{given} of {size} bytes were given");
    let plain = scene.run(&arguments[..arguments.len() - 1]);
    assert!(plain.stderr.contains("note: not-read: "), "{}", plain.stderr);
}

/// The sandbox answers so where the retirement fails.
#[test]
fn what_is_not_retired_is_named_and_the_new_image_kept() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    let old = scene.run(&["push", "disk.img"]).stdout;
    scene.file("disk.img", 6000);
    // Of the new image, which can keep its property, and of the old one.
    for _ in 0..2 {
        scene.sandbox().inject(Operation::Update, Fault::Status { status: 403, after: 0 });
    }
    let run = scene.run(&["push", "disk.img", "--if-exists", "replace", "--json"]);
    assert_eq!(run.code, Some(24), "{}", run.stderr);
    let said = format!("but did not replace {}", old.trim());
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    let json = run.json();
    assert_eq!(json["error"]["record"], "kept");
    assert_eq!(scene.record(json["id"].as_str().unwrap())["status"], "active");
}
