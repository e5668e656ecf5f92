//! A web server on loopback that the service fetches from.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Serves the same bytes at every path except `/missing`, and counts the requests. Ends when dropped.
pub(crate) struct Web {
    pub(crate) address: String,
    asked: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Web {
    pub(crate) async fn serving(data: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(answer(stream, data));
            }
        });
        Web { address, asked, accepting }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(mut stream: TcpStream, data: &[u8]) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let (status, data) = match request.split(' ').nth(1) {
        Some("/missing") => ("404 Not Found", &b"nothing"[..]),
        _ => ("200 OK", data),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Type: application/octet-stream\r\n\
         Connection: close\r\n\r\n",
        data.len()
    );
    // The client may have disconnected.
    let _ = stream.write_all(head.as_bytes()).await;
    if !request.starts_with("HEAD") {
        let _ = stream.write_all(data).await;
    }
    let _ = stream.shutdown().await;
}
