//! A web server with the files of a scene, and pushes from it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;

use imgpush_engine::checksum::Expected;
use imgpush_engine::source::{ChecksumError, Source, open};
use imgpush_engine::{
    Algorithm, CancellationToken, Push, PushError, PushOptions, RecordOutcome, Report, SourceError,
};
use imgpush_scene::Scene;

#[expect(dead_code, reason = "the tests of checksums use the rest")]
#[path = "../../../../source/tests/checksum/data.rs"]
mod data;

pub(crate) use self::data::{BYTES, content, sha256, sha512, unpacking, xz};

/// Starts a web server for the folder of the scene, and returns its address.
pub(crate) fn serve(scene: &Scene) -> String {
    let folder = scene.folder.path().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            for _ in lines.take_while(|line| !line.is_empty()) {}
            let path = request.split_whitespace().nth(1).unwrap_or_default();
            let name = path.trim_start_matches('/').split('?').next().unwrap_or_default();
            let (status, body) = match std::fs::read(folder.join(name.replace("%2B", "+"))) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            // The client may have closed the connection.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}

pub(crate) async fn push(scene: &Scene, source: Box<dyn Source>) -> Result<Report, PushError> {
    let push = Push::new(scene.client.clone(), PushOptions::named("image"));
    push.run(source, &CancellationToken::new()).await
}

/// Opens a source, adds the expected digests, and pushes it.
pub(crate) async fn push_place(
    scene: &Scene,
    place: &Path,
    expected: &Expected,
) -> Result<Report, PushError> {
    push(scene, expected.of(open(place, &unpacking()).await.unwrap()).unwrap()).await
}

/// Asserts that the push fails after the record was created, because the source differs, and that no record
/// is left.
pub(crate) async fn differs(scene: &Scene, source: Box<dyn Source>) -> Differs {
    let error = push(scene, source).await.expect_err("the push has succeeded with other data");
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{:?}", error.outcome);
    assert!(scene.images().await.is_empty(), "a record is left");
    let Some(SourceError::Unverified(reason)) = error.failure.source_error() else {
        panic!("{error:?}")
    };
    let ChecksumError::Differs { name, algorithm, expected, found, .. } = &**reason else {
        panic!("{reason:?}")
    };
    let (expected, found) = (expected.clone(), found.clone());
    Differs { name: name.clone(), algorithm: *algorithm, expected, found }
}

/// The error of a source that differs.
pub(crate) struct Differs {
    pub(crate) name: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) expected: String,
    pub(crate) found: Vec<String>,
}
