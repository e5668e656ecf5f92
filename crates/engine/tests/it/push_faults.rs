//! Pushes with every fault of the connection and the service, against the sandbox.
//!
//! Each test asserts three things: the reported error, that no record is left unreported, and that the fault
//! has occurred.

use std::fs::File;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imgpush_engine::client::Error;
use imgpush_engine::source::{FileSource, ReaderSource, Source};
use imgpush_engine::{
    CancellationToken, ErrorKind, FRAME_BYTES, FormatError, IntegrityError, Phase, Progress, Push,
    PushError, PushFailure, PushOptions, RecordOutcome, Report, RetryOptions, SourceError,
    TransferError, VerifiedBy,
};
use imgpush_sandbox::{Fault, Operation, Quota};
use imgpush_scene::{Scene, SceneBuilder};

const MIB: u64 = 1 << 20;
const FILE: &str = "disk.raw";
/// Longer than any test: a push that waits for it hangs.
const HOUR: Duration = Duration::from_secs(3600);

/// Creates a scene with a file of this number of bytes.
async fn with_file(bytes: u64) -> Scene {
    with_file_on(Scene::builder(), bytes).await
}

async fn with_file_on(builder: SceneBuilder, bytes: u64) -> Scene {
    let scene = builder.start().await;
    scene.file(FILE, bytes);
    scene
}

fn source(scene: &Scene) -> Box<dyn Source> {
    Box::new(FileSource::open(scene.path(FILE)).unwrap())
}

async fn push_with(
    scene: &Scene,
    options: PushOptions,
    source: Box<dyn Source>,
) -> Result<Report, PushError> {
    let push = Push::new(scene.client.clone(), options).on_cloud("sandbox");
    push.run(source, &CancellationToken::new()).await
}

async fn push(scene: &Scene) -> Result<Report, PushError> {
    push_with(scene, once("image"), source(scene)).await
}

async fn images(scene: &Scene) -> usize {
    scene.images().await.len()
}

/// Runs a push with a fault. Asserts that it fails, and that the record is deleted and reported as deleted.
async fn fails(scene: &Scene, operation: Operation, fault: Fault) -> PushFailure {
    scene.sandbox().inject(operation, fault);
    let error = push(scene).await.expect_err("the fault was not detected");
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{:?}", error.outcome);
    assert_eq!(images(scene).await, 0, "a record is left");
    *error.failure
}

/// Runs a push that is cancelled when a part of its data is sent and the connection stalls.
async fn cancelled_in_mid_upload(scene: &Scene) -> PushError {
    scene.sandbox().inject(Operation::Upload, Fault::Stall { after: MIB, duration: HOUR });
    let mut options = once("cancelled");
    (options.idle_timeout, options.finish_timeout) = (HOUR, HOUR);
    options.settle_timeout = HOUR;
    let cancel = CancellationToken::new();
    let push = Push::new(scene.client.clone(), options);
    let (result, ()) = tokio::join!(push.run(source(scene), &cancel), async {
        while images(scene).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    });
    let error = result.unwrap_err();
    assert!(matches!(*error.failure, PushFailure::Interrupted), "{error:?}");
    error
}

/// Options without retries.
fn once(name: &str) -> PushOptions {
    let mut options = PushOptions::named(name);
    options.retry = RetryOptions::never();
    options
}

