//! A conformance suite for all sources, then tests of abilities and faults of single sources.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compressor;
mod constructors;
mod content;
mod decompression;
mod pieces;
mod web;
mod web_faults;
mod web_marks;
mod web_options;

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use bytes::Bytes;
use imgpush_source::SourceError;
use imgpush_source::pool::Pool;
use imgpush_source::{AsyncReadSource, BytesSource, ReaderSource, StreamSource};
use imgpush_source::{Chunk, Io, Source, SourceOptions, open_blocking};
use imgpush_source::{Compression, Decompressed};

use content::content;
use pieces::{Pieces, Trickle};
use web::Web;

const CHUNK: usize = 4096;
const SIZES: [usize; 7] = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 5 * CHUNK + 77];

/// The origin of the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Read,
    Mmap,
    Pipe,
    Http,
    Bytes,
    /// A reader with a declared size.
    Reader,
    /// An async reader without one.
    AsyncReader,
    Stream,
    /// A stream with a declared size that can be restarted.
    StreamAgain,
}

/// A source, and the resources that it reads from.
struct Opened {
    source: Box<dyn Source>,
    _folder: tempfile::TempDir,
}

impl Place {
    fn has_size(self) -> bool {
        !matches!(self, Place::Pipe | Place::AsyncReader | Place::Stream)
    }

    fn can_be_read_again(self) -> bool {
        !matches!(self, Place::Pipe | Place::Reader | Place::AsyncReader | Place::Stream)
    }

    fn has_random_access(self) -> bool {
        matches!(self, Place::Read | Place::Mmap | Place::Http | Place::Bytes)
    }

    /// A source around data of the program, decompressed if it is compressed.
    fn construct(self, data: &[u8]) -> Box<dyn Source> {
        let (size, bytes) = (data.len() as u64, Bytes::copy_from_slice(data));
        let source: Box<dyn Source> = match self {
            Place::Bytes => Box::new(BytesSource::new("bytes", bytes)),
            Place::Reader => {
                let reader = std::io::Cursor::new(bytes);
                Box::new(ReaderSource::new("reader", reader).with_size(size))
            }
            Place::AsyncReader => {
                Box::new(AsyncReadSource::new("async reader", Trickle::of(bytes)))
            }
            Place::Stream => Box::new(StreamSource::new("stream", Pieces::of(bytes))),
            Place::StreamAgain => {
                let stream = StreamSource::new("stream", Pieces::of(bytes.clone()));
                let again = move || Pieces::of(bytes.clone());
                Box::new(stream.with_size(size).with_restart(again))
            }
            Place::Read | Place::Mmap | Place::Pipe | Place::Http => unreachable!("is opened"),
        };
        match Compression::of(data) {
            Some(compression) => Box::new(Decompressed::new(source, compression).unwrap()),
            None => source,
        }
    }

    fn open(self, data: &[u8]) -> Opened {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.img");
        let mut options = SourceOptions::default();
        options.decompress = true;
        let place = match self {
            Place::Read | Place::Mmap => {
                options.io = if self == Place::Mmap { Io::Mmap } else { Io::Read };
                std::fs::write(&path, data).unwrap();
                path
            }
            Place::Pipe => {
                assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
                let (to, data) = (path.clone(), data.to_vec());
                std::thread::spawn(move || {
                    let mut pipe = std::fs::File::options().write(true).open(to).unwrap();
                    // The reader may be dropped before the end.
                    let _ = pipe.write_all(&data);
                });
                path
            }
            Place::Http => PathBuf::from(Web::with(data.to_vec()).url),
            _ => return Opened { source: self.construct(data), _folder: folder },
        };
        Opened { source: open_blocking(&place, &options).unwrap(), _folder: folder }
    }
}

fn read_all(source: &mut dyn Source) -> Result<Vec<u8>, SourceError> {
    let pool = Pool::new(4, CHUNK);
    let mut all = Vec::new();
    while let Some(chunk) = source.next_chunk(&pool)? {
        assert!(!chunk.is_empty());
        chunk.slices().for_each(|slice| all.extend_from_slice(&slice));
    }
    source.finish(&imgpush_digest::Digests::default())?;
    Ok(all)
}

/// Opens the content at that place, compressed by that tool; none without the tool.
fn opened(place: Place, tool: Option<&str>, length: usize) -> Option<(Opened, Vec<u8>)> {
    let data = content(length);
    let compressed = match tool {
        Some(tool) => compressor::compress(tool, &data)?,
        None => data.clone(),
    };
    Some((place.open(&compressed), data))
}

fn gives_exactly_the_bytes_and_says_how_many(place: Place, tool: Option<&str>) {
    for length in SIZES {
        let Some((mut opened, data)) = opened(place, tool, length) else { return };
        let is_known = tool.is_none() && place.has_size();
        assert_eq!(opened.source.size(), is_known.then_some(length as u64));
        assert!(read_all(opened.source.as_mut()).unwrap() == data, "{length} bytes");
    }
}

fn gives_full_chunks(place: Place, tool: Option<&str>) {
    let Some((mut opened, _)) = opened(place, tool, 3 * CHUNK + 1) else { return };
    let pool = Pool::new(4, CHUNK);
    let mut lengths = Vec::new();
    while let Some(chunk) = opened.source.next_chunk(&pool).unwrap() {
        lengths.push(chunk.len());
    }
    assert_eq!(lengths, [CHUNK as u64, CHUNK as u64, CHUNK as u64, 1]);
}

