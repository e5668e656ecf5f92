//! How addresses are read.

use std::time::Duration;

/// How long to wait, and how often to try again.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HttpOptions {
    /// How long a connection may bring nothing.
    pub idle_timeout: Duration,
    /// Requests in a row, behind a break or an overloaded server, that may bring nothing.
    pub retries: u32,
    /// The pause before the first of them; doubles with each.
    pub pause: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            idle_timeout: Duration::from_secs(60),
            retries: 5,
            pause: Duration::from_millis(500),
        }
    }
}
