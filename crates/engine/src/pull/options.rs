//! How an image is downloaded.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::partial_file::Sparse;
use crate::setters::setters;

/// How an image is downloaded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DownloadOptions {
    /// Stores to read from, the best first; the service's choice when empty.
    pub prefer: Vec<String>,
    /// Let the download replace a file that is there already.
    pub overwrite: bool,
    /// Leave a file alone that is there already and is the image: it is read and hashed to tell. Without
    /// [`overwrite`](DownloadOptions::overwrite) one that is not is an error before anything is fetched.
    pub keep_same: bool,
    /// Accept data that nothing proves: an image without hashes, or with one by an algorithm that is
    /// not known here. A hash that can be compared still has to be equal.
    pub allow_unverified: bool,
    /// Whether [files](crate::Download::to_file) are sparse.
    pub sparse: Sparse,
    /// Connections over which ranges of the image come side by side, as far as the memory goes. When
    /// nobody says, a download begins with one, and adds more as long as they make it faster. A service
    /// that knows no ranges gets one.
    pub connections: Option<NonZeroUsize>,
    /// How long a connection may bring nothing.
    pub idle_timeout: Duration,
    /// How often it is tried again when a connection breaks or is not made. A byte that comes starts the
    /// count again.
    pub retries: u32,
    /// The pause before the first of them; it doubles with each, up to half a minute.
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
        /// Sets whether data is accepted that cannot be verified.
        with_allow_unverified(allow_unverified: bool) = allow_unverified;
        /// Sets whether [files](crate::Download::to_file) are sparse.
        with_sparse(sparse: Sparse) = sparse;
        /// Sets the number of connections.
        with_connections(connections: NonZeroUsize) = Some(connections);
        /// Sets the time-out of a connection that brings no data.
        with_idle_timeout(idle_timeout: Duration) = idle_timeout;
        /// Sets the number of retries in a row that bring no byte.
        with_retries(retries: u32) = retries;
        /// Sets the pause before the first retry; it doubles with each.
        with_retry_pause(retry_pause: Duration) = retry_pause;
    }
}
