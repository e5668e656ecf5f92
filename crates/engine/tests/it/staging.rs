//! What staging makes of trouble on the way, against the sandbox.

use std::io::Write as _;
use std::time::Duration;

use crate::scene::{start, tokens};
use imgpush_engine::client::{Image, ImageClient, Import, NewImage, Status, WaitOptions};
use imgpush_engine::source::{FileSource, ReaderSource, Source};
use imgpush_engine::{
    CancellationToken, PushFailure, RetryOptions, SourceError, Staging, StagingError,
    StagingOptions, StagingReport, TransferError,
};
use imgpush_sandbox::{Fault, Operation, Sandbox, USER};
use sha2::Digest as _;

const BYTES: usize = 3 << 20;

struct Staged {
    sandbox: Sandbox,
    client: ImageClient,
    image: Image,
    file: tempfile::NamedTempFile,
}

impl Staged {
    async fn new() -> Self {
        let (sandbox, client) = start(tokens(), Some(USER)).await;
        let wanted = NewImage::named("staged").with_formats("raw", "bare");
        let image = client.create(&wanted).await.unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&data()).unwrap();
        Staged { sandbox, client, image, file }
    }

    fn source(&self) -> Box<dyn Source> {
        Box::new(FileSource::open(self.file.path()).unwrap())
    }

    async fn stage(&self, source: Box<dyn Source>) -> Result<StagingReport, StagingError> {
        let staging = Staging::new(self.client.clone(), StagingOptions::default());
        let image = self.client.image(self.image.id()).await.unwrap();
        staging.run(&image, source, &CancellationToken::new()).await
    }

    async fn now(&self) -> Image {
        self.client.image(self.image.id()).await.unwrap()
    }

    /// How often data came for the image.
    fn stagings(&self) -> usize {
        self.sandbox.journal().iter().filter(|received| received.path.ends_with("/stage")).count()
    }
}

fn data() -> Vec<u8> {
    (0..BYTES).map(|i| (i % 251) as u8).collect()
}

#[tokio::test]
async fn what_is_staged_is_what_the_import_then_shows() {
    let scene = Staged::new().await;
    let report = scene.stage(scene.source()).await.unwrap();
    assert_eq!((report.size, report.attempts), (BYTES as u64, 1));
    let hex: String = sha2::Sha512::digest(data()).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(report.computed["sha512"], hex);
    let staged = scene.now().await;
    assert_eq!(staged.status(), Status::Uploading);
    let options = WaitOptions::default().with_timeout(Duration::from_secs(30));
    let done = scene.client.import_and_wait(&staged, &Import::staged(), &options).await.unwrap();
    assert_eq!(done.hash_value(), Some(&*hex));
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_record_as_it_was() {
    let scene = Staged::new().await;
    scene.sandbox.inject(Operation::Stage, Fault::DropAfter(1 << 20));
    let mut options = StagingOptions::default();
    options.retry = RetryOptions::never();
    let staging = Staging::new(scene.client.clone(), options);
    let none = CancellationToken::new();
    let error = staging.run(&scene.image, scene.source(), &none).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Transfer(TransferError::Broken { .. })),
        "{error:?}"
    );
    assert_eq!(scene.now().await.status(), Status::Queued);
    scene.stage(scene.source()).await.unwrap();
    assert_eq!(scene.stagings(), 2);
}

#[tokio::test]
async fn what_breaks_is_sent_again_to_the_same_record() {
    let scene = Staged::new().await;
    scene.sandbox.inject(Operation::Stage, Fault::DropAfter(1 << 20));
    scene.sandbox.inject(Operation::Stage, Fault::Status { status: 503, after: 0 });
    let report = scene.stage(scene.source()).await.unwrap();
    assert_eq!((report.attempts, scene.stagings()), (3, 3));
    assert_eq!(report.id, scene.image.id());
    assert_eq!(scene.now().await.status(), Status::Uploading);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_not_data_that_is_lost() {
    let scene = Staged::new().await;
    scene.sandbox.inject(Operation::Stage, Fault::DropAnswer);
    let report = scene.stage(scene.source()).await.unwrap();
    assert_eq!((report.size, scene.stagings()), (BYTES as u64, 1));
}

#[tokio::test]
async fn a_refused_token_is_renewed_where_the_data_can_be_sent_again() {
    let scene = Staged::new().await;
    scene.sandbox.inject(Operation::Stage, Fault::ExpireToken);
    let report = scene.stage(scene.source()).await.unwrap();
    assert_eq!(report.attempts, 2);

    let scene = Staged::new().await;
    scene.sandbox.inject(Operation::Stage, Fault::ExpireToken);
    let pipe = ReaderSource::new("a pipe", std::io::Cursor::new(data()));
    let error = scene.stage(Box::new(pipe)).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Transfer(TransferError::ReadOnce { .. })),
        "{error:?}"
    );
    assert_eq!(scene.stagings(), 1, "a pipe is not sent twice");
}

#[tokio::test]
async fn what_cannot_be_staged_is_not_sent() {
    let scene = Staged::new().await;
    let mut options = StagingOptions::default();
    options.size = Some(5);
    let staging = Staging::new(scene.client.clone(), options);
    let none = CancellationToken::new();
    let error = staging.run(&scene.image, scene.source(), &none).await.unwrap_err();
    let is_size = matches!(
        error.failure.source_error(),
        Some(SourceError::Size { expected: 5, found, .. }) if *found == BYTES as u64
    );
    assert!(is_size, "{error:?}");
    assert_eq!(scene.stagings(), 0);

    scene.stage(scene.source()).await.unwrap();
    let error = scene.stage(scene.source()).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::NotStageable { status: Status::Uploading }),
        "{error:?}"
    );
    assert_eq!(scene.stagings(), 1);
}

#[tokio::test]
async fn a_cancelled_staging_ends_at_once() {
    let scene = Staged::new().await;
    // All that it could wait for takes an hour, so that it ends shows that it waits for nothing.
    let hour = Duration::from_secs(3600);
    scene.sandbox.inject(Operation::Stage, Fault::Stall { after: 1 << 20, duration: hour });
    let cancel = CancellationToken::new();
    let mut options = StagingOptions::default();
    (options.idle_timeout, options.finish_timeout, options.settle_timeout) = (hour, hour, hour);
    let staging = Staging::new(scene.client.clone(), options);
    let run = staging.run(&scene.image, scene.source(), &cancel);
    let cancelled = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    };
    let (staged, ()) = tokio::join!(run, cancelled);
    let error = staged.unwrap_err();
    assert!(matches!(*error.failure, PushFailure::Interrupted), "{error:?}");
}
