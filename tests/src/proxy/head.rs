//! The head of a request.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The head of a request, and how its body is framed.
pub(super) struct Head {
    /// The unchanged bytes, with the empty line.
    bytes: Vec<u8>,
    pub(super) method: String,
    /// The path without its query.
    pub(super) path: String,
    /// The headers by lower-case name.
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    /// Reads a head; returns the bytes after it as well. None if the connection ends before.
    pub(super) async fn read(client: &mut TcpStream) -> Option<(Self, Vec<u8>)> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = end_of_head(&bytes) {
                break end;
            }
            if client.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let rest = bytes.split_off(end);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut lines = text.lines();
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some((Head { bytes, method, path, headers }, rest))
    }

    /// Forwards it.
    pub(super) async fn send(&self, service: &mut TcpStream) -> std::io::Result<()> {
        service.write_all(&self.bytes).await
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The position after the empty line.
pub(super) fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4)
}
