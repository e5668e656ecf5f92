//! Sources of the commands: addresses, compressed files, mapped files.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use sha2::{Digest as _, Sha256};

use imgpush_scene::{Run, Scene, hex};

/// A web server that has the file under any path but `/none`; the address without a path.
pub(crate) fn serve(file: &Path) -> String {
    let data = std::fs::read(file).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            for _ in lines.take_while(|line| !line.is_empty()) {}
            let (status, body) = match request.contains(" /none") {
                true => ("404 Not Found", &b""[..]),
                false => ("200 OK", &data[..]),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            // A program that goes away is no matter.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    address
}

/// Packs a file by the tool of that name, beside it.
pub(crate) fn pack(scene: &Scene, tool: &str, file: &str) {
    let status = Command::new(tool).args(["-k", file]).current_dir(scene.folder.path()).status();
    assert!(status.unwrap().success());
}

pub(crate) fn id(run: &Run) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout.trim()
}

/// The address of a port on which nothing listens.
fn dead_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_dead_proxy_is_named_and_its_cause_is_given_once() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    scene.add_cloud(
        "  far:\n    auth: {auth_url: 'http://cloud.invalid/v3', username: u, password: p, \
         project_name: p}\n",
    );
    let proxy = dead_address();
    for (arguments, first) in [
        (
            &["push", "http://images.invalid/noble.img", "--cloud", "mycloud"][..],
            "error: cannot push http://images.invalid/noble.img to mycloud\n  \
             Caused by: cannot reach http://images.invalid/noble.img\n",
        ),
        (
            &["push", "disk.img", "--cloud", "far"],
            "error: cannot push disk.img to far\n  \
             Caused by: cannot log in to the identity service at http://cloud.invalid/v3\n",
        ),
    ] {
        let mut command = scene.command(arguments);
        command.env("http_proxy", proxy.replace("//", "//user:hunter2@"));
        let run = scene.run_command(command);
        let causes = format!(
            "{first}  Caused by: cannot connect to the proxy {proxy}\n  \
             Caused by: Connection refused (os error 111)\n"
        );
        assert!(run.stderr.starts_with(&causes), "{}", run.stderr);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
}

