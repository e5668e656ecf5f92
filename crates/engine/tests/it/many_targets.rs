//! Pushes of one source to several targets, with every upload method and with retries, against sandboxes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::counted::Counted;
use imgpush_engine::client::{Error, Status};
use imgpush_engine::pool::Pool;
use imgpush_engine::source::{Chunk, ReaderSource, Source};
use imgpush_engine::{
    CancellationToken, MultiPush, NoteId, PushError, PushFailure, PushOptions, RecordOutcome,
    Report, RetryOptions, Slowest, SourceError, Stores, Target, TransferError, UploadMethod,
    VerifiedBy, Via,
};
use imgpush_sandbox::{ADMIN, Fault, Operation, SandboxOptions};
use imgpush_scene::{Scene, pattern};

const MIB: usize = 1 << 20;

/// Creates a source of this number of bytes.
fn counted(bytes: usize) -> (Box<dyn Source>, Arc<AtomicU64>) {
    Counted::of(pattern(bytes))
}

fn target(scene: &Scene, name: &str) -> Target {
    Target::new(scene.client.clone()).on_cloud(name)
}

/// Options with short pauses, so that tests do not wait.
fn options() -> PushOptions {
    let mut options = PushOptions::named("image");
    options.disk_format = Some("raw".to_owned());
    options.retry =
        RetryOptions::default().with_pauses(Duration::from_millis(20), Duration::from_millis(50));
    options
}

async fn push(
    options: PushOptions,
    targets: impl IntoIterator<Item = Target>,
    source: Box<dyn Source>,
) -> Vec<Result<Report, PushError>> {
    let push = targets.into_iter().fold(MultiPush::new(options), MultiPush::to);
    push.run(source, &CancellationToken::new()).await
}

