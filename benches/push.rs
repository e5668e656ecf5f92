//! Benchmarks of the parts of a push. Each benchmark asserts its result.
//!
//! They are for tuning one part. Comparing two candidates requires alternating measurements in one process,
//! since other load on the machine varies.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use imgpush_client::{Cloud, CloudOptions, ImageClient, Surroundings};
use imgpush_digest::{Algorithm, MultiHasher, Stream, update_many};
use imgpush_engine::pool::{CHUNK_BYTES, Pool};
use imgpush_engine::source::FileSource;
use imgpush_engine::{CancellationToken, IntegrityError, Push, PushFailure, PushOptions, sink};
use imgpush_formats::{Detector, Format};
use imgpush_sandbox::{Sandbox, SandboxOptions};
use tokio::runtime::Runtime;

const FILE_BYTES: usize = 256 << 20;

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i % 251) as u8).collect()
}

fn file() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&pattern(FILE_BYTES)).unwrap();
    file
}

/// One stream, several digests, with one thread per core.
fn hash_one_stream(c: &mut Criterion) {
    let mut group = c.benchmark_group("hash/one-stream");
    let chunk = Bytes::from(pattern(CHUNK_BYTES));
    let chunks = 32;
    group.throughput(Throughput::Bytes((chunks * CHUNK_BYTES) as u64));
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    for algorithms in [
        &[Algorithm::Md5][..],
        &[Algorithm::Sha512],
        &[Algorithm::Md5, Algorithm::Sha512],
        &[Algorithm::Md5, Algorithm::Sha512, Algorithm::Sha256],
    ] {
        let name = algorithms.iter().map(|a| a.name()).collect::<Vec<_>>().join("+");
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                let mut hasher = MultiHasher::new(algorithms.iter().copied(), threads);
                for _ in 0..chunks {
                    hasher.update(&chunk);
                }
                assert_eq!(hasher.finish().iter().count(), algorithms.len());
            });
        });
    }
    group.finish();
}

/// Many streams on one core, one chunk each at a time.
fn hash_lanes(c: &mut Criterion) {
    let mut group = c.benchmark_group("hash/lanes");
    let algorithms = [Algorithm::Md5, Algorithm::Sha512];
    let chunk = pattern(256 << 10);
    for count in [1, 2, 4, 8, 16, 32] {
        group.throughput(Throughput::Bytes((count * chunk.len()) as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| {
                let mut streams: Vec<Stream> =
                    (0..count).map(|_| Stream::new(algorithms)).collect();
                let mut chunks: Vec<_> =
                    streams.iter_mut().map(|stream| (stream, &chunk[..])).collect();
                update_many(black_box(&mut chunks));
                for stream in streams {
                    assert_eq!(stream.finish().iter().count(), algorithms.len());
                }
            });
        });
    }
    group.finish();
}

/// The inspection of a first chunk, from its first byte to the verdict.
fn sniff_first_chunk(c: &mut Criterion) {
    let mut group = c.benchmark_group("sniff/first-chunk");
    let mut qcow2 = pattern(CHUNK_BYTES);
    qcow2[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    for (name, chunk, format) in
        [("raw", pattern(CHUNK_BYTES), Format::Raw), ("qcow2", qcow2, Format::Qcow2)]
    {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut detector = Detector::new();
                detector.push(black_box(&chunk));
                assert_eq!(detector.so_far(None).format, format);
            });
        });
    }
    group.finish();
}

/// A file in the page cache, read, hashed and discarded.
fn pipeline_null_sink(c: &mut Criterion) {
    let file = file();
    let runtime = Runtime::new().unwrap();
    let mut group = c.benchmark_group("pipeline/null-sink");
    group.throughput(Throughput::Bytes(FILE_BYTES as u64)).sample_size(10);
    for memory in [40u64, 64] {
        group.bench_function(BenchmarkId::new("MiB", memory), |b| {
            let pool = Pool::within(memory << 20);
            b.iter(|| {
                let source = Box::new(FileSource::open(file.path()).unwrap());
                let algorithms = [Algorithm::Md5, Algorithm::Sha512];
                let (produced, _) =
                    runtime.block_on(sink::drain(source, &pool, &algorithms)).unwrap();
                assert_eq!(produced.bytes, FILE_BYTES as u64);
            });
        });
    }
    group.finish();
}

/// A complete push over loopback to a service that discards the data. The image cannot be verified, which is
/// the result of each push.
fn push_sandbox(c: &mut Criterion) {
    let file = file();
    let runtime = Runtime::new().unwrap();
    let (sandbox, client) = runtime.block_on(async {
        let sandbox = Sandbox::start(SandboxOptions::default().with_discard()).await.unwrap();
        let options = CloudOptions::default()
            .with_setting("auth_type", "none")
            .with_setting("endpoint", sandbox.url());
        let cloud = Cloud::load_from(&options, &Surroundings::default()).unwrap();
        (sandbox, ImageClient::connect(&cloud).await.unwrap())
    });
    let mut group = c.benchmark_group("push/sandbox");
    group.throughput(Throughput::Bytes(FILE_BYTES as u64)).sample_size(10);
    group.measurement_time(Duration::from_secs(10));
    group.bench_function("discarded", |b| {
        b.iter(|| {
            let source = Box::new(FileSource::open(file.path()).unwrap());
            let push = Push::new(client.clone(), PushOptions::named("bench"));
            let error = runtime.block_on(push.run(source, &CancellationToken::new())).unwrap_err();
            assert!(
                matches!(
                    *error.failure,
                    PushFailure::Integrity(IntegrityError::CannotVerify { .. })
                ),
                "{error:?}"
            );
        });
    });
    group.finish();
    drop(sandbox);
}

criterion_group!(
    benches,
    hash_one_stream,
    hash_lanes,
    sniff_first_chunk,
    pipeline_null_sink,
    push_sandbox
);
criterion_main!(benches);
