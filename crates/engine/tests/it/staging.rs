//! Staging with faults of the connection, against the sandbox.

use std::time::Duration;

use imgpush_engine::client::{Image, Import, NewImage, Status, WaitOptions};
use imgpush_engine::source::{FileSource, ReaderSource, Source};
use imgpush_engine::{
    CancellationToken, PushFailure, RetryOptions, SourceError, Staging, StagingError,
    StagingOptions, StagingReport, TransferError,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::{Scene, pattern, sha512};

const BYTES: usize = 3 << 20;
const FILE: &str = "disk.raw";

/// Creates a scene with a record, and a file for it.
async fn staged() -> (Scene, Image) {
    let scene = Scene::start().await;
    let wanted = NewImage::named("staged").with_formats("raw", "bare");
    let image = scene.client.create(&wanted).await.unwrap();
    scene.write(FILE, pattern(BYTES));
    (scene, image)
}

fn source(scene: &Scene) -> Box<dyn Source> {
    Box::new(FileSource::open(scene.path(FILE)).unwrap())
}

async fn stage(
    scene: &Scene,
    image: &Image,
    source: Box<dyn Source>,
) -> Result<StagingReport, StagingError> {
    let staging = Staging::new(scene.client.clone(), StagingOptions::default());
    staging.run(&now(scene, image).await, source, &CancellationToken::new()).await
}

async fn now(scene: &Scene, image: &Image) -> Image {
    scene.client.image(image.id()).await.unwrap()
}

/// Returns the number of uploads to the staging area.
fn stagings(scene: &Scene) -> usize {
    scene.count("PUT", "/stage")
}

#[tokio::test]
async fn the_imported_image_has_the_staged_data() {
    let (scene, image) = staged().await;
    let report = stage(&scene, &image, source(&scene)).await.unwrap();
    assert_eq!((report.size, report.attempts), (BYTES as u64, 1));
    let expected = sha512(pattern(BYTES));
    assert_eq!(report.digests["sha512"], expected);
    let staged = now(&scene, &image).await;
    assert_eq!(staged.status(), Status::Uploading);
    let options = WaitOptions::default().with_timeout(Duration::from_secs(30));
    let done = scene.client.import_and_wait(&staged, &Import::staged(), &options).await.unwrap();
    assert_eq!(done.hash_value(), Some(&*expected));
}

#[tokio::test]
async fn a_broken_connection_leaves_the_record_unchanged() {
    let (scene, image) = staged().await;
    scene.sandbox().inject(Operation::Stage, Fault::DropAfter(1 << 20));
    let mut options = StagingOptions::default();
    options.retry = RetryOptions::never();
    let staging = Staging::new(scene.client.clone(), options);
    let none = CancellationToken::new();
    let error = staging.run(&image, source(&scene), &none).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Transfer(TransferError::Broken { .. })),
        "{error:?}"
    );
    assert_eq!(now(&scene, &image).await.status(), Status::Queued);
    stage(&scene, &image, source(&scene)).await.unwrap();
    assert_eq!(stagings(&scene), 2);
}

#[tokio::test]
async fn a_failed_upload_is_retried_on_the_same_record() {
    let (scene, image) = staged().await;
    scene.sandbox().inject(Operation::Stage, Fault::DropAfter(1 << 20));
    scene.sandbox().inject(Operation::Stage, Fault::Status { status: 503, after: 0 });
    let report = stage(&scene, &image, source(&scene)).await.unwrap();
    assert_eq!((report.attempts, stagings(&scene)), (3, 3));
    assert_eq!(report.id, image.id());
    assert_eq!(now(&scene, &image).await.status(), Status::Uploading);
}

#[tokio::test]
async fn a_lost_response_is_not_lost_data() {
    let (scene, image) = staged().await;
    scene.sandbox().inject(Operation::Stage, Fault::DropAnswer);
    let report = stage(&scene, &image, source(&scene)).await.unwrap();
    assert_eq!((report.size, stagings(&scene)), (BYTES as u64, 1));
}

#[tokio::test]
async fn a_rejected_token_is_renewed_if_the_source_can_be_read_again() {
    let (scene, image) = staged().await;
    scene.sandbox().inject(Operation::Stage, Fault::ExpireToken);
    let report = stage(&scene, &image, source(&scene)).await.unwrap();
    assert_eq!(report.attempts, 2);

    let (scene, image) = staged().await;
    scene.sandbox().inject(Operation::Stage, Fault::ExpireToken);
    let pipe = ReaderSource::new("a pipe", std::io::Cursor::new(pattern(BYTES)));
    let error = stage(&scene, &image, Box::new(pipe)).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Transfer(TransferError::ReadOnce { .. })),
        "{error:?}"
    );
    assert_eq!(stagings(&scene), 1, "a pipe is not sent twice");
}

#[tokio::test]
async fn a_source_that_cannot_be_staged_is_not_sent() {
    let (scene, image) = staged().await;
    let mut options = StagingOptions::default();
    options.size = Some(5);
    let staging = Staging::new(scene.client.clone(), options);
    let none = CancellationToken::new();
    let error = staging.run(&image, source(&scene), &none).await.unwrap_err();
    let is_size = matches!(
        error.failure.source_error(),
        Some(SourceError::Size { expected: 5, found, .. }) if *found == BYTES as u64
    );
    assert!(is_size, "{error:?}");
    assert_eq!(stagings(&scene), 0);

    stage(&scene, &image, source(&scene)).await.unwrap();
    let error = stage(&scene, &image, source(&scene)).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::NotStageable { status: Status::Uploading }),
        "{error:?}"
    );
    assert_eq!(stagings(&scene), 1);
}

#[tokio::test]
async fn a_cancelled_staging_ends_at_once() {
    let (scene, image) = staged().await;
    // Every time-out is an hour, so the test ends only if the staging waits for nothing.
    let hour = Duration::from_secs(3600);
    scene.sandbox().inject(Operation::Stage, Fault::Stall { after: 1 << 20, duration: hour });
    let cancel = CancellationToken::new();
    let mut options = StagingOptions::default();
    (options.idle_timeout, options.finish_timeout, options.settle_timeout) = (hour, hour, hour);
    let staging = Staging::new(scene.client.clone(), options);
    let run = staging.run(&image, source(&scene), &cancel);
    let cancelled = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    };
    let (staged, ()) = tokio::join!(run, cancelled);
    let error = staged.unwrap_err();
    assert!(matches!(*error.failure, PushFailure::Interrupted), "{error:?}");
}
