//! The range and the version of the file in a response.

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, LAST_MODIFIED};

/// The value of a `Content-Range` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Bytes of the complete file, where the server knows them.
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// None when it is missing or invalid.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total = if total == "*" { None } else { Some(total.parse().ok()?) };
        let range = ContentRange { first: first.parse().ok()?, last: last.parse().ok()?, total };
        let is_sound = range.first <= range.last && total.is_none_or(|total| range.last < total);
        is_sound.then_some(range)
    }

    pub(super) fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

/// The headers that distinguish versions of a file.
#[derive(Clone, Debug)]
pub(super) struct Version {
    etag: Option<HeaderValue>,
    modified: Option<HeaderValue>,
}

impl Version {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let header = |name| headers.get(name).cloned();
        Version { etag: header(ETAG), modified: header(LAST_MODIFIED) }
    }

    /// The value for If-Range. A weak tag does not identify the exact bytes.
    pub(super) fn validator(&self) -> Option<&HeaderValue> {
        let strong = self.etag.as_ref().filter(|etag| !etag.as_bytes().starts_with(b"W/"));
        strong.or(self.modified.as_ref())
    }

    /// The first header that both have with different values.
    pub(super) fn difference(&self, other: &Version) -> Option<&'static str> {
        let differ = |one: &Option<HeaderValue>, other: &Option<HeaderValue>| {
            one.is_some() && other.is_some() && one != other
        };
        if differ(&self.etag, &other.etag) {
            return Some("ETag");
        }
        differ(&self.modified, &other.modified).then_some("Last-Modified")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_content_range_is_none() {
        let of = |text: &'static str| {
            let headers = [(CONTENT_RANGE, HeaderValue::from_static(text))];
            ContentRange::of(&headers.into_iter().collect())
        };
        let total = Some(10);
        assert_eq!(of("bytes 2-9/10"), Some(ContentRange { first: 2, last: 9, total }));
        assert_eq!(of("bytes 0-0/*"), Some(ContentRange { first: 0, last: 0, total: None }));
        for text in ["bytes 2-10/10", "bytes 3-2/10", "bytes */10", "2-9/10", "bytes -2/10", ""] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(ContentRange::of(&HeaderMap::new()), None);
    }
}
