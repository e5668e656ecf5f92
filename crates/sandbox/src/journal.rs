//! What was received.

/// One request, as it was received and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// What stands behind the `?`, as it was sent.
    pub query: Option<String>,
    /// The headers, by lower-case name; secrets are left out.
    pub headers: Vec<(String, String)>,
    /// Bytes of data read, for uploads.
    pub body_bytes: u64,
    /// The largest piece in which data came, for uploads. A client's HTTP chunk is never smaller.
    pub largest_piece: usize,
    /// The status answered; none when the connection was cut.
    pub status: Option<u16>,
}

impl Received {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
