//! What a push makes of everything that can go wrong on the way, against the sandbox.
//!
//! Each test asserts three things: what is reported, that no record is left behind unsaid, and that the
//! fault really took place.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::scene::{images, start, tokens};
use imgpush_engine::client::{Error, ImageClient};
use imgpush_engine::source::{FileSource, ReaderSource, Source};
use imgpush_engine::{
    CancellationToken, FRAME_BYTES, FormatError, IntegrityError, Phase, Progress, Push, PushError,
    PushFailure, PushOptions, RecordOutcome, Report, RetryOptions, SourceError, TransferError,
    VerifiedBy,
};
use imgpush_sandbox::{Fault, Operation, Quota, Sandbox, SandboxOptions, USER};

const MIB: usize = 1 << 20;
/// Longer than any test: what waits for it hangs.
const HOUR: Duration = Duration::from_secs(3600);

/// A sandbox, a client of it, and a file.
struct Faulty {
    sandbox: Sandbox,
    client: ImageClient,
    file: tempfile::NamedTempFile,
}

impl Faulty {
    async fn new(options: SandboxOptions, bytes: usize) -> Self {
        let (sandbox, client) = start(options, Some(USER)).await;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let data: Vec<u8> = (0..bytes).map(|i| (i % 251) as u8).collect();
        file.write_all(&data).unwrap();
        Faulty { sandbox, client, file }
    }

    fn source(&self) -> Box<dyn Source> {
        Box::new(FileSource::open(self.file.path()).unwrap())
    }

    async fn push_with(
        &self,
        options: PushOptions,
        source: Box<dyn Source>,
    ) -> Result<Report, PushError> {
        let push = Push::new(self.client.clone(), options).on_cloud("sandbox");
        push.run(source, &CancellationToken::new()).await
    }

    async fn push(&self) -> Result<Report, PushError> {
        self.push_with(once("image"), self.source()).await
    }

    async fn images(&self) -> usize {
        images(&self.client).await.len()
    }

    /// The push under a fault: it fails, and the record is gone and said to be.
    async fn fails(&self, operation: Operation, fault: Fault) -> PushFailure {
        self.sandbox.inject(operation, fault);
        let error = self.push().await.expect_err("the fault went unnoticed");
        assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{:?}", error.outcome);
        assert_eq!(self.images().await, 0, "something is left behind");
        *error.failure
    }

    /// A push that is cancelled when a part of its data has gone, and nothing moves any more.
    async fn cancelled_in_mid_upload(&self) -> PushError {
        self.sandbox.inject(Operation::Upload, Fault::Stall { after: MIB as u64, duration: HOUR });
        let mut options = once("cancelled");
        (options.idle_timeout, options.finish_timeout) = (HOUR, HOUR);
        options.settle_timeout = HOUR;
        let cancel = CancellationToken::new();
        let push = Push::new(self.client.clone(), options);
        let (result, ()) = tokio::join!(push.run(self.source(), &cancel), async {
            while self.images().await == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
            cancel.cancel();
        });
        let error = result.unwrap_err();
        assert!(matches!(*error.failure, PushFailure::Interrupted), "{error:?}");
        error
    }

    fn removals(&self) -> usize {
        self.sandbox.journal().iter().filter(|request| request.method == "DELETE").count()
    }

    fn uploads(&self) -> Vec<imgpush_sandbox::Received> {
        let journal = self.sandbox.journal();
        journal.into_iter().filter(|r| r.method == "PUT" && r.path.ends_with("/file")).collect()
    }
}

/// Tried once, so that the first failure is the last.
fn once(name: &str) -> PushOptions {
    let mut options = PushOptions::named(name);
    options.retry = RetryOptions::never();
    options
}

