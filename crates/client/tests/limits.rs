//! Memory that the responses of a service can make the client allocate: no more than the limit for one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::error::Error as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::TryStreamExt as _;
use imgpush_client::{Cloud, CloudOptions, Error, Image, ImageClient, ImageQuery, Surroundings};
use peak_alloc::PeakAlloc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// Counts allocations, to measure the peak.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Runs one test at a time, since memory is counted for the complete process.
static ALONE: Mutex<()> = Mutex::const_new(());

const MIB: u64 = 1 << 20;
/// The limit of a response, as documented.
const LIMIT: u64 = 16 * MIB;

/// A response whose body is generated while it is sent: a start, and a repeated piece.
#[derive(Clone, Default)]
struct Answer {
    status: u16,
    headers: String,
    start: Vec<u8>,
    piece: Vec<u8>,
    pieces: u64,
}

impl Answer {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Answer { status, start: body.into(), ..Answer::default() }
    }

    fn header(mut self, header: &str) -> Self {
        self.headers.push_str(&format!("{header}\r\n"));
        self
    }

    /// Repeats this text for at least this number of bytes.
    fn and_then(mut self, text: &str, bytes: u64) -> Self {
        self.piece = text.repeat((64 << 10) / text.len()).into_bytes();
        self.pieces = bytes / self.piece.len() as u64;
        self
    }

    fn length(&self) -> u64 {
        self.start.len() as u64 + self.piece.len() as u64 * self.pieces
    }
}

/// A service with the same response to every request.
struct Service {
    url: String,
    /// Bytes of bodies that it has sent.
    sent: Arc<AtomicU64>,
}

impl Service {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that closes the connection is the tested case.
                let _ = serve(stream, &answer, &counter).await;
            }
        });
        Service { url, sent }
    }

    /// A client of this image service.
    async fn images(&self) -> ImageClient {
        self.connect("none", &[("endpoint", &self.url)]).await.unwrap()
    }

    /// A login at this identity service.
    async fn login(&self, path: &str) -> Error {
        let auth_url = format!("{}{path}", self.url);
        let user = [("username", "u"), ("password", "p"), ("user_domain_id", "default")];
        let settings = [&[("auth_url", &*auth_url)], &user[..]].concat();
        self.connect("password", &settings).await.unwrap_err()
    }

    async fn connect(&self, kind: &str, settings: &[(&str, &str)]) -> Result<ImageClient, Error> {
        let options = CloudOptions::default().with_setting("auth_type", kind);
        let options = settings
            .iter()
            .fold(options, |options, (key, value)| options.with_setting(*key, *value));
        let cloud = Cloud::load_from(&options, &Surroundings::default()).unwrap();
        ImageClient::connect(&cloud).await
    }
}

async fn serve(mut stream: TcpStream, answer: &Answer, sent: &AtomicU64) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let Answer { status, headers, .. } = answer;
    let head = format!("HTTP/1.1 {status} Status\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&answer.start).await?;
    for _ in 0..answer.pieces {
        stream.write_all(&answer.piece).await?;
        sent.fetch_add(answer.piece.len() as u64, Ordering::Relaxed);
    }
    stream.shutdown().await?;
    // Unread bytes of the request would reset the connection and lose the response.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}

/// The result of a call, and its peak memory.
async fn measured<T>(call: impl Future<Output = T>) -> (T, u64) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = call.await;
    (result, (MEMORY.peak_usage() - before) as u64)
}

/// The message about a response, with its causes.
fn unreadable(error: &Error) -> String {
    let decoding = match error {
        Error::Login { source, .. } => source.downcast_ref().unwrap(),
        error => error,
    };
    assert!(matches!(decoding, Error::Decode { .. }), "{error:?}");
    assert!(!error.is_transient(), "the same answer would come again");
    decoding.source().unwrap().to_string()
}

/// Calls of all functions that read responses; they share one implementation.
async fn answers(answer: Answer) -> Vec<(&'static str, Error, u64, u64)> {
    let mut seen = Vec::new();
    let service = Service::start(answer).await;
    let client = service.images().await;
    let (record, memory) = measured(client.image("x")).await;
    seen.push(("image", record.unwrap_err(), memory, service.sent.swap(0, Ordering::Relaxed)));
    let (list, memory) =
        measured(client.images(&ImageQuery::default()).try_collect::<Vec<Image>>()).await;
    seen.push(("list", list.unwrap_err(), memory, service.sent.swap(0, Ordering::Relaxed)));
    // An address without a version: the first request is for the versions.
    for (call, path) in [("versions", ""), ("token", "/v3")] {
        let (error, memory) = measured(service.login(path)).await;
        seen.push((call, error, memory, service.sent.swap(0, Ordering::Relaxed)));
    }
    seen
}

