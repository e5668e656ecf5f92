//! A scripted service with one image, and a folder to download to.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imgpush_engine::client::{Image, ImageClient};
use imgpush_engine::{
    CancellationToken, Download, DownloadOptions, DownloadReport, Phase, Progress, PullError,
};
use imgpush_scene::{hex, open_client, sha512};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const MIB: usize = 1 << 20;
/// Several chunks and an incomplete one.
pub(crate) const SIZE: usize = 5 * MIB + 77;
pub(crate) const ID: &str = "8f3a2c1e-0d4b-4f6a-9b7c-1e2d3c4b5a69";

/// The response of the service to one request for the data; a regular one by default.
#[derive(Clone, Copy)]
pub(crate) enum Response {
    /// Closes the connection after this number of bytes of the body.
    Cut(u64),
    /// Stalls after this number of bytes of the body.
    Stall(u64),
    /// Responds with this status.
    Status(u16),
    /// Sends no length of the response.
    Endless,
    /// Answers a range request with at most this number of bytes, and declares that.
    Short(u64),
}

/// A service with one image.
pub(crate) struct Service {
    data: Vec<u8>,
    pub(crate) script: Mutex<VecDeque<Response>>,
    /// The first byte of each request.
    pub(crate) asked: Mutex<Vec<u64>>,
    /// Bytes of data sent.
    pub(crate) sent: AtomicU64,
    /// Maximum number of concurrent connections for data.
    pub(crate) most: AtomicUsize,
    open: AtomicUsize,
    /// Whether the service supports `Range`.
    ranges: bool,
    /// Whether the service rejects `Range`, as Glance does for a store without random reads.
    pub(crate) refuses_ranges: AtomicBool,
    /// The pause before each 64 KiB.
    pub(crate) piece_millis: AtomicU64,
}

impl Service {
    async fn serve(self: Arc<Self>, socket: TcpStream) -> std::io::Result<()> {
        let open = self.open.fetch_add(1, Ordering::Relaxed);
        let response = (open >= self.most.load(Ordering::Relaxed)).then_some(Response::Status(503));
        let answered = self.answer(socket, response).await;
        self.open.fetch_sub(1, Ordering::Relaxed);
        answered
    }

