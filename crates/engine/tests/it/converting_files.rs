//! Conversions of sources into files.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use imgpush_engine::disks::ReadOptions;
use imgpush_engine::disks::write::{ClusterCompression, WriteOptions};
use imgpush_engine::image_formats::Format;
use imgpush_engine::pool::Pool;
use imgpush_engine::source::{BytesSource, ReaderSource, Source};
use imgpush_engine::{CancellationToken, Conversion, ErrorKind, OutputFormat, Progress, causes};

const DISK_BYTES: usize = 40 << 20;

/// The bytes of the disk that were read.
#[derive(Default)]
struct BytesRead(AtomicU64);

impl Progress for BytesRead {
    fn sent(&self, bytes: u64) {
        self.0.fetch_max(bytes, Ordering::Relaxed);
    }
}

fn compressed(disk: Vec<u8>) -> Vec<u8> {
    let write = WriteOptions::default().with_compression(ClusterCompression::Zstd);
    let conversion = Conversion::to(OutputFormat::Qcow2).with_write(write);
    let source = Box::new(BytesSource::new("disk.raw", disk));
    let mut image = conversion.source_blocking(source).unwrap();
    let (pool, mut bytes) = (Pool::within(64 << 20), Vec::new());
    while let Some(chunk) = image.next_chunk(&pool).unwrap() {
        chunk.slices().for_each(|slice| bytes.extend_from_slice(&slice));
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_not_written_beyond_the_limit() {
    let limit = 1 << 20;
    let mut disk = b"the same text again and again. ".repeat(DISK_BYTES / 31 + 1);
    disk.truncate(DISK_BYTES);
    let image = compressed(disk.clone());
    assert!(image.len() < limit, "{}", image.len());

    let no_compression = WriteOptions::default().with_compression(ClusterCompression::None);
    let qcow2 = Conversion::to(OutputFormat::Qcow2).with_write(no_compression);
    let of_raw = ReadOptions::default().with_format(Format::Raw);
    let raw = Conversion::to(OutputFormat::Raw).with_read(of_raw);
    // The size of a pipe is not known before its end.
    let pipe = |bytes| ReaderSource::new("a pipe", std::io::Cursor::new(bytes));
    let cases: [(Conversion, Box<dyn Source>); 3] = [
        (qcow2, Box::new(BytesSource::new("disk.qcow2", image))),
        (raw.clone(), Box::new(pipe(disk))),
        (raw, Box::new(pipe(vec![0; DISK_BYTES]))),
    ];
    for (conversion, source) in cases {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("disk");
        let (read, cancel) = (Arc::new(BytesRead::default()), CancellationToken::new());
        let name = source.name().to_owned();
        let conversion = conversion.with_max_bytes(limit as u64);
        let progress = Arc::clone(&read) as Arc<dyn Progress>;
        let written = conversion.to_file(source, &destination, false, progress, &cancel).await;
        let error = written.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Source, "{name}");
        let text = causes(&error).join(": ");
        assert!(text.contains("more than the limit of 1048576"), "{name}: {text}");
        let read = read.0.load(Ordering::Relaxed);
        assert!(read < DISK_BYTES as u64, "{name}: {read}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{name}");
    }
}
