//! The times and the bottleneck of pushes with a known delay.

use std::io::{Cursor, Read, Write as _};
use std::time::Duration;

use imgpush_engine::pool::Pool;
use imgpush_engine::source::{Chunk, Compression, Decompressed, ReaderSource, Source};
use imgpush_engine::{
    Bottleneck, CancellationToken, MultiPush, Push, PushError, PushOptions, Report, RetryOptions,
    SourceError, Target, Timing,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

const MIB: usize = 1 << 20;

/// A source of this number of chunks of 1 MiB, each after a pause.
struct Slow {
    chunks: usize,
    pause: Duration,
}

impl Source for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn size(&self) -> Option<u64> {
        None
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        let Some(left) = self.chunks.checked_sub(1) else { return Ok(None) };
        self.chunks = left;
        std::thread::sleep(self.pause);
        Ok(Some(pool.take().unwrap().into_chunk(MIB).into()))
    }
}

fn zeros(mib: usize) -> Box<dyn Source> {
    Box::new(Slow { chunks: mib, pause: Duration::ZERO })
}

fn options() -> PushOptions {
    let pause = Duration::from_millis(300);
    PushOptions::named("disk")
        .with_disk_format("raw")
        .with_retry(RetryOptions::default().with_retries(1).with_pauses(pause, pause))
}

async fn push(source: Box<dyn Source>, faults: &[(Operation, Fault)]) -> Result<Report, PushError> {
    let scene = Scene::start_open().await;
    for (operation, fault) in faults {
        scene.sandbox().inject(*operation, fault.clone());
    }
    let push = Push::new(scene.client.clone(), options());
    push.run(source, &CancellationToken::new()).await
}

/// Returns the total of a stage in the timeline.
fn drawn(timing: &Timing, stage: &str) -> f64 {
    let stages = timing.timeline.stages();
    stages.iter().find(|(name, _)| *name == stage).unwrap().1.iter().sum()
}

/// Asserts that a stage contains the time that was slept in it. A busy machine adds to it, but a stage is
/// never longer than the push.
fn assert_slept(found: f64, slept: f64, what: &Timing) {
    assert!((slept * 0.8..=what.seconds).contains(&found), "{found} s, not {slept} s: {what:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_source_is_distinguished_from_a_slow_service() {
    let slow = Slow { chunks: 6, pause: Duration::from_millis(200) };
    let report = push(Box::new(slow), &[]).await.unwrap();
    let timing = &report.timing;
    assert_eq!(timing.bottleneck, Some(Bottleneck::Source), "{timing:?}");
    assert_slept(timing.timings.read, 1.2, timing);
    assert!(timing.advice.as_ref().unwrap().contains("limited by the source"), "{timing:?}");
    assert!((drawn(timing, "read") - timing.timings.read).abs() < 0.05, "{timing:?}");

    let late = [(Operation::Upload, Fault::SlowAnswer(Duration::from_secs(1)))];
    let report = push(zeros(2), &late).await.unwrap();
    let timing = &report.timing;
    assert_eq!(timing.bottleneck, Some(Bottleneck::Server), "{timing:?}");
    assert_slept(timing.timings.wait_for_answer, 1.0, timing);
    assert_eq!(timing.timeline.sent.iter().sum::<u64>(), 2 << 20);
    let advice = timing.advice.as_ref().unwrap();
    assert!(advice.contains("s after the last byte") && advice.contains("--jobs"), "{advice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_accepts_no_data_counts_for_the_network() {
    let duration = Duration::from_secs(1);
    let stall = [(Operation::Upload, Fault::Stall { after: MIB as u64, duration })];
    let report = push(zeros(24), &stall).await.unwrap();
    let timing = &report.timing;
    assert_eq!(timing.bottleneck, Some(Bottleneck::Network), "{timing:?}");
    assert_slept(timing.timings.wait_for_network, 1.0, timing);
    assert!(timing.timings.wait_for_send > 0.5, "the reader has not waited: {timing:?}");
    assert!(timing.timings.send >= timing.timings.wait_for_network, "{timing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn decompression_is_distinguished_from_reading() {
    // Zeros, so that the compressed data is small, and the time is spent on decompression.
    let reader = ReaderSource::new("disk.bz2", Cursor::new(bzip2_of_zeros(48 * MIB)));
    let source = Decompressed::new(Box::new(reader), Compression::Bzip2).unwrap();
    let report = push(Box::new(source), &[]).await.unwrap();
    let stages = &report.timing.timings;
    assert!(stages.decompress > 4.0 * stages.read, "{stages:?}");
    assert!(stages.hash > 0.0, "{stages:?}");

    // The same with a slow source of compressed data.
    let reader = ReaderSource::new("disk.bz2", Late(Cursor::new(bzip2_of_zeros(MIB))));
    let source = Decompressed::new(Box::new(reader), Compression::Bzip2).unwrap();
    let report = push(Box::new(source), &[]).await.unwrap();
    let timing = &report.timing;
    assert_eq!(timing.bottleneck, Some(Bottleneck::Source), "{timing:?}");
    assert!(timing.timings.read > timing.timings.decompress, "{timing:?}");
}

/// A slow reader.
struct Late(Cursor<Vec<u8>>);

impl Read for Late {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        std::thread::sleep(Duration::from_millis(250));
        self.0.read(space)
    }
}

fn bzip2_of_zeros(bytes: usize) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(&vec![0; bytes]).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_push_reports_its_times() {
    // A file, so that it can be read again.
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![0; 4 * MIB]).unwrap();
    let source = imgpush_engine::source::FileSource::open(file.path()).unwrap();
    let broken = Fault::DropAfter(MIB as u64);
    let faults = [(Operation::Upload, broken.clone()), (Operation::Upload, broken)];
    let error = push(Box::new(source), &faults).await.unwrap_err();
    let timing = &error.timing;
    assert_eq!(error.attempts, 2);
    assert_eq!(timing.timeline.retries.len(), 1, "{timing:?}");
    assert!(timing.timings.retry_pauses > 0.25, "{timing:?}");
    assert!(timing.timeline.sent.iter().sum::<u64>() >= MIB as u64, "{timing:?}");
    assert!(timing.started > 1.7e9, "{timing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_waits_for_another_reports_it() {
    let (fast, slow) = (Scene::start_open().await, Scene::start_open().await);
    let duration = Duration::from_secs(1);
    slow.sandbox().inject(Operation::Upload, Fault::Stall { after: MIB as u64, duration });
    let results = MultiPush::new(options())
        .to(Target::new(fast.client.clone()))
        .to(Target::new(slow.client.clone()))
        .run(zeros(32), &CancellationToken::new())
        .await;
    let words: Vec<_> = results.into_iter().map(|r| r.unwrap().timing.bottleneck).collect();
    assert_eq!(words, [Some(Bottleneck::OtherTargets), Some(Bottleneck::Network)]);
}
