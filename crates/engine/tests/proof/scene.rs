//! A sandbox to push to, files, and a web server that has them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::common::connect;
use futures_util::TryStreamExt as _;
use imgpush_engine::client::{ImageClient, ImageQuery};
use imgpush_engine::proof::{Expected, ProofError};
use imgpush_engine::source::{Source, SourceOptions, open};
use imgpush_engine::{
    Algorithm, CancellationToken, Fate, Push, PushError, PushOptions, Report, SourceError,
};
use imgpush_sandbox::{Sandbox, SandboxOptions, USER};
use sha2::Digest as _;

/// Several chunks, and a part of one.
pub(crate) const BYTES: usize = (9 << 20) + 17;

/// Bytes that pack, but not to nothing, and that are not like those of another seed.
pub(crate) fn content(seed: u8) -> Vec<u8> {
    (0..BYTES).map(|at| (at % 251) as u8 ^ (at >> 13) as u8 ^ seed).collect()
}

pub(crate) fn xz(data: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    liblzma::read::XzEncoder::new(data, 0).read_to_end(&mut packed).unwrap();
    packed
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn sha256(data: &[u8]) -> String {
    hex(sha2::Sha256::digest(data))
}

pub(crate) fn sha512(data: &[u8]) -> String {
    hex(sha2::Sha512::digest(data))
}

pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: ImageClient,
    pub(crate) folder: tempfile::TempDir,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        Scene::of(sandbox, None).await
    }

    /// One whose tokens can be refused.
    pub(crate) async fn with_tokens() -> Self {
        let options = SandboxOptions::default().with_tokens(Duration::from_secs(3600));
        let sandbox = Sandbox::start(options).await.unwrap();
        Scene::of(sandbox, Some(USER)).await
    }

    async fn of(sandbox: Sandbox, user: Option<&str>) -> Self {
        let client = connect(&sandbox, user).await;
        Scene { sandbox, client, folder: tempfile::tempdir().unwrap() }
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str, data: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, data).unwrap();
        path
    }

    /// The address of a web server that has what is in the folder.
    pub(crate) fn serve(&self) -> String {
        let folder = self.folder.path().to_owned();
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
                // Whoever reads may go away.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        address
    }

    pub(crate) async fn push(&self, source: Box<dyn Source>) -> Result<Report, PushError> {
        let push = Push::new(self.client.clone(), PushOptions::named("image"));
        push.run(source, &CancellationToken::new()).await
    }

    /// Opens, wraps and pushes.
    pub(crate) async fn push_place(
        &self,
        place: &Path,
        expected: &Expected,
    ) -> Result<Report, PushError> {
        self.push(expected.of(open(place, &unpacking()).await.unwrap()).unwrap()).await
    }

    /// The push fails since the source differs, after the record was made, and leaves none.
    pub(crate) async fn differs(&self, source: Box<dyn Source>) -> Differs {
        let error = self.push(source).await.expect_err("something else became an image");
        assert!(matches!(error.fate, Fate::Removed { .. }), "{:?}", error.fate);
        assert_eq!(self.images().await, 0, "something is left behind");
        let Some(SourceError::Unproved(reason)) = error.failure.source_error() else {
            panic!("{error:?}")
        };
        let ProofError::Differs { name, algorithm, expected, found, .. } = &**reason else {
            panic!("{reason:?}")
        };
        let (expected, found) = (expected.clone(), found.clone());
        Differs { name: name.clone(), algorithm: *algorithm, expected, found }
    }

    pub(crate) async fn images(&self) -> usize {
        let images: Vec<_> =
            self.client.images(&ImageQuery::default()).try_collect().await.unwrap();
        images.len()
    }
}

/// What is said of a source that differs.
pub(crate) struct Differs {
    pub(crate) name: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) expected: String,
    pub(crate) found: Vec<String>,
}

pub(crate) fn unpacking() -> SourceOptions {
    let mut options = SourceOptions::default();
    options.unpack = true;
    options
}

/// What keeps a source from being proved at all.
pub(crate) fn unprovable(result: Result<Box<dyn Source>, SourceError>) -> ProofError {
    match result.map(|source| source.name().to_owned()) {
        Err(SourceError::Unproved(error)) => *error,
        other => panic!("{other:?}"),
    }
}