/// Runs one push to one target.
async fn push_one(
    options: PushOptions,
    target: Target,
    source: Box<dyn Source>,
) -> Result<Report, PushError> {
    push(options, [target], source).await.pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_targets_get_the_data_of_one_pass() {
    let places = [Scene::start().await, Scene::start().await, Scene::start().await];
    let bytes = 20 * MIB + 3;
    let (source, read) = counted(bytes);
    let targets = places.iter().zip(["a", "b", "c"]).map(|(place, name)| target(place, name));
    let results = push(options(), targets, source).await;
    for ((result, place), name) in results.into_iter().zip(&places).zip(["a", "b", "c"]) {
        let report = result.unwrap();
        assert_eq!((report.verified, report.attempts, &*report.cloud), (true, 1, name));
        assert_eq!(place.images().await[0].size(), Some(bytes as u64));
    }
    assert_eq!(read.load(Ordering::Relaxed), bytes as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transient_failure_is_retried_for_its_target_only() {
    let (sound, broken, refusing) =
        (Scene::start().await, Scene::start().await, Scene::start().await);
    let bytes = 8 * MIB;
    broken.sandbox().inject(Operation::Upload, Fault::DropAfter(3 * MIB as u64));
    broken.sandbox().inject(Operation::Upload, Fault::Status { status: 503, after: bytes as u64 });
    refusing
        .sandbox()
        .inject(Operation::Upload, Fault::Status { status: 413, after: bytes as u64 });
    let targets =
        [target(&sound, "sound"), target(&broken, "broken"), target(&refusing, "refusing")];
    let (source, read) = counted(bytes);
    let mut results = push(options(), targets, source).await.into_iter();

    assert_eq!(results.next().unwrap().unwrap().attempts, 1);
    let report = results.next().unwrap().unwrap();
    assert_eq!((report.attempts, report.verified), (3, true));
    let notes: Vec<_> = report.notes.iter().map(|note| note.id).collect();
    assert_eq!(notes, [NoteId::Retried, NoteId::Retried]);
    assert_eq!(broken.count("POST", "/images"), 1, "all attempts use the same record");
    let error = results.next().unwrap().unwrap_err();
    assert!(matches!(error.failure.call(), Some(Error::TooLarge(_))), "{error:?}");
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");

    assert_eq!(
        (sound.uploads().len(), broken.uploads().len(), refusing.uploads().len()),
        (1, 3, 1)
    );
    assert_eq!(
        read.load(Ordering::Relaxed),
        3 * bytes as u64,
        "one pass for each retry, and no more"
    );
    assert!(refusing.images().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_can_be_read_once_fails_only_for_failed_targets() {
    let (sound, broken) = (Scene::start().await, Scene::start().await);
    broken.sandbox().inject(Operation::Upload, Fault::DropAfter(MIB as u64));
    let pipe = ReaderSource::new("pipe", std::io::Cursor::new(vec![5; 6 * MIB]));
    let targets = [target(&broken, "broken"), target(&sound, "sound")];
    let mut results = push(options(), targets, Box::new(pipe)).await.into_iter();
    let error = results.next().unwrap().unwrap_err();
    assert!(
        matches!(&*error.failure, PushFailure::Transfer(TransferError::ReadOnce { name, source })
            if name == "pipe" && matches!(source.as_deref(), Some(TransferError::Broken { .. }))),
        "{error:?}"
    );
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");
    assert!(results.next().unwrap().unwrap().verified);
    assert_eq!((broken.uploads().len(), broken.images().await.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_source_leaves_no_image() {
    struct Short(Box<dyn Source>);
    impl Source for Short {
        fn name(&self) -> &str {
            "short"
        }
        fn size(&self) -> Option<u64> {
            self.0.size()
        }
        fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
            self.0.next_chunk(pool)
        }
        fn check(&mut self) -> Result<(), SourceError> {
            Err(SourceError::Changed { name: "short".into() })
        }
    }
    let places = [Scene::start().await, Scene::start().await];
    let source = Short(counted(5 * MIB).0);
    let targets = places.iter().map(|place| target(place, "x"));
    for result in push(options(), targets, Box::new(source)).await {
        let error = result.unwrap_err();
        let is_source = matches!(error.failure.source_error(), Some(SourceError::Changed { .. }));
        assert!(is_source, "{error:?}");
        assert_eq!(error.attempts, 1, "a failed source is not read again");
    }
    for place in &places {
        assert!(place.images().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slowest_target_is_dropped_and_served_by_another_pass() {
    let (quick, slow) = (Scene::start().await, Scene::start().await);
    let stall = Fault::Stall { after: MIB as u64, duration: Duration::from_secs(3600) };
    slow.sandbox().inject(Operation::Upload, stall);
    let mut options = options();
    options.slowest = Slowest::Drop { after: Duration::from_millis(500) };
    options.settle_timeout = Duration::from_secs(5);
    let (source, _) = counted(64 * MIB);
    let targets = [target(&quick, "quick"), target(&slow, "slow")];
    let multi_push = |targets: [Target; 2]| {
        let push = MultiPush::new(options.clone()).with_memory_bytes(40 << 20);
        targets.into_iter().fold(push, MultiPush::to)
    };
    let cancel = CancellationToken::new();
    let results = multi_push(targets).run(source, &cancel).await;
    let [quick_report, slow_report] = &results[..] else { panic!("{results:?}") };
    let (quick_report, slow_report) =
        (quick_report.as_ref().unwrap(), slow_report.as_ref().unwrap());
    assert_eq!((quick_report.attempts, slow_report.attempts), (1, 2));
    assert!(quick_report.timing.seconds < slow_report.timing.seconds);

    // A single target slows down no other. A pipe cannot be read again for a dropped target.
    let stall = Fault::Stall { after: MIB as u64, duration: Duration::from_secs(3600) };
    slow.sandbox().inject(Operation::Upload, stall);
    let pipe = ReaderSource::new("pipe", std::io::Cursor::new(vec![5; 64 * MIB]));
    let targets = [target(&quick, "quick"), target(&slow, "slow")];
    let results = multi_push(targets).run(Box::new(pipe), &cancel).await;
    assert!(results[0].is_ok());
    let error = results[1].as_ref().unwrap_err();
    assert!(matches!(error.failure.transfer_error(), Some(TransferError::TooSlow)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_hash_algorithm_is_computed_without_another_upload() {
    let usual = Scene::start().await;
    let other =
        Scene::builder().sandbox(|options| options.with_hash_algo("sha3_256")).start().await;
    let (source, read) = counted(5 * MIB);
    let targets = [target(&usual, "usual"), target(&other, "other")];
    let results = push(options(), targets, source).await;
    let report = results[1].as_ref().unwrap();
    assert_eq!(report.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);
    assert!(report.digests.contains_key("sha3_256"), "{:?}", report.digests);
    assert!(results[0].is_ok());
    assert_eq!((usual.uploads().len(), other.uploads().len()), (1, 1));
    assert_eq!(read.load(Ordering::Relaxed), 10 * MIB as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_reaches_all_stores_and_is_verified() {
    let place = Scene::start().await;
    let all = target(&place, "x").via(Via::Import).into_stores(Stores::All);
    place.sandbox().inject(Operation::Stage, Fault::DropAfter(MIB as u64));
    place.sandbox().inject(Operation::Import, Fault::Status { status: 503, after: 0 });
    let report = push_one(options(), all, counted(3 * MIB).0).await.unwrap();
    assert_eq!((report.via, report.verified, report.attempts), (UploadMethod::Import, true, 2));
    assert_eq!(report.stores, ["fast", "slow"]);
    assert_eq!((place.uploads().len(), place.count("PUT", "/stage")), (0, 2));

    place.sandbox().inject(Operation::Import, Fault::ImportFails);
    let target = target(&place, "x").via(Via::Import);
    let error = push_one(options(), target, counted(MIB).0).await.unwrap_err();
    assert!(
        matches!(&*error.failure, PushFailure::Client { source: Error::ImportFailed(_), .. }),
        "{error:?}"
    );
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");
    assert_eq!(place.images().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_copied_to_further_stores() {
    let stores = |options: SandboxOptions| options.with_stores(["fast", "slow", "far"]);
    let both = || Stores::These(vec!["slow".into(), "far".into()]);
    let place = Scene::builder().sandbox(stores).start().await;
    let admin = Target::new(place.login(ADMIN).await).into_stores(both());
    let report = push_one(options(), admin, counted(MIB).0).await.unwrap();
    let mut found = report.stores.clone();
    found.sort();
    assert_eq!(found, ["far", "slow"]);

    // Without the permission to copy, the verified image stays in one store.
    let place = Scene::builder().sandbox(stores).start().await;
    let two = target(&place, "x").into_stores(both());
    let error = push_one(options(), two, counted(MIB).0).await.unwrap_err();
    assert!(
        matches!(&*error.failure, PushFailure::NotCopied { source: Error::Forbidden(_) }),
        "{error:?}"
    );
    assert!(matches!(error.outcome, RecordOutcome::Kept { .. }), "{error:?}");
    assert_eq!(place.images().await[0].stores(), ["slow"]);

    // A missing store is reported before a record is created.
    let target = target(&place, "x").into_stores(Stores::These(vec!["nowhere".into()]));
    let error = push_one(options(), target, counted(MIB).0).await.unwrap_err();
    assert!(
        matches!(&*error.failure, PushFailure::NoSuchStore { store, offers, .. }
            if store == "nowhere" && offers == &["fast", "slow", "far"]),
        "{error:?}"
    );
    assert_eq!(place.count("POST", "/images"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_to_the_creation_causes_no_second_image() {
    let place = Scene::start().await;
    place.sandbox().inject(Operation::Create, Fault::DropAnswer);
    let report = push_one(options(), target(&place, "x"), counted(MIB).0).await.unwrap();
    let images = place.images().await;
    assert_eq!(images.len(), 1);
    assert_eq!(images[0].id(), report.id);
    assert_eq!(images[0].status(), Status::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_retries_is_limited() {
    let place = Scene::start().await;
    for _ in 0..3 {
        place.sandbox().inject(Operation::Upload, Fault::DropAfter(0));
    }
    let mut twice = options();
    twice.retry = twice.retry.with_retries(2);
    let error = push_one(twice, target(&place, "x"), counted(MIB).0).await.unwrap_err();
    assert_eq!(error.attempts, 3);
    assert!(error.to_string().ends_with("failed after 3 attempts"), "{error}");
    assert!(
        matches!(*error.failure, PushFailure::Transfer(TransferError::Broken { .. })),
        "{error:?}"
    );
    assert!(place.images().await.is_empty());
}
