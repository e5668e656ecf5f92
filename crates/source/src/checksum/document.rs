//! A small file that is read completely: a list, a signature or a key.

use std::path::Path;

use imgpush_digest::Digests;

use crate::blocking::off_runtime;
use crate::error::{ChecksumError, SourceError};
use crate::http::HttpOptions;
use crate::open::{SourceOptions, open_blocking, shown};
use crate::pool::Pool;

/// A small file and its name.
pub(super) struct Document {
    pub(super) name: String,
    /// Without folders; for an address the last segment of its path.
    pub(super) file_name: Option<String>,
    pub(super) text: Vec<u8>,
}

impl Document {
    /// Reads a file or an address.
    pub(super) async fn read(
        place: &Path,
        what: &'static str,
        http: &HttpOptions,
    ) -> Result<Self, ChecksumError> {
        let (place, http) = (place.to_owned(), http.clone());
        let name = shown(&place).to_string_lossy().into_owned();
        let read = off_runtime(move || Document::read_blocking(&place, what, &http));
        read.await.map_err(|source| ChecksumError::Unreadable {
            what,
            source: Box::new(SourceError::NoThread { name, source }),
        })?
    }

    /// [`read`](Document::read) outside the async runtime.
    fn read_blocking(
        place: &Path,
        what: &'static str,
        http: &HttpOptions,
    ) -> Result<Self, ChecksumError> {
        let unreadable =
            |error: SourceError| ChecksumError::Unreadable { what, source: Box::new(error) };
        let options = SourceOptions::default().with_http(http.clone());
        let mut source = open_blocking(place, &options).map_err(unreadable)?;
        let pool = Pool::new(CHUNKS, CHUNK_BYTES);
        let mut text = Vec::new();
        while let Some(chunk) = source.next_chunk(&pool).map_err(unreadable)? {
            chunk.slices().for_each(|slice| text.extend_from_slice(&slice));
            if text.len() > MAX_BYTES {
                let name = source.name().to_owned();
                return Err(ChecksumError::TooLarge { name, what, limit: MAX_BYTES });
            }
        }
        source.finish(&Digests::default()).map_err(unreadable)?;
        Ok(Document { name: source.name().to_owned(), file_name: source.file_name(), text })
    }
}

/// Maximum size; a list of 100,000 files needs half of it.
const MAX_BYTES: usize = 16 << 20;
const CHUNKS: usize = 2;
const CHUNK_BYTES: usize = 64 << 10;
