//! Sources with transient errors are read again from the start.

use std::time::Duration;

use imgpush_engine::client::NewImage;
use imgpush_engine::pool::Pool;
use imgpush_engine::source::{Chunk, CustomError, ErrorKind, Rewind, Source};
use imgpush_engine::{
    CancellationToken, IfExists, MultiPush, Push, PushOptions, RetryOptions, SourceError, Staging,
    StagingOptions, Target,
};
use imgpush_scene::{Scene, pattern, sha512};

const BYTES: usize = 6 << 20;

/// A source that fails at each of these positions once, in their order.
struct Flaky {
    data: Vec<u8>,
    at: usize,
    failures: Vec<usize>,
    is_transient: bool,
    can_be_read_again: bool,
}

impl Flaky {
    fn failing_at(failures: &[usize]) -> Self {
        let (data, failures) = (pattern(BYTES), failures.to_vec());
        Flaky { data, at: 0, failures, is_transient: true, can_be_read_again: true }
    }
}

impl Source for Flaky {
    fn name(&self) -> &str {
        "flaky"
    }

    fn size(&self) -> Option<u64> {
        Some(self.data.len() as u64)
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        if self.failures.first().is_some_and(|&failure| self.at >= failure) {
            self.failures.remove(0);
            let error =
                CustomError::new("flaky", "503 Slow Down").with_transient(self.is_transient);
            return Err(error.with_retry_after(Duration::from_millis(1)).into());
        }
        let mut buffer = pool.take().unwrap();
        let count = buffer.space().len().min(self.data.len() - self.at);
        buffer.space()[..count].copy_from_slice(&self.data[self.at..self.at + count]);
        self.at += count;
        Ok((count > 0).then(|| Chunk::of(buffer.into_chunk(count))))
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        self.can_be_read_again.then_some(self)
    }
}

impl Rewind for Flaky {
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.at = 0;
        Ok(())
    }
}

fn retried(times: u32) -> RetryOptions {
    let pause = Duration::from_millis(1);
    RetryOptions::default().with_retries(times).with_pauses(pause, pause)
}

fn options(times: u32) -> PushOptions {
    PushOptions::named("image").with_disk_format("raw").with_retry(retried(times))
}

/// During the format detection, and during the upload.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_reads_the_source_again_after_a_transient_error() {
    let scene = Scene::start().await;
    for failures in [&[0][..], &[3 << 20], &[0, 1, 5 << 20, BYTES]] {
        let source = Flaky::failing_at(failures);
        let expected = Some(sha512(&source.data));
        let push = Push::new(scene.client.clone(), options(5));
        let report = push.run(Box::new(source), &CancellationToken::new()).await.unwrap();
        assert_eq!(report.os_hash_value, expected, "{failures:?}");
        scene.client.delete(&report.id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_fails_if_another_pass_cannot_help() {
    let scene = Scene::start().await;
    let middle = || Flaky::failing_at(&[3 << 20]);
    for (source, times) in [
        (Flaky { is_transient: false, ..middle() }, 5),
        (Flaky { can_be_read_again: false, ..middle() }, 5),
        (Flaky { is_transient: false, ..Flaky::failing_at(&[0]) }, 5),
        (Flaky { can_be_read_again: false, ..Flaky::failing_at(&[0]) }, 5),
        (Flaky::failing_at(&[3 << 20; 3]), 2),
        (Flaky::failing_at(&[0; 3]), 2),
    ] {
        let push = Push::new(scene.client.clone(), options(times));
        let error = push.run(Box::new(source), &CancellationToken::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Source);
        assert!(matches!(error.failure.source_error(), Some(SourceError::Custom(_))), "{error:?}");
        assert!(scene.images().await.is_empty());
    }
}

/// One target compares, the other one uploads; both continue.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_compares_first_reads_the_source_again() {
    let (north, south) = (Scene::start().await, Scene::start().await);
    let push = Push::new(north.client.clone(), options(0));
    let complete = Flaky::failing_at(&[]);
    let expected = Some(sha512(&complete.data));
    let there = push.run(Box::new(complete), &CancellationToken::new()).await.unwrap();

    let source = Flaky::failing_at(&[2 << 20, 4 << 20, 5 << 20]);
    let results = MultiPush::new(options(5).with_if_exists(IfExists::Skip))
        .to(Target::new(north.client.clone()))
        .to(Target::new(south.client.clone()))
        .run(Box::new(source), &CancellationToken::new())
        .await;
    let [Ok(same), Ok(new)] = &results[..] else { panic!("{results:?}") };
    assert_eq!((&same.id, same.verified), (&there.id, true));
    assert_eq!(new.os_hash_value, expected);

    let scene = Scene::start().await;
    let push = Push::new(scene.client.clone(), options(0).with_if_exists(IfExists::Skip));
    let source = Flaky::failing_at(&[2 << 20]);
    let error = push.run(Box::new(source), &CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    assert!(scene.images().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staging_reads_the_source_again() {
    let scene = Scene::start().await;
    let mut image = NewImage::named("image");
    image.set_disk_format("raw");
    image.set_container_format("bare");
    let image = scene.client.create(&image).await.unwrap();
    let mut options = StagingOptions::default();
    options.retry = retried(3);
    let staging = Staging::new(scene.client.clone(), options);
    let source = Flaky::failing_at(&[0, 3 << 20]);
    let expected = source.data.len() as u64;
    let report = staging.run(&image, Box::new(source), &CancellationToken::new()).await.unwrap();
    assert_eq!(report.size, expected);
}
