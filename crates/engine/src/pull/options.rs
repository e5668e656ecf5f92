//! Options of a download.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::partial_file::Sparse;
use crate::setters::setters;

/// Options of a download.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DownloadOptions {
    /// The stores to read from, in order of preference; empty for the choice of the service.
    pub prefer: Vec<String>,
    /// Whether the download may replace an existing file.
    pub overwrite: bool,
    /// Whether to keep an existing file that has the content of the image; it is read and hashed to compare
    /// it. If it differs and [`overwrite`](DownloadOptions::overwrite) is not set, the download fails before
    /// any data is requested.
    pub keep_same: bool,
    /// Whether to accept data that cannot be verified: of an image without hashes, or with a hash of an
    /// unsupported algorithm. A hash that can be compared still has to be equal.
    pub allow_unverified: bool,
    /// Whether [files](crate::Download::to_file) are sparse.
    pub sparse: Sparse,
    /// Number of connections for concurrent range requests, as far as the memory allows. By default a
    /// download starts with one, and adds connections as long as the rate grows. If the service does not
    /// support ranges, there is only one.
    pub connections: Option<NonZeroUsize>,
    /// The time-out of a connection that receives no data.
    pub idle_timeout: Duration,
    /// Number of retries after a broken or failed connection. Any received byte resets the count.
    pub retries: u32,
    /// The pause before the first retry; it doubles with each, up to 30 s.
    pub retry_pause: Duration,
}

impl Default for DownloadOptions {
    fn default() -> Self {
        DownloadOptions {
            prefer: Vec::new(),
            overwrite: false,
            keep_same: false,
            allow_unverified: false,
            sparse: Sparse::default(),
            connections: None,
            idle_timeout: Duration::from_secs(60),
            retries: 5,
            retry_pause: Duration::from_millis(500),
        }
    }
}

impl DownloadOptions {
    setters! {
        /// Sets the stores to read from, the best first.
        with_prefer(prefer: impl IntoIterator<Item = impl Into<String>>) = prefer.into_iter().map(Into::into).collect();
        /// Sets whether the download may replace an existing file.
        with_overwrite(overwrite: bool) = overwrite;
        /// Sets whether an existing file that has the content of the image is kept.
        with_keep_same(keep_same: bool) = keep_same;
        /// Sets whether data that cannot be verified is accepted.
        with_allow_unverified(allow_unverified: bool) = allow_unverified;
        /// Sets whether [files](crate::Download::to_file) are sparse.
        with_sparse(sparse: Sparse) = sparse;
        /// Sets the number of connections.
        with_connections(connections: NonZeroUsize) = Some(connections);
        /// Sets the time-out of a connection that receives no data.
        with_idle_timeout(idle_timeout: Duration) = idle_timeout;
        /// Sets the number of consecutive retries without received data.
        with_retries(retries: u32) = retries;
        /// Sets the pause before the first retry; it doubles with each.
        with_retry_pause(retry_pause: Duration) = retry_pause;
    }
}