fn gives_the_same_again_or_says_that_it_cannot(place: Place, tool: Option<&str>) {
    for length in [0, CHUNK, 5 * CHUNK + 77] {
        let Some((mut opened, data)) = opened(place, tool, length) else { return };
        let source = opened.source.as_mut();
        assert_eq!(source.rewind().is_some(), place.can_be_read_again());
        if !place.can_be_read_again() {
            return;
        }
        let pool = Pool::new(4, CHUNK);
        drop(source.next_chunk(&pool).unwrap());
        source.rewind().unwrap().to_start().unwrap();
        assert!(read_all(source).unwrap() == data, "again from the middle");
        source.rewind().unwrap().to_start().unwrap();
        assert!(read_all(source).unwrap() == data, "again from the end");
    }
}

fn shows_any_part_without_losing_its_place(place: Place, tool: Option<&str>) {
    let length = 5 * CHUNK + 77;
    let Some((mut opened, data)) = opened(place, tool, length) else { return };
    let source = opened.source.as_mut();
    assert_eq!(source.random_access().is_some(), tool.is_none() && place.has_random_access());
    let Some(parts) = source.random_access() else { return };
    let mut space = vec![0; 2 * CHUNK];
    for offset in [0, 1, CHUNK, length - 2 * CHUNK, length - 5, length - 1, length, length + 9] {
        let there = length.saturating_sub(offset).min(space.len());
        let filled = parts.read_at(offset as u64, &mut space).unwrap();
        assert_eq!(filled, there, "at {offset}");
        assert!(space[..filled] == data[offset.min(length)..][..filled], "at {offset}");
    }
    assert!(read_all(source).unwrap() == data);
}

/// A push withholds the tail and has chunks in hashing and sending: the remaining buffers must be enough.
fn gets_along_with_half_of_the_least_pool(place: Place, tool: Option<&str>) {
    let Some((mut opened, data)) = opened(place, tool, 64 * CHUNK) else { return };
    let pool = Pool::new(4, CHUNK);
    let mut held: VecDeque<Chunk> = VecDeque::new();
    let mut all = Vec::new();
    while let Some(chunk) = opened.source.next_chunk(&pool).unwrap() {
        chunk.slices().for_each(|slice| all.extend_from_slice(&slice));
        held.push_back(chunk);
        if held.len() > 2 {
            held.pop_front();
        }
    }
    assert!(all == data);
}

/// Buffers return to the pool, and nothing waits for unread data.
fn may_be_left_in_the_middle(place: Place, tool: Option<&str>) {
    let Some((mut opened, _)) = opened(place, tool, 600 * CHUNK) else { return };
    let pool = Pool::new(4, CHUNK);
    let chunk = opened.source.next_chunk(&pool).unwrap().unwrap();
    drop(opened);
    assert_eq!(chunk.len(), CHUNK as u64);
    drop(chunk);
    let all: Vec<_> = (0..4).map(|_| pool.take().unwrap()).collect();
    assert_eq!(all.len(), 4);
}

/// Makes a module of a source, with a test for each requirement, so that none can have fewer.
macro_rules! source {
    ($name:ident, $place:expr, $tool:expr) => {
        mod $name {
            use super::*;
            source!(@ $place, $tool,
                gives_exactly_the_bytes_and_says_how_many
                gives_full_chunks
                gives_the_same_again_or_says_that_it_cannot
                shows_any_part_without_losing_its_place
                gets_along_with_half_of_the_least_pool
                may_be_left_in_the_middle
            );
        }
    };
    (@ $place:expr, $tool:expr, $($promise:ident)*) => {
        $(
            #[test]
            fn $promise() {
                super::$promise($place, $tool);
            }
        )*
    };
}

source!(file, Place::Read, None);
source!(file_gzip, Place::Read, Some("gzip"));
source!(file_xz, Place::Read, Some("xz"));
source!(file_zstd, Place::Read, Some("zstd"));
source!(file_bzip2, Place::Read, Some("bzip2"));
#[cfg(target_os = "linux")]
source!(mmap, Place::Mmap, None);
#[cfg(target_os = "linux")]
source!(mmap_gzip, Place::Mmap, Some("gzip"));
#[cfg(target_os = "linux")]
source!(mmap_xz, Place::Mmap, Some("xz"));
#[cfg(target_os = "linux")]
source!(mmap_zstd, Place::Mmap, Some("zstd"));
#[cfg(target_os = "linux")]
source!(mmap_bzip2, Place::Mmap, Some("bzip2"));
source!(pipe, Place::Pipe, None);
source!(pipe_gzip, Place::Pipe, Some("gzip"));
source!(pipe_xz, Place::Pipe, Some("xz"));
source!(pipe_zstd, Place::Pipe, Some("zstd"));
source!(pipe_bzip2, Place::Pipe, Some("bzip2"));
source!(http, Place::Http, None);
source!(http_gzip, Place::Http, Some("gzip"));
source!(http_xz, Place::Http, Some("xz"));
source!(http_zstd, Place::Http, Some("zstd"));
source!(http_bzip2, Place::Http, Some("bzip2"));
source!(in_memory, Place::Bytes, None);
source!(in_memory_gzip, Place::Bytes, Some("gzip"));
source!(in_memory_zstd, Place::Bytes, Some("zstd"));
source!(reader, Place::Reader, None);
source!(reader_xz, Place::Reader, Some("xz"));
source!(async_reader, Place::AsyncReader, None);
source!(async_reader_gzip, Place::AsyncReader, Some("gzip"));
source!(stream, Place::Stream, None);
source!(stream_bzip2, Place::Stream, Some("bzip2"));
source!(stream_again, Place::StreamAgain, None);
source!(stream_again_xz, Place::StreamAgain, Some("xz"));
source!(stream_again_zstd, Place::StreamAgain, Some("zstd"));
