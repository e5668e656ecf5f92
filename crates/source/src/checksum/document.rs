//! A small file that is read whole: a list, a signature or a key.

use std::path::Path;

use imgpush_digest::Digests;

use crate::blocking::off_runtime;
use crate::error::{ChecksumError, SourceError};
use crate::http::HttpOptions;
use crate::open::{SourceOptions, open_blocking};
use crate::pool::Pool;

/// A small file, and what it is called.
pub(super) struct Document {
    pub(super) name: String,
    /// Without folders; of an address the last word of its path.
    pub(super) file_name: Option<String>,
    pub(super) text: Vec<u8>,
}

impl Document {
    /// Reads what is at a place.
    pub(super) async fn read(
        place: &Path,
        what: &'static str,
        http: &HttpOptions,
    ) -> Result<Self, ChecksumError> {
        let (place, http) = (place.to_owned(), *http);
        off_runtime(move || Document::read_blocking(&place, what, &http)).await
    }

    /// The same outside the async runtime.
    fn read_blocking(
        place: &Path,
        what: &'static str,
        http: &HttpOptions,
    ) -> Result<Self, ChecksumError> {
        let unreadable =
            |error: SourceError| ChecksumError::Unreadable { what, source: Box::new(error) };
        let options = SourceOptions { http: *http, ..SourceOptions::default() };
        let mut source = open_blocking(place, &options).map_err(unreadable)?;
        let pool = Pool::new(CHUNKS, CHUNK_BYTES);
        let mut text = Vec::new();
        while let Some(chunk) = source.next_chunk(&pool).map_err(unreadable)? {
            text.extend_from_slice(&chunk);
            if text.len() > MOST_BYTES {
                let name = source.name().to_owned();
                return Err(ChecksumError::TooLarge { name, what, limit: MOST_BYTES });
            }
        }
        source.finish(&Digests::default()).map_err(unreadable)?;
        Ok(Document { name: source.name().to_owned(), file_name: source.file_name(), text })
    }
}

/// More bytes are no list: a hundred thousand files have half of it.
const MOST_BYTES: usize = 16 << 20;
const CHUNKS: usize = 2;
const CHUNK_BYTES: usize = 64 << 10;