/// Returns the status code of a failure of the service.
fn status(failure: &PushFailure) -> Option<u16> {
    failure.call()?.status().map(|status| status.as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_verified_and_declares_its_size_twice() {
    let scene = with_file(3 * MIB + 17).await;
    let report = push(&scene).await.unwrap();
    assert!(report.verified);
    assert_eq!(report.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);
    assert_eq!(report.size, Some(3 * MIB + 17));
    assert_eq!(report.attempts, 1);
    let upload = &scene.uploads()[0];
    assert_eq!(upload.header("content-type"), Some("application/octet-stream"));
    assert_eq!(upload.header("content-length"), Some("3145745"));
    assert_eq!(upload.header("x-openstack-image-size"), Some("3145745"));
    assert_eq!(upload.header("expect"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_unknown_length_is_sent_in_small_chunks() {
    let scene = with_file(0).await;
    let source = ReaderSource::new("pipe", std::io::Cursor::new(vec![5; (5 << 20) + 1]));
    let report = push_with(&scene, once("piped"), Box::new(source)).await.unwrap();
    assert_eq!(report.size, Some(5 * MIB + 1));
    let upload = &scene.uploads()[0];
    assert_eq!(upload.header("transfer-encoding"), Some("chunked"));
    assert_eq!(upload.header("x-openstack-image-size"), None);
    assert!(upload.largest_piece <= FRAME_BYTES, "{}", upload.largest_piece);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_anywhere_is_a_broken_push() {
    let scene = with_file(4 * MIB).await;
    for after in [0, 1, 2 * MIB, 4 * MIB] {
        let failure = fails(&scene, Operation::Upload, Fault::DropAfter(after)).await;
        assert!(
            matches!(failure, PushFailure::Transfer(TransferError::Broken { .. })),
            "{after}: {failure:?}"
        );
        assert!(failure.to_string().contains("the image is queued"), "{failure}");
    }
    assert_eq!(scene.uploads().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_response_of_a_proxy_is_reported() {
    let scene = with_file(64 * MIB).await;
    for (code, after) in [(413, 0), (413, MIB), (502, 3 * MIB), (503, 0)] {
        let failure = fails(&scene, Operation::Upload, Fault::Status { status: code, after }).await;
        match &failure {
            // A connection reset has discarded the response.
            PushFailure::Transfer(TransferError::Broken { state, .. }) => {
                assert_eq!(state, "the image is queued");
            }
            failure => {
                assert_eq!(status(failure), Some(code), "{failure:?}");
                let answer = failure.call().unwrap().answer().unwrap();
                assert_eq!(answer.server.as_deref(), Some("nginx"));
                assert!(answer.message.contains("nginx"), "{}", answer.message);
            }
        }
        let sent = scene.uploads().last().unwrap().body_bytes;
        assert!(sent < 32 * MIB, "{sent} bytes were sent despite the rejection");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_damaged_in_transit_is_detected() {
    let scene = with_file(4 * MIB).await;
    for offset in [0, 2 * MIB, 4 * MIB - 1] {
        let failure = fails(&scene, Operation::Upload, Fault::CorruptByte(offset)).await;
        let PushFailure::Integrity(IntegrityError::Mismatch { field: "os_hash_value", .. }) =
            failure
        else {
            panic!("{failure:?}")
        };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_reports_other_values_is_an_error() {
    let scene = with_file(MIB).await;
    let failure = fails(&scene, Operation::Upload, Fault::WrongHash).await;
    assert!(
        matches!(
            failure,
            PushFailure::Integrity(IntegrityError::Mismatch { field: "os_hash_value", .. })
        ),
        "{failure:?}"
    );
    let failure = fails(&scene, Operation::Upload, Fault::WrongSize).await;
    assert!(
        matches!(failure, PushFailure::Integrity(IntegrityError::Mismatch { field: "size", .. })),
        "{failure:?}"
    );
}

/// The image may be right, and another run may have verified it.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_compared_is_kept_and_reported() {
    for (fault, reason) in [(Fault::NoHash, "checksum"), (Fault::HashAlgo("sm3".into()), "sm3")] {
        let scene = with_file(MIB).await;
        scene.sandbox().inject(Operation::Upload, fault);
        let mut options = once("image");
        options.finish_timeout = Duration::from_millis(200);
        let error = push_with(&scene, options, source(&scene)).await.unwrap_err();
        assert!(
            matches!(*error.failure, PushFailure::Integrity(IntegrityError::CannotVerify { .. })),
            "{error:?}"
        );
        assert!(error.failure.to_string().contains(reason), "{error:?}");
        let RecordOutcome::Kept { id, state } = &error.outcome else { panic!("{error:?}") };
        assert_eq!(state, "the image is active");
        assert!(scene.client.image(id).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_hash_algorithm_is_computed_in_a_second_pass() {
    let scene = with_file_on(
        Scene::builder().sandbox(|options| options.with_hash_algo("sha3_256")),
        2 * MIB + 5,
    )
    .await;
    let report = push(&scene).await.unwrap();
    assert!(report.verified);
    assert_eq!(report.os_hash_algo.as_deref(), Some("sha3_256"));
    assert_eq!(report.os_hash_value.as_ref(), report.digests.get("sha3_256"));

    // A pipe cannot be read again, and an image that is not verified is no success.
    let source = ReaderSource::new("pipe", std::io::Cursor::new(vec![5; 1 << 20]));
    let error = push_with(&scene, once("piped"), Box::new(source)).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Integrity(IntegrityError::CannotVerify { .. })),
        "{error:?}"
    );
    let RecordOutcome::Kept { id, .. } = &error.outcome else { panic!("{error:?}") };
    assert!(scene.client.image(id).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_is_replaced_by_fetching_the_image() {
    let scene = with_file(MIB).await;
    scene.sandbox().inject(Operation::Upload, Fault::DropAnswer);
    let report = push(&scene).await.unwrap();
    assert!(report.verified);
    assert_eq!(images(&scene).await, 1);

    // Also of the creation: the id is known, so the record is found and deleted.
    scene.sandbox().inject(Operation::Create, Fault::DropAnswer);
    let error = push(&scene).await.unwrap_err();
    assert!(matches!(*error.failure, PushFailure::Client { .. }), "{error:?}");
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{:?}", error.outcome);
    assert_eq!(images(&scene).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_proxy_for_the_creation_is_not_a_rejection() {
    let scene = with_file(MIB).await;
    scene.sandbox().inject(Operation::Create, Fault::Status { status: 504, after: 0 });
    let error = push(&scene).await.unwrap_err();
    assert_eq!(status(&error.failure), Some(504), "{error:?}");
    assert_eq!(error.outcome, RecordOutcome::NoRecord);
    let is_look = |path: &str| path.starts_with("/v2/images/");
    let journal = scene.sandbox().journal();
    let looks = journal.iter().filter(|r| r.method == "GET" && is_look(&r.path)).count();
    assert_eq!(looks, 2, "a record whose creation may be in transit is requested twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transient_error_during_the_verification_is_retried() {
    let scene = with_file(MIB).await;
    scene.sandbox().inject(Operation::Show, Fault::Status { status: 503, after: 0 });
    scene.sandbox().inject(Operation::Show, Fault::DropAfter(0));
    assert!(push(&scene).await.unwrap().verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_is_renewed_once() {
    // Small enough that all data is sent before the rejection; with more data its response may be lost.
    let scene = with_file(5000).await;
    // Before a request without a body, and before the upload.
    for operation in [Operation::Schema, Operation::Create, Operation::Show] {
        scene.sandbox().inject(operation, Fault::ExpireToken);
        assert!(push(&scene).await.unwrap().verified, "{operation:?}");
    }
    scene.sandbox().inject(Operation::Upload, Fault::ExpireToken);
    let report = push(&scene).await.unwrap();
    assert_eq!(report.attempts, 2, "the data was sent again with a new token");
    assert!(report.verified);

    // A pipe cannot be read again, so there is no retry.
    scene.sandbox().inject(Operation::Upload, Fault::ExpireToken);
    let source = ReaderSource::new("pipe", std::io::Cursor::new(vec![5; 5000]));
    let error = push_with(&scene, once("piped"), Box::new(source)).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Transfer(TransferError::ReadOnce { .. })),
        "{error:?}"
    );
    assert_eq!(status(&error.failure), Some(401), "{error:?}");
    assert_eq!(images(&scene).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_would_be_rejected_fails_before_a_record_exists() {
    let quota = Quota::default().with_image_size_total(2);
    let scene =
        with_file_on(Scene::builder().sandbox(|options| options.with_quota(quota)), 3 * MIB).await;
    let error = push(&scene).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Quota { name: "image_size_total", .. }),
        "{error:?}"
    );
    assert_eq!(error.outcome, RecordOutcome::NoRecord);

    let mut options = once("x");
    options.container_format = "shrinkwrap".into();
    let error = push_with(&scene, options, source(&scene)).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Format(FormatError::NotTaken { .. })),
        "{error:?}"
    );

    let mut options = once("x");
    options.disk_format = Some("qcow2".into());
    let error = push_with(&scene, options.clone(), source(&scene)).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Format(FormatError::Mismatch { .. })),
        "{error:?}"
    );
    assert!(scene.sandbox().journal().iter().all(|r| r.method != "PUT" && r.path != "/v2/images"));

    // With `force_format`, the server rejects the data, and the record is deleted.
    options.force_format = true;
    let scene = with_file(MIB).await;
    let error = push_with(&scene, options, source(&scene)).await.unwrap_err();
    assert_eq!(status(&error.failure), Some(415), "{error:?}");
    assert_eq!(images(&scene).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_larger_than_the_cap_is_rejected_with_the_message_of_the_server() {
    let scene =
        with_file_on(Scene::builder().sandbox(|options| options.with_image_size_cap(MIB)), 2 * MIB)
            .await;
    let error = push(&scene).await.unwrap_err();
    match &*error.failure {
        PushFailure::Transfer(TransferError::Broken { .. }) => {}
        failure => assert_eq!(status(failure), Some(413), "{error:?}"),
    }
    assert_eq!(images(&scene).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_accepts_no_data_times_out() {
    let scene = with_file(64 * MIB).await;
    scene.sandbox().inject(Operation::Upload, Fault::Stall { after: MIB, duration: HOUR });
    let mut options = once("stalled");
    options.idle_timeout = Duration::from_secs(1);
    let error = push_with(&scene, options, source(&scene)).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Transfer(TransferError::Stalled { seconds: 1, .. })),
        "{error:?}"
    );
    assert_eq!(images(&scene).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_image_is_kept_if_requested() {
    let scene = with_file(MIB).await;
    scene.sandbox().inject(Operation::Upload, Fault::WrongHash);
    let mut options = once("kept");
    options.keep_failed = true;
    let error = push_with(&scene, options, source(&scene)).await.unwrap_err();
    let RecordOutcome::Kept { id, state } = &error.outcome else { panic!("{:?}", error.outcome) };
    assert_eq!(state, "the image is active");
    assert!(scene.client.image(id).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_deleted_is_reported() {
    let scene = with_file(MIB).await;
    scene.sandbox().inject(Operation::Upload, Fault::WrongHash);
    scene.sandbox().inject(Operation::Delete, Fault::Status { status: 403, after: 0 });
    let error = push(&scene).await.unwrap_err();
    let RecordOutcome::Left { id, reason } = &error.outcome else { panic!("{:?}", error.outcome) };
    assert!(reason.contains("403"), "{reason}");
    // A rejection is final, so there is one attempt to delete the record.
    assert_eq!(scene.count("DELETE", ""), 1);
    assert!(scene.client.image(id).await.is_ok());
}

/// Before its verification it must be possible to delete it.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_protected_after_its_verification() {
    let scene = with_file(MIB).await;
    let mut options = once("protected");
    options.protected = Some(true);
    let report = push_with(&scene, options.clone(), source(&scene)).await.unwrap();
    assert!(scene.client.image(&report.id).await.unwrap().is_protected());

    scene.sandbox().inject(Operation::Upload, Fault::WrongHash);
    let error = push_with(&scene, options.clone(), source(&scene)).await.unwrap_err();
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");

    scene.sandbox().inject(Operation::Update, Fault::Status { status: 403, after: 0 });
    let error = push_with(&scene, options, source(&scene)).await.unwrap_err();
    assert!(matches!(*error.failure, PushFailure::NotProtected { .. }), "{error:?}");
    assert!(matches!(error.outcome, RecordOutcome::Kept { .. }), "{error:?}");
    assert_eq!(images(&scene).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_with_the_given_id_is_not_deleted() {
    let scene = with_file(MIB).await;
    let report = push(&scene).await.unwrap();
    let mut options = once("second");
    options.id = Some(report.id.clone());
    let error = push_with(&scene, options, source(&scene)).await.unwrap_err();
    let PushFailure::NotCreated { source: Error::Conflict(_) } = &*error.failure else {
        panic!("{error:?}")
    };
    assert_eq!(error.outcome, RecordOutcome::NoRecord);
    assert!(scene.client.image(&report.id).await.is_ok());

    // Not even when the rejection is lost.
    let mut options = once("third");
    options.id = Some(report.id.clone());
    scene.sandbox().inject(Operation::Create, Fault::DropAnswer);
    let error = push_with(&scene, options, source(&scene)).await.unwrap_err();
    assert!(matches!(error.outcome, RecordOutcome::Left { .. }), "{:?}", error.outcome);
    assert!(scene.client.image(&report.id).await.is_ok());
}

/// Changes the file just before the upload.
struct AtSending(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Progress for AtSending {
    fn phase(&self, phase: Phase) {
        if phase == Phase::Creating
            && let Some(change) = self.0.lock().unwrap().take()
        {
            change();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_during_the_upload_never_becomes_an_image() {
    for (what, bytes) in [("shrinks", 40 * MIB), ("grows", 70 * MIB)] {
        let scene = with_file(64 * MIB).await;
        let handle = File::options().write(true).open(scene.path(FILE)).unwrap();
        let change: Box<dyn FnOnce() + Send> = Box::new(move || handle.set_len(bytes).unwrap());
        let push = Push::new(scene.client.clone(), once(what))
            .with_progress(Arc::new(AtSending(Mutex::new(Some(change)))));
        let error = push.run(source(&scene), &CancellationToken::new()).await.unwrap_err();
        match (error.failure.source_error(), what) {
            (Some(SourceError::Shrank { .. }), "shrinks")
            | (Some(SourceError::Grew { .. }), "grows") => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(images(&scene).await, 0);
        // The sandbox records a request when it has ended.
        while scene.uploads().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let upload = &scene.uploads()[0];
        assert!(upload.status.is_none_or(|status| status == 500), "{upload:?}");
        assert!(upload.body_bytes < 64 * MIB, "the last chunk was not withheld: {upload:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_has_to_be_allowed() {
    let scene = with_file(0).await;
    let error = push(&scene).await.unwrap_err();
    assert!(matches!(error.failure.source_error(), Some(SourceError::Empty { .. })), "{error:?}");
    let mut options = once("empty");
    options.allow_empty = true;
    let report = push_with(&scene, options, source(&scene)).await.unwrap();
    assert_eq!((report.size, report.verified), (Some(0), true));
}

/// Every time-out is an hour, so the test ends only if the push waits for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_push_cleans_up_at_once() {
    let scene = with_file(64 * MIB).await;
    let error = cancelled_in_mid_upload(&scene).await;
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{:?}", error.outcome);
    assert_eq!(scene.count("DELETE", ""), 1);
    assert_eq!(images(&scene).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_push_does_not_wait_for_a_service_that_does_not_answer() {
    let scene = with_file(64 * MIB).await;
    scene.sandbox().inject(Operation::Delete, Fault::SlowAnswer(HOUR));
    let error = cancelled_in_mid_upload(&scene).await;
    let RecordOutcome::Left { reason, .. } = &error.outcome else { panic!("{:?}", error.outcome) };
    assert_eq!(reason, "the service did not answer in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_error_is_an_error_of_the_source() {
    struct Breaking(usize);
    impl std::io::Read for Breaking {
        fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                return Err(std::io::Error::other("the disk is gone"));
            }
            let count = space.len().min(self.0);
            self.0 -= count;
            Ok(count)
        }
    }
    let scene = with_file(0).await;
    let source = ReaderSource::new("disk", Breaking(5 << 20));
    let error = push_with(&scene, once("x"), Box::new(source)).await.unwrap_err();
    let Some(SourceError::Read { at, .. }) = error.failure.source_error() else {
        panic!("{error:?}")
    };
    assert_eq!(*at, 5 * MIB);
    assert_eq!(images(&scene).await, 0);
}

/// During the format detection, and during the upload.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_source_is_an_error_of_the_source() {
    struct Panicking(usize);
    impl std::io::Read for Panicking {
        fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
            assert!(self.0 > 0, "out of paper");
            let count = space.len().min(self.0);
            self.0 -= count;
            Ok(count)
        }
    }
    let scene = with_file(0).await;
    for bytes in [0, 5 << 20] {
        let source = ReaderSource::new("disk", Panicking(bytes));
        let error = push_with(&scene, once("x"), Box::new(source)).await.unwrap_err();
        let Some(SourceError::Panicked { reason, .. }) = error.failure.source_error() else {
            panic!("after {bytes} bytes: {error:?}")
        };
        assert_eq!(reason, "out of paper");
        assert_eq!(images(&scene).await, 0);
    }
}

/// A proxy that requires a length refuses a pipe for good: trying again later does not help.
#[tokio::test(flavor = "multi_thread")]
async fn a_required_length_is_a_refusal() {
    let scene = with_file(3 * MIB).await;
    // After all data, since the response may be lost before.
    let fault = Fault::Status { status: 411, after: 3 * MIB };
    let failure = fails(&scene, Operation::Upload, fault).await;
    assert_eq!((status(&failure), failure.kind()), (Some(411), ErrorKind::Refused));
}