    async fn answer(
        &self,
        mut socket: TcpStream,
        response: Option<Response>,
    ) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.starts_with(&format!("get /v2/images/{ID}/file")), "{head}");
        let range = head.lines().find_map(|line| line.strip_prefix("range: bytes="));
        let (from, to) = range.and_then(|range| range.split_once('-')).unwrap_or(("0", ""));
        let from: u64 = from.parse().unwrap();
        self.asked.lock().unwrap().push(from);
        if range.is_some() && self.refuses_ranges.load(Ordering::Relaxed) {
            let body = "{\"message\": \"Getting images randomly from this store is not \
                        supported. Offset: 1, length: None<br /><br />\"}";
            let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            return socket.write_all(answer.as_bytes()).await;
        }
        let response = response.or_else(|| self.script.lock().unwrap().pop_front());
        if let Some(Response::Status(status)) = response {
            let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: 2\r\n\r\nno");
            return socket.write_all(answer.as_bytes()).await;
        }
        let size = self.data.len() as u64;
        let is_range = self.ranges && range.is_some();
        let from = if is_range { from } else { 0 };
        let end = to.parse().map_or(size, |to: u64| if is_range { to + 1 } else { size });
        let end = match response {
            Some(Response::Short(most)) if is_range => end.min(from + most),
            _ => end,
        };
        let status = if is_range {
            // An empty range has no last byte; the declared range is the requested one.
            let last = if end == from { size } else { end } - 1;
            format!("206 Partial Content\r\ncontent-range: bytes {from}-{last}/{size}")
        } else {
            "200 OK".to_owned()
        };
        let length = match response {
            Some(Response::Endless) => "connection: close".to_owned(),
            _ => format!("content-length: {}", end - from),
        };
        let head = format!("HTTP/1.1 {status}\r\n{length}\r\n\r\n");
        socket.write_all(head.as_bytes()).await?;
        let body = &self.data[usize::try_from(from).unwrap()..usize::try_from(end).unwrap()];
        let until = match response {
            Some(Response::Cut(bytes) | Response::Stall(bytes)) => {
                body.len().min(usize::try_from(bytes).unwrap())
            }
            _ => body.len(),
        };
        for piece in body[..until].chunks(64 << 10) {
            let millis = self.piece_millis.load(Ordering::Relaxed);
            if millis > 0 {
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            socket.write_all(piece).await?;
            self.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        if let Some(Response::Stall(_)) = response {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        socket.shutdown().await
    }
}

pub(crate) struct Scripted {
    pub(crate) service: Arc<Service>,
    pub(crate) client: ImageClient,
    pub(crate) folder: tempfile::TempDir,
    memory_bytes: u64,
}

impl Scripted {
    pub(crate) async fn new(data: Vec<u8>, script: impl Into<VecDeque<Response>>) -> Self {
        Scripted::with_ranges(data, script, true).await
    }

    pub(crate) async fn with_ranges(
        data: Vec<u8>,
        script: impl Into<VecDeque<Response>>,
        ranges: bool,
    ) -> Self {
        let service = Arc::new(Service {
            data,
            script: Mutex::new(script.into()),
            asked: Mutex::default(),
            sent: AtomicU64::new(0),
            most: AtomicUsize::new(usize::MAX),
            open: AtomicUsize::new(0),
            ranges,
            refuses_ranges: AtomicBool::new(false),
            piece_millis: AtomicU64::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = Arc::clone(&service);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&serving).serve(socket));
            }
        });
        let client = open_client(&url).await;
        Scripted { service, client, folder: tempfile::tempdir().unwrap(), memory_bytes: 64 << 20 }
    }

    /// Sets the memory limit of the downloads.
    pub(crate) fn within(mut self, memory_bytes: u64) -> Self {
        self.memory_bytes = memory_bytes;
        self
    }

    pub(crate) fn download(&self, options: DownloadOptions) -> Download {
        Download::new(self.client.clone(), options)
            .with_memory_bytes(self.memory_bytes)
            .on_cloud("scripted")
    }

    pub(crate) fn destination(&self) -> PathBuf {
        self.folder.path().join("disk.img")
    }

    pub(crate) fn partial(&self) -> PathBuf {
        self.folder.path().join(format!("disk.img.{ID}.part"))
    }

    pub(crate) async fn fetch(&self, image: &Image) -> Result<DownloadReport, PullError> {
        self.fetch_with(image, quick()).await
    }

    pub(crate) async fn fetch_with(
        &self,
        image: &Image,
        options: DownloadOptions,
    ) -> Result<DownloadReport, PullError> {
        let cancel = CancellationToken::new();
        self.download(options).to_file(image, self.destination(), &cancel).await
    }

    pub(crate) fn asked(&self) -> Vec<u64> {
        self.service.asked.lock().unwrap().clone()
    }

    /// Returns the paths of all files.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// Retries after a short pause.
pub(crate) fn quick() -> DownloadOptions {
    let mut options = DownloadOptions::default();
    options.retry_pause = Duration::from_millis(1);
    options
}

/// Returns the record of an image with this data, with changes.
pub(crate) fn image(data: &[u8], changes: &Value) -> Image {
    let mut record = json!({
        "id": ID, "name": "noble", "status": "active", "size": data.len(),
        "checksum": hex(Md5::digest(data)),
        "os_hash_algo": "sha512", "os_hash_value": sha512(data),
    });
    for (key, value) in changes.as_object().unwrap() {
        record[key] = value.clone();
    }
    serde_json::from_value(record).unwrap()
}

pub(crate) fn is_same(path: &Path, data: &[u8]) -> bool {
    std::fs::read(path).unwrap() == data
}

#[derive(Default)]
pub(crate) struct RecordedEvents {
    pub(crate) phases: Mutex<Vec<Phase>>,
    pub(crate) sent: Mutex<Vec<u64>>,
}

impl Progress for RecordedEvents {
    fn phase(&self, phase: Phase) {
        self.phases.lock().unwrap().push(phase);
    }

    fn sent(&self, bytes: u64) {
        self.sent.lock().unwrap().push(bytes);
    }
}
