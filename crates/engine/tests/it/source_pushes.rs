//! Pushes from files, web servers and compressed sources.

#[path = "../../../source/tests/sources/compressor.rs"]
mod compressor;
#[path = "../../../source/tests/sources/content.rs"]
mod content;
#[expect(dead_code, reason = "the tests of sources use the rest")]
#[path = "../../../source/tests/sources/web.rs"]
mod web;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use imgpush_engine::source::{HttpOptions, HttpSource, Io, SourceOptions, open};
use imgpush_engine::{
    CancellationToken, Progress, Push, PushError, PushOptions, RecordOutcome, Report, SourceError,
};
use imgpush_scene::{Scene, sha512};

use content::content;
use web::{Answer, Web};

const MIB: u64 = 1 << 20;

async fn push(
    place: &Path,
    options: &SourceOptions,
    progress: Arc<dyn Progress>,
) -> Result<Report, Box<PushError>> {
    let scene = Scene::start_open().await;
    let source = open(place, options).await.unwrap();
    let push = Push::new(scene.client.clone(), PushOptions::named("disk"));
    push.with_progress(progress).run(source, &CancellationToken::new()).await.map_err(Box::new)
}

fn quiet() -> Arc<dyn Progress> {
    Arc::new(imgpush_engine::NoProgress)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_compressed_image_of_a_web_server_is_decompressed() {
    let data = content(9 << 20);
    let Some(compressed) = compressor::compress("zstd", &data) else { return };
    // A broken connection is resumed.
    let web = Web::start(move |request| {
        let answer = Answer::of(&compressed, request);
        if request.number == 0 { answer.breaking_after(2 << 20) } else { answer }
    });
    let mut options = SourceOptions::default();
    options.decompress = true;
    let report = push(Path::new(&web.url), &options, quiet()).await.unwrap();
    assert!(report.verified);
    assert_eq!(report.size, Some(9 * MIB));
    assert_eq!(report.os_hash_value, Some(sha512(&data)));
    assert_eq!(web.count(), 2);
}

/// The connection to the service breaks too, because the system cannot send the missing data.
struct Shrinking {
    path: PathBuf,
    to: u64,
    done: AtomicBool,
}

impl Progress for Shrinking {
    fn sent(&self, bytes: u64) {
        if bytes >= 2 * MIB && !self.done.swap(true, Ordering::Relaxed) {
            std::fs::File::options()
                .write(true)
                .open(&self.path)
                .unwrap()
                .set_len(self.to)
                .unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_file_that_shrinks_during_the_push_is_an_error_and_no_signal() {
    for io in [Io::Read, Io::Mmap] {
        if io == Io::Mmap && !cfg!(target_os = "linux") {
            continue;
        }
        // Below the current position, and above it.
        for to in [MIB, 40 * MIB] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), content(48 << 20)).unwrap();
            let mut options = SourceOptions::default();
            options.io = io;
            let path = file.path().to_owned();
            let shrinking = Arc::new(Shrinking { path, to, done: AtomicBool::new(false) });
            let error = push(file.path(), &options, shrinking.clone()).await.unwrap_err();
            assert!(shrinking.done.load(Ordering::Relaxed));
            let Some(&SourceError::Shrank { expected, found, .. }) = error.failure.source_error()
            else {
                panic!("{io:?} to {to}: {error:?}");
            };
            assert_eq!(expected, 48 * MIB);
            // With `Io::Read`, only the end of the readable part is known.
            assert!(io == Io::Read || found == to);
            assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_truncated_compressed_image_leaves_no_image() {
    let Some(compressed) = compressor::compress("xz", &content(9 << 20)) else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &compressed[..compressed.len() / 2]).unwrap();
    let mut options = SourceOptions::default();
    options.decompress = true;
    let error = push(file.path(), &options, quiet()).await.unwrap_err();
    let Some(SourceError::Damaged { .. }) = error.failure.source_error() else {
        panic!("{error:?}")
    };
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");
}

/// An inspection does not download the complete image.
#[test]
fn an_inspection_requests_a_few_ranges() {
    let mut disk = vec![0; 16 << 20];
    disk[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    let web = Web::with(disk);
    let mut source = HttpSource::open(&web.url, &HttpOptions::default()).unwrap();
    let inspection = imgpush_engine::inspect(&mut source).unwrap();
    assert_eq!(inspection.format.name(), "qcow2");
    let asked = web.header("range").into_iter().flatten().map(|range| {
        let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        last.parse::<u64>().unwrap() - first.parse::<u64>().unwrap() + 1
    });
    let asked: Vec<u64> = asked.collect();
    assert_eq!(asked.len(), web.count() - 1, "all requests but the first are for ranges");
    assert!(asked.iter().sum::<u64>() < 2 << 20, "{asked:?}");
}

/// Holes and zeros at the start, at the end and across chunks of any source.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn zeros_arrive_as_zeros_from_every_source() {
    use std::io::{Seek as _, SeekFrom, Write as _};

    for (places, size) in [
        (vec![(3 * MIB + 5, 4096), (5 * MIB - 1, 2)], 9 * MIB),
        (vec![(0, 1), (7 * MIB, 77)], 7 * MIB + 77),
        (vec![], 4 * MIB + 3),
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(size).unwrap();
        for (at, length) in places {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&vec![7; length]).unwrap();
        }
        // Zeros that are not a hole.
        file.seek(SeekFrom::Start(MIB)).unwrap();
        file.write_all(&vec![0; 2 << 20]).unwrap();
        let data = std::fs::read(file.path()).unwrap();
        let expected = sha512(&data);

        let compressed = tempfile::NamedTempFile::new().unwrap();
        if let Some(bytes) = compressor::compress("zstd", &data) {
            std::fs::write(compressed.path(), bytes).unwrap();
        } else {
            std::fs::write(compressed.path(), &data).unwrap();
        }
        let web = Web::with(data);
        for (place, io) in [
            (file.path(), Io::Read),
            (file.path(), Io::Mmap),
            (compressed.path(), Io::Read),
            (Path::new(&web.url), Io::Read),
        ] {
            if io == Io::Mmap && !cfg!(target_os = "linux") {
                continue;
            }
            let mut options = SourceOptions::default();
            (options.io, options.decompress) = (io, true);
            let report = push(place, &options, quiet()).await.unwrap();
            assert!(report.verified, "{place:?}, {io:?}");
            assert_eq!((report.size, report.os_hash_value), (Some(size), Some(expected.clone())));
        }
    }
}
