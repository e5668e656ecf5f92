//! Cancels and drops a push at every point where it waits. After a cancellation no record is left; after a
//! drop no image is active with incomplete data.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::join_all;
use imgpush_engine::client::{Image, Status};
use imgpush_engine::source::{ReaderSource, Source};
use imgpush_engine::{
    CancellationToken, MultiPush, PushError, PushFailure, PushOptions, RecordOutcome, Report,
    RetryOptions, Stores, Target, Via,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

const BYTES: usize = 3 << 20;

async fn scenes(count: usize) -> Vec<Scene> {
    join_all((0..count).map(|_| Scene::start_open())).await
}

/// Creates a push to all of them.
fn push(scenes: &[Scene], via: &Via, stores: &Stores) -> MultiPush {
    let mut options = PushOptions::named("image");
    options.retry =
        RetryOptions::default().with_pauses(Duration::from_millis(10), Duration::from_millis(10));
    // A cancelled push that waited for anything else would hang.
    let hour = Duration::from_secs(3600);
    (options.idle_timeout, options.finish_timeout) = (hour, hour);
    (options.settle_timeout, options.import_timeout) = (hour, hour);
    let target = |scene: &Scene| {
        Target::new(scene.client.clone()).via(via.clone()).into_stores(stores.clone())
    };
    scenes.iter().map(target).fold(MultiPush::new(options), MultiPush::to)
}

async fn images(scenes: &[Scene]) -> Vec<Image> {
    join_all(scenes.iter().map(Scene::images)).await.concat()
}

async fn clear(scenes: &[Scene]) {
    for scene in scenes {
        for image in scene.images().await {
            scene.client.delete_if_exists(image.id()).await.unwrap();
        }
    }
}

fn source() -> Box<dyn Source> {
    Box::new(ReaderSource::new("data", std::io::Cursor::new(vec![7; BYTES])))
}

/// Polls a future, and runs an action when it has been pending this number of times.
struct At<F, A> {
    inner: F,
    left: usize,
    act: Option<A>,
}

impl<F: Future + Unpin, A: FnOnce() + Unpin> Future for At<F, A> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let polled = Pin::new(&mut self.inner).poll(cx);
        if polled.is_pending() {
            self.left = self.left.saturating_sub(1);
            if self.left == 0
                && let Some(act) = self.act.take()
            {
                act();
            }
        }
        polled
    }
}

/// Runs a push that is cancelled at its `wait`th wait. Returns whether it reached that wait.
async fn cancelled_at(push: &MultiPush, wait: usize) -> (bool, Vec<Result<Report, PushError>>) {
    let cancel = CancellationToken::new();
    let run = pin!(push.run(source(), &cancel));
    let mut at = At { inner: run, left: wait, act: Some(|| cancel.cancel()) };
    let results = (&mut at).await;
    (at.act.is_none(), results)
}

/// Cancels at every wait of a push, until there are no more. Returns their number.
async fn cancel_everywhere(scenes: &[Scene], via: Via, stores: Stores) -> usize {
    let push = push(scenes, &via, &stores);
    let mut waits = 0;
    loop {
        waits += 1;
        let (was_reached, results) = cancelled_at(&push, waits).await;
        let (mut verified, mut kept) = (0, Vec::new());
        for result in results {
            match result {
                Ok(report) => {
                    assert!(report.verified);
                    verified += 1;
                }
                Err(PushError { failure, outcome, .. }) => {
                    assert!(matches!(*failure, PushFailure::Interrupted), "{waits}: {failure:?}");
                    match outcome {
                        // All its data was sent, so another run may have accepted it.
                        RecordOutcome::Kept { id, .. } => kept.push(id),
                        RecordOutcome::NoRecord | RecordOutcome::Removed { .. } => {}
                        RecordOutcome::Left { reason, .. } if reason.contains("creation") => {}
                        outcome => panic!("{waits}: {outcome:?}"),
                    }
                }
            }
        }
        let images = images(scenes).await;
        assert_eq!(images.len(), verified + kept.len(), "wait {waits}: {images:?}");
        for image in images {
            let is_kept = kept.iter().any(|id| id == image.id());
            assert!(is_kept || image.status() == Status::Active, "wait {waits}: {image:?}");
            let has_all = image.size().is_none_or(|size| size == BYTES as u64);
            assert!(has_all, "wait {waits}: {image:?}");
        }
        clear(scenes).await;
        if !was_reached {
            assert_eq!(verified, scenes.len());
            return waits - 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_cancelled_anywhere_leaves_only_verified_images() {
    let scenes = scenes(1).await;
    let waits = cancel_everywhere(&scenes, Via::Direct, Stores::Default).await;
    assert!(waits > 8, "only {waits} points were tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_to_two_targets_cancelled_anywhere_leaves_only_verified_images() {
    let scenes = scenes(2).await;
    let waits = cancel_everywhere(&scenes, Via::Direct, Stores::Default).await;
    assert!(waits > 8, "only {waits} points were tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_cancelled_anywhere_leaves_only_verified_images() {
    let scenes = scenes(1).await;
    let waits = cancel_everywhere(&scenes, Via::Import, Stores::All).await;
    assert!(waits > 8, "only {waits} points were tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_before_a_retry_is_cancelled_at_once() {
    let scenes = scenes(1).await;
    scenes[0].sandbox().inject(Operation::Upload, Fault::Status { status: 503, after: 0 });
    let mut options = PushOptions::named("image");
    options.retry =
        RetryOptions::default().with_pauses(Duration::from_secs(600), Duration::from_secs(600));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![7; BYTES]).unwrap();
    let source = imgpush_engine::source::FileSource::open(file.path()).unwrap();
    let push = MultiPush::new(options).to(Target::new(scenes[0].client.clone()));
    let cancel = CancellationToken::new();
    let (results, ()) = tokio::join!(push.run(Box::new(source), &cancel), async {
        // By then the response has arrived, the image has settled, and the pause has started.
        tokio::time::sleep(Duration::from_secs(1)).await;
        cancel.cancel();
    });
    let error = results.into_iter().next().unwrap().unwrap_err();
    assert!(matches!(*error.failure, PushFailure::Interrupted), "{error:?}");
    assert_eq!(error.attempts, 1);
    assert!(images(&scenes).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_dropped_anywhere_never_leaves_incomplete_data_active() {
    let scenes = scenes(2).await;
    let push = push(&scenes, &Via::Direct, &Stores::Default);
    let mut waits = 0;
    loop {
        waits += 1;
        let none = CancellationToken::new();
        let dropped = CancellationToken::new();
        let run = Box::pin(push.run(source(), &none));
        let mut at = At { inner: run, left: waits, act: Some(|| dropped.cancel()) };
        let is_done = tokio::select! {
            biased;
            () = dropped.cancelled() => false,
            _ = &mut at => true,
        };
        drop(at);
        if is_done {
            break;
        }
        // The service has noticed the closed connections when no image is `saving` any more.
        let settled = async {
            loop {
                let images = images(&scenes).await;
                if images.iter().all(|image| image.status() != Status::Saving) {
                    return images;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let images = tokio::time::timeout(Duration::from_secs(20), settled).await.unwrap();
        for image in images {
            let is_complete = image.size() == Some(BYTES as u64);
            assert!(
                image.status() == Status::Queued || image.status() == Status::Active && is_complete,
                "wait {waits}: {image:?}"
            );
        }
        clear(&scenes).await;
    }
    assert!(waits > 8, "only {waits} points were tried");
}
