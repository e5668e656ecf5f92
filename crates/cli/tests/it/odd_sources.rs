//! Sources that are no disk, have more than their data, or come from servers that do not say where they end.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::{Run, Scene, hex};
use sha2::{Digest as _, Sha256};

use super::sources::{id, pack, serve};

/// A web server that sends neither a length nor chunked encoding; its address.
fn serve_without_length(data: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            for _ in lines.take_while(|line| !line.is_empty()) {}
            let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(head).and_then(|()| stream.write_all(&data));
        }
    });
    format!("http://{address}/noble.img")
}

#[test]
fn a_login_page_is_no_disk_unless_the_user_says_so() {
    let scene = Scene::start_blocking();
    let page = scene.write("page", "<!DOCTYPE html><html><body>Please log in</body></html>\n");
    let url = format!("http://{}/disk.qcow2", serve(&page));
    let refused = scene.run(&["push", &url]);
    assert_eq!(refused.code, Some(11), "{}", refused.stderr);
    refused.says("not-a-disk: it looks like an HTML page, not a disk");
    refused.says("hint: if it is a raw disk, use --disk-format raw");
    assert_eq!(scene.writes(), 0);
    let inspected = scene.run(&["inspect", "page"]);
    assert_eq!(inspected.code, Some(11), "{}", inspected.stdout);
    assert!(inspected.stdout.contains("not-a-disk"), "{}", inspected.stdout);
    let pushed = scene.run(&["push", &url, "--disk-format", "raw"]);
    assert_eq!(scene.record(id(&pushed))["disk_format"], "raw");
}

#[test]
fn a_name_that_promises_another_format_is_refused() {
    let scene = Scene::start_blocking();
    scene.file("disk.qcow2", 1 << 20);
    pack(&scene, "gzip", "disk.qcow2");
    for file in ["disk.qcow2", "disk.qcow2.gz"] {
        let refused = scene.run(&["push", file]);
        assert_eq!(refused.code, Some(11), "{}", refused.stderr);
        refused.says("its name ends in .qcow2, but it is not qcow2");
    }
    let inspected = scene.run(&["inspect", "--json", "disk.qcow2"]);
    assert_eq!(inspected.code, Some(11), "{}", inspected.stdout);
    assert_eq!(inspected.json()["findings"][0]["id"], "not-a-disk");
    let pushed = scene.run(&["push", "disk.qcow2", "--force-format"]);
    assert_eq!(scene.record(id(&pushed))["disk_format"], "raw");
}

#[test]
fn data_after_a_gzip_file_is_ignored_and_verified() {
    let scene = Scene::start_blocking();
    scene.file("openwrt.img", 1 << 20);
    pack(&scene, "gzip", "openwrt.img");
    let mut data = scene.read("openwrt.img.gz");
    data.extend_from_slice(b"\0\0{ \"metadata_version\": \"1.1\" }FWx0");
    scene.write("openwrt.img.gz", &data);
    let sum = hex(Sha256::digest(&data));
    let pushed = scene.run(&["push", "openwrt.img.gz", "--checksum", &sum]);
    assert_eq!(scene.record(id(&pushed))["size"], 1 << 20);
    pushed.says("35 bytes after the compressed data were ignored");
}

#[test]
fn a_response_without_a_length_needs_a_checksum_or_a_size() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 300_000);
    let data = scene.read("disk.img");
    let sum = hex(Sha256::digest(&data));
    let url = serve_without_length(data.clone());
    let refused = scene.run(&["push", &url]);
    assert_eq!(refused.code, Some(10), "{}", refused.stderr);
    refused.says("--checksum");
    refused.says("--size BYTES");
    for arguments in [["--checksum", &*sum], ["--size", "300000"]] {
        let pushed = scene.run(&[&["push", &*url][..], &arguments].concat());
        assert_eq!(scene.record(id(&pushed))["size"], 300_000);
    }
    // A truncated response is never a success.
    let url = serve_without_length(data[..200_000].to_vec());
    let options = ["--retries", "0"];
    for (arguments, code) in [(["--checksum", &*sum], 12), (["--size", "300000"], 10)] {
        let cut = scene.run(&[&["push", &*url][..], &arguments, &options].concat());
        assert_eq!(cut.code, Some(code), "{}", cut.stderr);
    }
}

/// Looking ahead is a help: a mirror that refuses ranges is read in one go.
#[test]
fn a_server_that_refuses_all_ranges_is_read_in_one_go() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 300_000);
    let data = scene.read("disk.img");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/noble.img", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            let is_range = lines.iter().any(|line| line.to_lowercase().starts_with("range:"));
            let (status, body) = if is_range { (416, &b""[..]) } else { (200, &data[..]) };
            let head = format!(
                "HTTP/1.1 {status} Any\r\nAccept-Ranges: bytes\r\nETag: \"a\"\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    let pushed = scene.run(&["push", &url]);
    assert_eq!(scene.record(id(&pushed))["size"], 300_000);
    let inspected = scene.run(&["inspect", "--json", &url]);
    assert_eq!((inspected.code, &inspected.json()["format"]), (Some(0), &"raw".into()));
}

/// A proxy that requires a length refuses a pipe; the hint names what has one.
#[test]
fn a_proxy_that_requires_a_length_is_explained() {
    let scene = Scene::start_blocking();
    let fault = Fault::Status { status: 411, after: 70_000 };
    scene.sandbox().inject(Operation::Upload, fault);
    let command = scene.command(&["push", "--name", "x", "-"]);
    let refused = Run::fed(command, &vec![0; 70_000]);
    assert_eq!(refused.code, Some(21), "{}", refused.stderr);
    refused.says("requires the length of the data: push a file or a URL");
    refused.says("--size BYTES");
}

#[test]
fn the_size_of_a_pipe_is_declared_to_the_service() {
    let scene = Scene::start_blocking();
    let data = vec![0; 70_000];
    let push =
        |size: &str| Run::fed(scene.command(&["push", "--name", "x", "--size", size, "-"]), &data);
    let pushed = push("70000");
    assert_eq!(scene.record(id(&pushed))["size"], 70_000);
    assert_eq!(scene.uploads()[0].header("content-length"), Some("70000"));
    for size in ["69999", "70001"] {
        let refused = push(size);
        assert_eq!(refused.code, Some(10), "{size}: {}", refused.stderr);
    }
}

#[test]
fn a_compressed_container_has_the_compressed_file() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 1 << 20);
    pack(&scene, "gzip", "disk.img");
    let packed = std::fs::metadata(scene.path("disk.img.gz")).unwrap().len();
    let formats = ["--container-format", "compressed", "--disk-format", "raw"];
    let pushed = scene.run(&[&["push", "disk.img.gz"][..], &formats].concat());
    assert_eq!(scene.record(id(&pushed))["size"], packed);
}
