//! Downloads of image data.

use std::fmt;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::{Error, ImageClient, redact};

/// The range of an image to download, and the preferred stores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadOptions {
    /// The first byte; earlier ones are skipped.
    pub from: u64,
    /// The last byte; later ones are skipped.
    pub to: Option<u64>,
    /// Stores to read from, in order of preference; the service answers 400 for an unknown one. Services
    /// before 2026.1 ignore it.
    pub prefer: Vec<String>,
}

impl DownloadOptions {
    /// A download from this byte on.
    #[must_use]
    pub fn from_byte(from: u64) -> Self {
        DownloadOptions { from, ..DownloadOptions::default() }
    }

    /// Sets the first byte.
    #[must_use]
    pub fn with_from(mut self, from: u64) -> Self {
        self.from = from;
        self
    }

    /// Sets the last byte.
    #[must_use]
    pub fn with_to(mut self, to: u64) -> Self {
        self.to = Some(to);
        self
    }

    /// Sets the first and the last byte.
    #[must_use]
    pub fn with_range(mut self, range: &RangeInclusive<u64>) -> Self {
        (self.from, self.to) = (*range.start(), Some(*range.end()));
        self
    }

    /// Sets the stores to read from, in order of preference.
    #[must_use]
    pub fn with_prefer<S: Into<String>>(mut self, stores: impl IntoIterator<Item = S>) -> Self {
        self.prefer = stores.into_iter().map(Into::into).collect();
        self
    }

    fn range(&self) -> Option<String> {
        match (self.from, self.to) {
            (0, None) => None,
            (from, None) => Some(format!("bytes={from}-")),
            (from, Some(to)) => Some(format!("bytes={from}-{to}")),
        }
    }
}

/// The bytes of an image as a stream of chunks, in the sizes in which the network delivers them.
///
/// They are **not verified**; `imgpush_engine::Download` does that. A connection that fails is an error of
/// the stream, also if the body only ends before its declared length.
pub struct Download {
    /// The number of bytes in the response, if the service states it.
    pub length: Option<u64>,
    /// The position of the first byte in the image. A service without support for ranges sends the complete
    /// image, so this is 0 then.
    pub first: u64,
    /// The size of the complete image in bytes, if the service states it.
    pub size: Option<u64>,
    /// MD5 of the complete image in hex, also for a range of it.
    pub content_md5: Option<String>,
    chunks: BoxStream<'static, Result<Bytes, Error>>,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("length", &self.length)
            .field("first", &self.first)
            .field("size", &self.size)
            .field("content_md5", &self.content_md5)
            .finish_non_exhaustive()
    }
}

impl Stream for Download {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.poll_next_unpin(cx)
    }
}

impl ImageClient {
    /// `GET /v2/images/{id}/file`: downloads an image or a range of it.
    ///
    /// There is no time-out for the body; the reader must detect a stalled stream.
    ///
    /// # Errors
    ///
    /// [`Error::NoData`] for an image without data, [`Error::Forbidden`] for a deactivated one,
    /// [`Error::OutOfRange`] for a first byte after its end, [`Error::BadRequest`] for a store that does not
    /// exist.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future or the stream closes the connection.
    pub async fn download(&self, id: &str, options: &DownloadOptions) -> Result<Download, Error> {
        let mut url = self.url(&["images", id, "file"]);
        if !options.prefer.is_empty() {
            url.query_pairs_mut().append_pair("prefer", &options.prefer.join(","));
        }
        let mut headers = HeaderMap::new();
        if let Some(range) = options.range() {
            let range = HeaderValue::from_str(&range).expect("digits are plain ASCII");
            headers.insert(header::RANGE, range);
        }
        let response = self.get(&url, &headers).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Err(Error::NoData { id: id.to_owned() });
        }
        let text = |name: &str| response.headers().get(name)?.to_str().ok();
        let length: Option<u64> = text("content-length").and_then(|length| length.parse().ok());
        let partial = response.status() == StatusCode::PARTIAL_CONTENT;
        let (first, size) = match text("content-range").filter(|_| partial).map(content_range) {
            Some(range) => range,
            None if partial => (options.from, None),
            None => (0, length),
        };
        let content_md5 = text("content-md5").map(str::to_owned);
        let shown = redact::shown(&url);
        let chunks = response.bytes_stream().map_err(move |error| Error::Transport {
            method: Method::GET,
            url: shown.clone(),
            source: Box::new(error.without_url()),
        });
        Ok(Download { length, first, size, content_md5, chunks: chunks.boxed() })
    }
}

/// The first byte and the complete size in `bytes 5-9/100`.
fn content_range(text: &str) -> (u64, Option<u64>) {
    let range = text.trim().strip_prefix("bytes").unwrap_or(text).trim();
    let (span, size) = range.split_once('/').unwrap_or((range, "*"));
    let first = span.split_once('-').and_then(|(first, _)| first.trim().parse().ok());
    (first.unwrap_or_default(), size.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_formatted_and_parsed() {
        assert_eq!(DownloadOptions::default().range(), None);
        assert_eq!(DownloadOptions::from_byte(5).range().as_deref(), Some("bytes=5-"));
        let part = DownloadOptions::default().with_range(&(0..=9));
        assert_eq!(part.range().as_deref(), Some("bytes=0-9"));
        assert_eq!(content_range("bytes 5-9/100"), (5, Some(100)));
        assert_eq!(content_range("bytes 5-9/*"), (5, None));
    }
}
