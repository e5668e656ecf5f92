//! A web server with one file, which counts the bytes that it sends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Web {
    pub(crate) url: String,
    given: Arc<AtomicU64>,
}

/// Number of bytes that are counted at a time.
const PIECE_BYTES: usize = 64 << 10;

impl Web {
    /// Serves `content` under `name` until the process ends.
    pub(crate) fn start(name: &str, content: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/{name}", listener.local_addr().unwrap());
        let given = Arc::new(AtomicU64::new(0));
        let content: Arc<[u8]> = content.into();
        let counted = Arc::clone(&given);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (content, given) = (Arc::clone(&content), Arc::clone(&counted));
                // A client may close the connection early.
                std::thread::spawn(move || serve(&stream?, &content, &given));
            }
        });
        Web { url, given }
    }

    /// Bytes sent since the last call.
    pub(crate) fn given(&self) -> u64 {
        self.given.swap(0, Ordering::Relaxed)
    }
}

/// Responds to one request with the complete content; ranges are ignored, which is allowed.
fn serve(stream: &TcpStream, content: &[u8], given: &AtomicU64) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let mut stream = stream;
    let length = content.len();
    write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")?;
    if first.starts_with("GET ") {
        for piece in content.chunks(PIECE_BYTES) {
            stream.write_all(piece)?;
            given.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
    }
    Ok(())
}