fn token(body: &str) -> Answer {
    Answer::new(200, body).header("X-Subject-Token: t")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_an_end_takes_no_more_than_the_limit() {
    let _alone = ALONE.lock().await;
    // Bodies that end with the connection, and one with a declared length.
    let endless = token("[").and_then("0,", 1 << 30);
    let announced = endless.clone().header(&format!("Content-Length: {}", endless.length()));
    for (answer, read) in [(endless, LIMIT), (announced, 0)] {
        for (call, error, memory, sent) in answers(answer).await {
            assert_eq!(unreadable(&error), "it has more than 16 MiB", "{call}");
            // A growing vector briefly holds its bytes twice.
            assert!(memory < 3 * LIMIT + 2 * MIB, "{call}: {memory} bytes of memory");
            // The rest is in the buffers of the sockets.
            assert!(sent < read + 16 * MIB, "{call}: {sent} bytes sent");
        }
    }
}

/// Each value can take up to a hundred times the memory of its text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_many_small_values_takes_little_more_than_its_text() {
    let _alone = ALONE.lock().await;
    for piece in [r#"{"":0},"#, "[0],", "0,", r#"{"":{"":{"":{"":0}}}},"#] {
        let mut body = format!("[{}0]", piece.repeat((15 << 20) / piece.len()));
        let record = r#""id":"x","status":"queued""#;
        body = format!(r#"{{{record},"a":{body}}}"#);
        for (call, error, memory, _) in answers(token(&body)).await {
            assert_eq!(unreadable(&error), "it has more than 262144 values", "{call}");
            assert!(memory < 3 * LIMIT + 2 * MIB, "{call}: {memory} bytes of memory");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_the_limit_is_read() {
    let _alone = ALONE.lock().await;
    let record = r#"{"id": "8f3a2c1e-0d4b-4f6a-9b7c-1e2d3c4b5a69", "status": "active"}"#;
    let answer = Answer::new(200, record).and_then(" ", LIMIT - (64 << 10));
    let mut full = answer.clone();
    full.start.resize((LIMIT - answer.length()) as usize + record.len(), b' ');
    assert_eq!(full.length(), LIMIT);
    let client = Service::start(full.clone()).await.images().await;
    assert_eq!(client.image("x").await.unwrap().status().to_string(), "active");
    full.start.push(b' ');
    let client = Service::start(full).await.images().await;
    unreadable(&client.image("x").await.unwrap_err());
}

/// Each level of nesting takes stack space, of which a thread has 2 MiB here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_nesting_is_an_error_and_no_overflow() {
    let _alone = ALONE.lock().await;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep = |levels: usize| format!("{}0{}", open.repeat(levels), close.repeat(levels));
        // A record, which is a list and a token at the same time.
        let record = format!(r#""id":"x","status":"queued","a":{}"#, deep(1000));
        let record = format!(r#"{{{record},"images":[{{{record}}}]}}"#);
        for body in [deep(200_000), record] {
            for (call, error, memory, _) in answers(token(&body)).await {
                let text = unreadable(&error);
                // Other data is refused at its first byte, and only the fields of a list are parsed.
                let is_other =
                    text.contains("has an unexpected type") || text.contains("it has no ");
                assert!(text.contains("nested too deeply") || is_other, "{call}: {text}");
                assert!(memory < 3 * LIMIT, "{call}: {memory} bytes of memory");
            }
        }
        // In the body of a refusal it is text, of which one line is shown.
        let client = Service::start(Answer::new(400, deep(1_000_000))).await.images().await;
        let error = client.image("x").await.unwrap_err();
        assert!(matches!(error, Error::BadRequest(_)), "{error:?}");
        assert!(error.to_string().len() < 1000, "{error}");
    }
}

/// 1 MiB that would become 1 GiB if it were decompressed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compressed_answer_is_an_error() {
    let _alone = ALONE.lock().await;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
    gzip.write_all(b"[").unwrap();
    (0..1 << 10).for_each(|_| gzip.write_all(&[b' '; 1 << 20]).unwrap());
    let bomb = gzip.finish().unwrap();
    assert!((bomb.len() as u64) < LIMIT, "{}", bomb.len());
    let answer =
        Answer::new(200, bomb).header("Content-Encoding: gzip").header("X-Subject-Token: t");
    for (call, error, memory, _) in answers(answer).await {
        let text = unreadable(&error);
        assert_eq!(text, "it is compressed (gzip), which was not requested", "{call}");
        assert!(memory < LIMIT, "{call}: {memory} bytes of memory");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_body_of_a_refusal_is_read_up_to_a_limit() {
    let _alone = ALONE.lock().await;
    for status in [300, 400, 401, 404, 500, 503] {
        let answer = Answer::new(status, r#"{"message": "no"#).and_then(" no", 1 << 30);
        for (call, error, memory, sent) in answers(answer).await {
            assert!(error.to_string().len() < 1000, "{status} {call}: {error}");
            assert!(memory < 2 * MIB, "{status} {call}: {memory} bytes of memory");
            assert!(sent < 16 * MIB, "{status} {call}: {sent} bytes sent");
        }
    }
}
