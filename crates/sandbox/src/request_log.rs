//! The log of requests.

/// One request and its response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The query after the `?`, unchanged.
    pub query: Option<String>,
    /// The headers by lower-case name, without secrets.
    pub headers: Vec<(String, String)>,
    /// Bytes of data read, for uploads.
    pub body_bytes: u64,
    /// The largest piece of data read at once, for uploads. An HTTP chunk of the client has at least this
    /// size.
    pub largest_piece: usize,
    /// The status of the response; none if the connection was cut.
    pub status: Option<u16>,
}

impl Received {
    /// Returns the value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