#[test]
fn the_mirror_of_a_redirect_is_named() {
    let scene = Scene::start_blocking();
    let mirror = dead_address();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let target = mirror.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            for _ in lines.take_while(|line| !line.is_empty()) {}
            let answer = format!(
                "HTTP/1.1 302 Found\r\nLocation: {target}/mirror/noble.img\r\nContent-Length: 0\r\n\
                 Connection: close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let run = scene.run(&["push", &format!("http://{address}/noble.img")]);
    let said = format!(
        "cannot reach http://{address}/noble.img (redirected to {mirror}/mirror/noble.img)\n"
    );
    assert!(run.stderr.contains(&said), "{}", run.stderr);
}

#[test]
fn an_image_comes_from_an_address_and_its_secrets_are_shown_nowhere() {
    let scene = Scene::start_blocking();
    let address = serve(&scene.file("disk.img", 3 << 20));
    let url = format!("http://user:hunter2@{address}/images/noble.img?sig=hunter2");
    let run = scene.run(&["push", &url, "--json", "-vvv"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["name"], "noble");
    assert_eq!(report["source"], format!("http://{address}/images/noble.img?…"));
    assert_eq!(report["size"], 3 << 20);

    let missing = scene.run(&["push", &format!("http://user:hunter2@{address}/none?hunter2")]);
    assert_eq!(missing.code, Some(10));
    assert!(missing.stderr.contains("answered 404 Not Found"), "{}", missing.stderr);
    assert!(missing.stderr.starts_with("error: cannot push "), "{}", missing.stderr);

    let sums = scene.run(&["digest", "-a", "sha256", &url]);
    let sum = hex(Sha256::digest(scene.read("disk.img")));
    assert_eq!(sums.stdout, format!("{sum}  http://{address}/images/noble.img?…\n"));

    let inspected = scene.run(&["inspect", "--json", &url]);
    let report = inspected.json();
    assert_eq!(report["file"], format!("http://{address}/images/noble.img?…"));
    assert_eq!(report["format"], "raw", "{}", inspected.stdout);

    for run in [run, missing, sums, inspected] {
        assert!(!format!("{}{}", run.stdout, run.stderr).contains("hunter2"), "{}", run.stderr);
    }
}

#[test]
fn a_packed_image_is_pushed_unpacked_and_verified_against_its_file() {
    let scene = Scene::start_blocking();
    scene.file("noble.img", 3 << 20);
    pack(&scene, "gzip", "noble.img");
    let pushed = scene.run(&["push", "noble.img.gz"]);
    let record = scene.record(id(&pushed));
    assert_eq!((&record["name"], &record["size"]), (&"noble".into(), &(3 << 20).into()));
    for file in ["noble.img.gz", "noble.img"] {
        assert_eq!(scene.run(&["verify", "noble", "--file", file]).code, Some(0), "{file}");
    }
    let packed = scene.run(&["verify", "--decompress", "never", "noble", "--file", "noble.img.gz"]);
    assert_eq!(packed.code, Some(12), "{}", packed.stderr);

    let kept = scene.run(&["push", "noble.img.gz", "--decompress", "never"]);
    assert_eq!(kept.code, Some(11), "{}", kept.stderr);

    let bomb = scene.run(&["push", "noble.img.gz", "--max-size", "1M"]);
    assert_eq!(bomb.code, Some(10));
    assert!(bomb.stderr.contains("has more than 1 MiB after decompression"), "{}", bomb.stderr);

    let file = scene.path("noble.img.gz");
    let data = std::fs::read(&file).unwrap();
    std::fs::write(&file, &data[..data.len() - 9]).unwrap();
    let cut = scene.run(&["push", "noble.img.gz"]);
    assert_eq!(cut.code, Some(10));
    assert!(
        cut.stderr.contains("cannot decompress noble.img.gz: the gzip data is"),
        "{}",
        cut.stderr
    );
}

/// A ramdisk is compressed on purpose.
#[test]
fn what_a_kernel_starts_from_stays_packed() {
    let scene = Scene::start_blocking();
    scene.file("initrd.img", 1 << 20);
    pack(&scene, "gzip", "initrd.img");
    let packed = std::fs::metadata(scene.path("initrd.img.gz")).unwrap().len();
    let arguments = ["push", "initrd.img.gz", "--disk-format", "ari", "--force-format"];
    let pushed = scene.run(&arguments);
    assert_eq!(scene.record(id(&pushed))["size"], packed);
}

#[test]
fn a_digest_is_of_the_file_unless_its_content_is_asked_for() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 1 << 20);
    pack(&scene, "gzip", "disk.img");
    let digest = |arguments: &[&str]| {
        let run = scene.run(&[&["digest", "-a", "sha256"], arguments].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout[..64].to_owned()
    };
    let unpacked = digest(&["disk.img"]);
    assert_ne!(digest(&["disk.img.gz"]), unpacked);
    assert_eq!(digest(&["--decompress", "auto", "disk.img.gz"]), unpacked);
}

/// Names in a list are files.
#[test]
fn a_list_makes_nobody_ask_the_network() {
    let scene = Scene::start_blocking();
    let address = serve(&scene.file("disk.img", 5));
    let sum = "0".repeat(64);
    scene.write("SHA256SUMS", format!("{sum}  http://{address}/x\n"));
    let run = scene.run(&["digest", "--check", "SHA256SUMS"]);
    assert_eq!(run.code, Some(10), "{}", run.stderr);
    assert!(run.stderr.contains("cannot open ./http://"), "{}", run.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_is_pushed_and_hashed_by_mapping_too() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", (3 << 20) + 5);
    let pushed = scene.run(&["push", "disk.img", "--io", "mmap"]);
    assert_eq!(scene.record(id(&pushed))["size"], (3 << 20) + 5);
    let mapped = scene.run(&["digest", "--io", "mmap", "disk.img"]);
    assert_eq!(mapped.stdout, scene.run(&["digest", "disk.img"]).stdout);
}