/// The status that a failure of the service had.
fn status(failure: &PushFailure) -> Option<u16> {
    failure.call()?.status().map(|status| status.as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_push_is_proved_and_announced_its_size_twice() {
    let scene = Faulty::new(tokens(), 3 * MIB + 17).await;
    let report = scene.push().await.unwrap();
    assert!(report.verified);
    assert_eq!(report.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);
    assert_eq!(report.size, Some((3 * MIB + 17) as u64));
    assert_eq!(report.attempts, 1);
    let upload = &scene.uploads()[0];
    assert_eq!(upload.header("content-type"), Some("application/octet-stream"));
    assert_eq!(upload.header("content-length"), Some("3145745"));
    assert_eq!(upload.header("x-openstack-image-size"), Some("3145745"));
    assert_eq!(upload.header("expect"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_unknown_length_goes_out_in_small_chunks() {
    let scene = Faulty::new(tokens(), 0).await;
    let source = ReaderSource::new("pipe", std::io::Cursor::new(vec![5; 5 * MIB + 1]));
    let report = scene.push_with(once("piped"), Box::new(source)).await.unwrap();
    assert_eq!(report.size, Some((5 * MIB + 1) as u64));
    let upload = &scene.uploads()[0];
    assert_eq!(upload.header("transfer-encoding"), Some("chunked"));
    assert_eq!(upload.header("x-openstack-image-size"), None);
    assert!(upload.largest_piece <= FRAME_BYTES, "{}", upload.largest_piece);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_anywhere_is_a_broken_push() {
    let scene = Faulty::new(tokens(), 4 * MIB).await;
    for after in [0, 1, 2 * MIB as u64, 4 * MIB as u64] {
        let failure = scene.fails(Operation::Upload, Fault::DropAfter(after)).await;
        assert!(
            matches!(failure, PushFailure::Transfer(TransferError::Broken { .. })),
            "{after}: {failure:?}"
        );
        assert!(failure.to_string().contains("the image is queued"), "{failure}");
    }
    assert_eq!(scene.uploads().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_of_a_proxy_is_read_and_shown() {
    let scene = Faulty::new(tokens(), 64 * MIB).await;
    for (code, after) in [(413, 0), (413, MIB as u64), (502, 3 * MIB as u64), (503, 0)] {
        let failure = scene.fails(Operation::Upload, Fault::Status { status: code, after }).await;
        match &failure {
            // What the reset took with it cannot be read by anybody.
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
        assert!(sent < 32 * MIB as u64, "{sent} bytes were sent on after the refusal");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_damaged_on_the_way_is_noticed() {
    let scene = Faulty::new(tokens(), 4 * MIB).await;
    for offset in [0, 2 * MIB as u64, 4 * MIB as u64 - 1] {
        let failure = scene.fails(Operation::Upload, Fault::CorruptByte(offset)).await;
        let PushFailure::Integrity(IntegrityError::Mismatch { field: "os_hash_value", .. }) =
            failure
        else {
            panic!("{failure:?}")
        };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_reports_something_else_is_not_believed() {
    let scene = Faulty::new(tokens(), MIB).await;
    let failure = scene.fails(Operation::Upload, Fault::WrongHash).await;
    assert!(
        matches!(
            failure,
            PushFailure::Integrity(IntegrityError::Mismatch { field: "os_hash_value", .. })
        ),
        "{failure:?}"
    );
    let failure = scene.fails(Operation::Upload, Fault::WrongSize).await;
    assert!(
        matches!(failure, PushFailure::Integrity(IntegrityError::Mismatch { field: "size", .. })),
        "{failure:?}"
    );
}

/// It may be right, and another run may have verified it.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_compared_is_kept_and_named() {
    for (fault, reason) in [(Fault::NoHash, "checksum"), (Fault::HashAlgo("sm3".into()), "sm3")] {
        let scene = Faulty::new(tokens(), MIB).await;
        scene.sandbox.inject(Operation::Upload, fault);
        let mut options = once("image");
        options.finish_timeout = Duration::from_millis(200);
        let error = scene.push_with(options, scene.source()).await.unwrap_err();
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
async fn another_hash_algorithm_is_computed_by_reading_again() {
    let scene = Faulty::new(tokens().with_hash_algo("sha3_256"), 2 * MIB + 5).await;
    let report = scene.push().await.unwrap();
    assert!(report.verified);
    assert_eq!(report.os_hash_algo.as_deref(), Some("sha3_256"));
    assert_eq!(report.os_hash_value.as_ref(), report.computed.get("sha3_256"));

    // A pipe cannot be read again, and an image that is not proved is not a success.
    let source = ReaderSource::new("pipe", std::io::Cursor::new(vec![5; MIB]));
    let error = scene.push_with(once("piped"), Box::new(source)).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Integrity(IntegrityError::CannotVerify { .. })),
        "{error:?}"
    );
    let RecordOutcome::Kept { id, .. } = &error.outcome else { panic!("{error:?}") };
    assert!(scene.client.image(id).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_made_up_for_by_asking() {
    let scene = Faulty::new(tokens(), MIB).await;
    scene.sandbox.inject(Operation::Upload, Fault::DropAnswer);
    let report = scene.push().await.unwrap();
    assert!(report.verified);
    assert_eq!(scene.images().await, 1);

    // Of the creation too: the id is ours, so the record is found and removed.
    scene.sandbox.inject(Operation::Create, Fault::DropAnswer);
    let error = scene.push().await.unwrap_err();
    assert!(matches!(*error.failure, PushFailure::Client { .. }), "{error:?}");
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{:?}", error.outcome);
    assert_eq!(scene.images().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_error_for_the_creation_is_not_taken_for_a_refusal() {
    let scene = Faulty::new(tokens(), MIB).await;
    scene.sandbox.inject(Operation::Create, Fault::Status { status: 504, after: 0 });
    let error = scene.push().await.unwrap_err();
    assert_eq!(status(&error.failure), Some(504), "{error:?}");
    assert_eq!(error.outcome, RecordOutcome::NoRecord);
    let is_look = |path: &str| path.starts_with("/v2/images/");
    let journal = scene.sandbox.journal();
    let looks = journal.iter().filter(|r| r.method == "GET" && is_look(&r.path)).count();
    assert_eq!(looks, 2, "a record that may be on its way is looked for twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_trouble_of_the_verification_does_not_cost_the_image() {
    let scene = Faulty::new(tokens(), MIB).await;
    scene.sandbox.inject(Operation::Show, Fault::Status { status: 503, after: 0 });
    scene.sandbox.inject(Operation::Show, Fault::DropAfter(0));
    assert!(scene.push().await.unwrap().verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_is_renewed_once() {
    // Small enough to be out before the refusal: behind a larger one its answer may be lost.
    let scene = Faulty::new(tokens(), 5000).await;
    // Before a call without a body, and before the upload.
    for operation in [Operation::Schema, Operation::Create, Operation::Show] {
        scene.sandbox.inject(operation, Fault::ExpireToken);
        assert!(scene.push().await.unwrap().verified, "{operation:?}");
    }
    scene.sandbox.inject(Operation::Upload, Fault::ExpireToken);
    let report = scene.push().await.unwrap();
    assert_eq!(report.attempts, 2, "the data was sent again with a new token");
    assert!(report.verified);

    // A pipe has no way back, so it is not sent again.
    scene.sandbox.inject(Operation::Upload, Fault::ExpireToken);
    let source = ReaderSource::new("pipe", std::io::Cursor::new(vec![5; 5000]));
    let error = scene.push_with(once("piped"), Box::new(source)).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Transfer(TransferError::ReadOnce { .. })),
        "{error:?}"
    );
    assert_eq!(status(&error.failure), Some(401), "{error:?}");
    assert_eq!(scene.images().await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_refused_is_refused_before_a_record_exists() {
    let quota = Quota::default().with_image_size_total(2);
    let scene = Faulty::new(tokens().with_quota(quota), 3 * MIB).await;
    let error = scene.push().await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Quota { name: "image_size_total", .. }),
        "{error:?}"
    );
    assert_eq!(error.outcome, RecordOutcome::NoRecord);

    let mut options = once("x");
    options.container_format = "shrinkwrap".into();
    let error = scene.push_with(options, scene.source()).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Format(FormatError::NotTaken { .. })),
        "{error:?}"
    );

    let mut options = once("x");
    options.disk_format = Some("qcow2".into());
    let error = scene.push_with(options.clone(), scene.source()).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Format(FormatError::Mismatch { .. })),
        "{error:?}"
    );
    assert!(scene.sandbox.journal().iter().all(|r| r.method != "PUT" && r.path != "/v2/images"));

    // Forced, it is the server that refuses, and the record is removed.
    options.force_format = true;
    let scene = Faulty::new(tokens(), MIB).await;
    let error = scene.push_with(options, scene.source()).await.unwrap_err();
    assert_eq!(status(&error.failure), Some(415), "{error:?}");
    assert_eq!(scene.images().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_larger_than_the_cap_is_refused_with_the_servers_words() {
    let scene = Faulty::new(tokens().with_image_size_cap(MIB as u64), 2 * MIB).await;
    let error = scene.push().await.unwrap_err();
    match &*error.failure {
        PushFailure::Transfer(TransferError::Broken { .. }) => {}
        failure => assert_eq!(status(failure), Some(413), "{error:?}"),
    }
    assert_eq!(scene.images().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_takes_nothing_is_given_up() {
    let scene = Faulty::new(tokens(), 64 * MIB).await;
    scene.sandbox.inject(Operation::Upload, Fault::Stall { after: MIB as u64, duration: HOUR });
    let mut options = once("stalled");
    options.idle_timeout = Duration::from_secs(1);
    let error = scene.push_with(options, scene.source()).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Transfer(TransferError::Stalled { seconds: 1, .. })),
        "{error:?}"
    );
    assert_eq!(scene.images().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_in_failure_is_kept_when_asked_for() {
    let scene = Faulty::new(tokens(), MIB).await;
    scene.sandbox.inject(Operation::Upload, Fault::WrongHash);
    let mut options = once("kept");
    options.keep_failed = true;
    let error = scene.push_with(options, scene.source()).await.unwrap_err();
    let RecordOutcome::Kept { id, state } = &error.outcome else { panic!("{:?}", error.outcome) };
    assert_eq!(state, "the image is active");
    assert!(scene.client.image(id).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_removed_is_said_to_be_left() {
    let scene = Faulty::new(tokens(), MIB).await;
    scene.sandbox.inject(Operation::Upload, Fault::WrongHash);
    scene.sandbox.inject(Operation::Delete, Fault::Status { status: 403, after: 0 });
    let error = scene.push().await.unwrap_err();
    let RecordOutcome::Left { id, reason } = &error.outcome else { panic!("{:?}", error.outcome) };
    assert!(reason.contains("403"), "{reason}");
    // A refusal is final, so the removal is tried once.
    assert_eq!(scene.removals(), 1);
    assert!(scene.client.image(id).await.is_ok());
}

/// Before its verification it has to be deletable.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_protected_after_its_verification() {
    let scene = Faulty::new(tokens(), MIB).await;
    let mut options = once("protected");
    options.protected = Some(true);
    let report = scene.push_with(options.clone(), scene.source()).await.unwrap();
    assert!(scene.client.image(&report.id).await.unwrap().is_protected());

    scene.sandbox.inject(Operation::Upload, Fault::WrongHash);
    let error = scene.push_with(options.clone(), scene.source()).await.unwrap_err();
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");

    scene.sandbox.inject(Operation::Update, Fault::Status { status: 403, after: 0 });
    let error = scene.push_with(options, scene.source()).await.unwrap_err();
    assert!(matches!(*error.failure, PushFailure::NotProtected { .. }), "{error:?}");
    assert!(matches!(error.outcome, RecordOutcome::Kept { .. }), "{error:?}");
    assert_eq!(scene.images().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_taken_is_not_removed() {
    let scene = Faulty::new(tokens(), MIB).await;
    let report = scene.push().await.unwrap();
    let mut options = once("second");
    options.id = Some(report.id.clone());
    let error = scene.push_with(options, scene.source()).await.unwrap_err();
    let PushFailure::NotCreated { source: Error::Conflict(_) } = &*error.failure else {
        panic!("{error:?}")
    };
    assert_eq!(error.outcome, RecordOutcome::NoRecord);
    assert!(scene.client.image(&report.id).await.is_ok());

    // Not even when the refusal is lost.
    let mut options = once("third");
    options.id = Some(report.id.clone());
    scene.sandbox.inject(Operation::Create, Fault::DropAnswer);
    let error = scene.push_with(options, scene.source()).await.unwrap_err();
    assert!(matches!(error.outcome, RecordOutcome::Left { .. }), "{:?}", error.outcome);
    assert!(scene.client.image(&report.id).await.is_ok());
}

/// Changes the file when the sending begins.
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
async fn a_file_that_changes_while_it_is_sent_never_becomes_an_image() {
    for (what, bytes) in [("shrinks", 40 * MIB as u64), ("grows", 70 * MIB as u64)] {
        let scene = Faulty::new(tokens(), 64 * MIB).await;
        let handle = scene.file.reopen().unwrap();
        let change: Box<dyn FnOnce() + Send> = Box::new(move || handle.set_len(bytes).unwrap());
        let push = Push::new(scene.client.clone(), once(what))
            .with_progress(Arc::new(AtSending(Mutex::new(Some(change)))));
        let error = push.run(scene.source(), &CancellationToken::new()).await.unwrap_err();
        match (error.failure.source_error(), what) {
            (Some(SourceError::Shrank { .. }), "shrinks")
            | (Some(SourceError::Grew { .. }), "grows") => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(scene.images().await, 0);
        // The sandbox notes a request when it is over.
        while scene.uploads().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let upload = &scene.uploads()[0];
        assert!(upload.status.is_none_or(|status| status == 500), "{upload:?}");
        assert!(upload.body_bytes < 64 * MIB as u64, "the end was held back: {upload:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_needs_a_word() {
    let scene = Faulty::new(tokens(), 0).await;
    let error = scene.push().await.unwrap_err();
    assert!(matches!(error.failure.source_error(), Some(SourceError::Empty { .. })), "{error:?}");
    let mut options = once("empty");
    options.allow_empty = true;
    let report = scene.push_with(options, scene.source()).await.unwrap();
    assert_eq!((report.size, report.verified), (Some(0), true));
}

/// All that it could wait for takes an hour, so that it ends at all shows that it waits for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_push_cleans_up_at_once() {
    let scene = Faulty::new(tokens(), 64 * MIB).await;
    let error = scene.cancelled_in_mid_upload().await;
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{:?}", error.outcome);
    assert_eq!(scene.removals(), 1);
    assert_eq!(scene.images().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_push_does_not_wait_for_a_service_that_does_not_answer() {
    let scene = Faulty::new(tokens(), 64 * MIB).await;
    scene.sandbox.inject(Operation::Delete, Fault::SlowAnswer(HOUR));
    let error = scene.cancelled_in_mid_upload().await;
    let RecordOutcome::Left { reason, .. } = &error.outcome else { panic!("{:?}", error.outcome) };
    assert_eq!(reason, "the service did not answer in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_breaks_off_is_the_sources_failure() {
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
    let scene = Faulty::new(tokens(), 0).await;
    let source = ReaderSource::new("disk", Breaking(5 * MIB));
    let error = scene.push_with(once("x"), Box::new(source)).await.unwrap_err();
    let Some(SourceError::Read { at, .. }) = error.failure.source_error() else {
        panic!("{error:?}")
    };
    assert_eq!(*at, 5 * MIB as u64);
    assert_eq!(scene.images().await, 0);
}

/// While its start is looked at, and while it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_panics_is_the_sources_failure() {
    struct Panicking(usize);
    impl std::io::Read for Panicking {
        fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
            assert!(self.0 > 0, "out of paper");
            let count = space.len().min(self.0);
            self.0 -= count;
            Ok(count)
        }
    }
    let scene = Faulty::new(tokens(), 0).await;
    for bytes in [0, 5 * MIB] {
        let source = ReaderSource::new("disk", Panicking(bytes));
        let error = scene.push_with(once("x"), Box::new(source)).await.unwrap_err();
        let Some(SourceError::Panicked { reason, .. }) = error.failure.source_error() else {
            panic!("after {bytes} bytes: {error:?}")
        };
        assert_eq!(reason, "out of paper");
        assert_eq!(scene.images().await, 0);
    }
}
