//! Batches and the measurement of settings, against sandboxes.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use imgpush_engine::client::{Image, Status, Visibility};
use imgpush_engine::source::{FileSource, SourceOptions};
use imgpush_engine::{
    Batch, BatchEvent, BatchOptions, BatchSummary, BatchTask, CancellationToken, DestinationError,
    Download, DownloadOptions, ErrorKind, IfExists, JournalError, OnFailure, Outcome, Phase,
    Progress, PullFailure, PullTask, Push, PushError, PushFailure, PushOptions, PushOverrides,
    PushTask, RecordOutcome, Report, RetryOptions, Target, TaskResult, TransferError, TuneOptions,
    Tuning, Verification, VerifiedBy, VerifyTask,
};
use imgpush_sandbox::{Fault, Operation, Quota, USER};
use imgpush_scene::Scene;

const MIB: usize = 1 << 20;

/// Creates this number of files with different content.
fn files(scene: &Scene, count: u8) -> Vec<PathBuf> {
    (0..count).map(|number| file(scene, number)).collect()
}

fn file(scene: &Scene, number: u8) -> PathBuf {
    scene.write(format!("disk{number}.raw"), vec![number + 1; MIB + usize::from(number)])
}

fn target(scene: &Scene) -> Target {
    Target::new(scene.client.clone()).on_cloud("cloud")
}

async fn run(
    scene: &Scene,
    options: BatchOptions,
    files: &[PathBuf],
) -> (Vec<Outcome>, BatchSummary) {
    run_tasks(Batch::new(options).to(target(scene)), tasks(files)).await
}

fn task(file: &PathBuf) -> PushTask {
    PushTask::new(file, SourceOptions::default(), PushOptions::default())
}

fn tasks(files: &[PathBuf]) -> Vec<PushTask> {
    files.iter().map(task).collect()
}

/// Returns the outcomes in the order of the tasks, and the summary.
async fn ended(
    batch: Batch,
    tasks: Vec<impl Into<BatchTask> + Send + 'static>,
    cancel: &CancellationToken,
    seen: &mut impl FnMut(&BatchEvent),
) -> (Vec<Outcome>, BatchSummary) {
    let mut running = batch.start(tasks, cancel).unwrap();
    let mut outcomes = Vec::new();
    while let Some(event) = running.next().await {
        seen(&event);
        if let BatchEvent::Ended(outcome) = event {
            outcomes.push(outcome);
        }
    }
    outcomes.sort_by_key(|outcome| outcome.number);
    (outcomes, running.summary().clone())
}

async fn run_tasks(
    batch: Batch,
    tasks: Vec<impl Into<BatchTask> + Send + 'static>,
) -> (Vec<Outcome>, BatchSummary) {
    ended(batch, tasks, &CancellationToken::new(), &mut |_| {}).await
}

/// Counts concurrent pushes, from their first phase to their verification.
#[derive(Default)]
struct Peak {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Progress for Peak {
    fn phase(&self, phase: Phase) {
        match phase {
            Phase::Inspecting => {
                let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(now, Ordering::SeqCst);
            }
            Phase::Verifying => drop(self.now.fetch_sub(1, Ordering::SeqCst)),
            _ => {}
        }
    }
}

fn jobs(count: usize) -> BatchOptions {
    BatchOptions::default().with_jobs(NonZeroUsize::new(count).unwrap())
}

fn report(outcome: &Outcome) -> &Report {
    match pushes(outcome)[..] {
        [Ok(report)] => report,
        ref results => panic!("{results:?}"),
    }
}

/// The results of a push; a task has no others.
fn pushes(outcome: &Outcome) -> Vec<&Result<Report, PushError>> {
    let pushes: Vec<_> = outcome.pushes().collect();
    assert_eq!(pushes.len(), outcome.results.len());
    pushes
}

fn failure(outcome: &Outcome) -> &PushFailure {
    match pushes(outcome)[..] {
        [Err(error)] => &error.failure,
        ref results => panic!("{results:?}"),
    }
}

fn sha512(path: &Path) -> String {
    imgpush_scene::sha512(std::fs::read(path).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_does_not_affect_the_others() {
    let scene = Scene::start().await;
    let mut files = files(&scene, 6);
    files[2] = scene.path("missing.raw");
    let (outcomes, summary) = run(&scene, jobs(3), &files).await;
    for (outcome, file) in outcomes.iter().zip(&files) {
        assert_eq!(outcome.name, file.display().to_string());
        if outcome.number == 2 {
            assert!(matches!(failure(outcome), PushFailure::Transfer(TransferError::Source(_))));
        } else {
            assert_eq!(report(outcome).os_hash_value, Some(sha512(file)));
        }
    }
    assert_eq!((summary.pushed, summary.failed, summary.not_started), (5, 1, 0));
    assert_eq!(summary.bytes, 5 * MIB as u64 + 1 + 3 + 4 + 5);
    assert!(scene.images().await.iter().all(|image| image.status() == Status::Active));
    // The capabilities of the service are queried once.
    let schemas = scene.requests(0).iter().filter(|r| r.ends_with("schemas/image")).count();
    assert_eq!(schemas, 1);
}

/// Panics in these phases.
struct PanicsIn(Vec<Phase>);

impl Progress for PanicsIn {
    fn phase(&self, phase: Phase) {
        assert!(!self.0.contains(&phase), "the receiver panics");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_panics_deletes_its_record_or_reports_it() {
    for is_final in [false, true] {
        let scene = Scene::start().await;
        let mut phases = vec![Phase::Sending];
        phases.extend(is_final.then_some(Phase::Removing));
        let source = FileSource::open(&files(&scene, 1)[0]).unwrap();
        let push = Push::new(scene.client.clone(), PushOptions::default())
            .with_progress(Arc::new(PanicsIn(phases)));
        let error = push.run(Box::new(source), &CancellationToken::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected, "{error:?}");
        let images = scene.images().await;
        match &error.outcome {
            RecordOutcome::Removed { .. } => assert!(!is_final && images.is_empty(), "{images:?}"),
            RecordOutcome::Left { id, .. } => {
                assert!(is_final && images.len() == 1 && images[0].id() == id, "{images:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Sets a progress receiver that panics in a phase of the second image.
fn second_panics(batch: Batch, phase: Phase) -> Batch {
    batch.with_progress(move |task| match task.number {
        1 => Arc::new(PanicsIn(vec![phase])) as Arc<dyn Progress>,
        _ => Arc::new(imgpush_engine::NoProgress),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_one_task_is_its_error_and_the_others_continue() {
    let scene = Scene::start().await;
    let files = files(&scene, 4);
    let cancel = CancellationToken::new();
    let is_panic = |outcome: &Outcome| {
        let kinds: Vec<_> = outcome.results.iter().map(TaskResult::error_kind).collect();
        assert_eq!(kinds, [Some(ErrorKind::Unexpected)], "{outcome:?}");
    };
    // Before and after the record exists.
    for phase in [Phase::Inspecting, Phase::Creating, Phase::Sending, Phase::Verifying] {
        for count in [1, 3] {
            let batch = second_panics(Batch::new(jobs(count)).to(target(&scene)), phase);
            let (outcomes, summary) = ended(batch, tasks(&files), &cancel, &mut |_| {}).await;
            assert_eq!(outcomes.len(), 4);
            assert_eq!(
                (summary.pushed, summary.failed, summary.not_started),
                (3, 1, 0),
                "{phase:?}"
            );
            is_panic(&outcomes[1]);
            let error = pushes(&outcomes[1])[0].as_ref().unwrap_err();
            let PushFailure::Transfer(TransferError::Panicked { reason }) = &*error.failure else {
                panic!("{error:?}")
            };
            assert!(reason.contains("the receiver panics"), "{reason}");
            let left: Vec<String> =
                scene.images().await.iter().map(|it| it.id().to_owned()).collect();
            // A complete image is kept.
            let is_kept =
                matches!(&error.outcome, RecordOutcome::Kept { id, .. } if left.contains(id));
            let is_gone = left.len() == 3
                && matches!(error.outcome, RecordOutcome::NoRecord | RecordOutcome::Removed { .. });
            assert!(is_gone || is_kept && phase == Phase::Verifying, "{phase:?}: {error:?}");
            for id in left {
                scene.client.delete(&id).await.unwrap();
            }
        }
    }

    let (_, summary) = run(&scene, jobs(2), &files).await;
    assert_eq!(summary.pushed, 4);
    let images = scene.images().await;
    for phase in [Phase::Downloading, Phase::Verifying] {
        let download = Download::new(scene.client.clone(), DownloadOptions::default());
        let folder = tempfile::tempdir().unwrap();
        let pull = |image: &Image| {
            PullTask::to_file(download.clone(), image.clone(), folder.path().join(image.id()))
        };
        let batch = second_panics(Batch::new(jobs(2)), phase);
        let pulls: Vec<_> = images.iter().map(pull).collect();
        let (outcomes, summary) = ended(batch, pulls, &cancel, &mut |_| {}).await;
        assert_eq!((outcomes.len(), summary.pulled, summary.failed), (4, 3, 1), "{phase:?}");
        is_panic(&outcomes[1]);

        let verification = Verification::new(scene.client.clone(), DownloadOptions::default());
        let verify =
            |image: &Image| VerifyTask::against_download(verification.clone(), image.clone());
        let batch = second_panics(Batch::new(jobs(2)), phase);
        let verifications: Vec<_> = images.iter().map(verify).collect();
        let (outcomes, summary) = ended(batch, verifications, &cancel, &mut |_| {}).await;
        assert_eq!((outcomes.len(), summary.verified, summary.failed), (4, 3, 1), "{phase:?}");
        is_panic(&outcomes[1]);
    }
    // A panic while the source is opened.
    let opening =
        || -> futures_util::future::BoxFuture<'static, _> { panic!("the opening panics") };
    let broken = PushTask::opened_by("broken", PushOptions::default(), opening);
    let all = vec![task(&files[0]), broken, task(&files[1])];
    let batch = Batch::new(jobs(1)).to(target(&scene));
    let (outcomes, summary) = ended(batch, all, &cancel, &mut |_| {}).await;
    assert_eq!((summary.pushed, summary.failed), (2, 1));
    is_panic(&outcomes[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_of_a_batch_replaces_another_file_of_it() {
    let scene = Scene::start().await;
    let files = files(&scene, 3);
    run(&scene, jobs(2), &files).await;
    let images = scene.images().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk");
    let mut options = DownloadOptions::default();
    options.overwrite = true;
    options.keep_same = true;
    for count in [1, 3] {
        // A file of an earlier run may be replaced, also by the first download of this one.
        std::fs::write(&path, "earlier").unwrap();
        let pull = |image: &Image| {
            // A separate download for each task: the files belong to the batch.
            let download = Download::new(scene.client.clone(), options.clone());
            PullTask::to_file(download, image.clone(), &path)
        };
        let pulls: Vec<_> = images.iter().map(pull).collect();
        let batch = Batch::new(jobs(count));
        let (outcomes, summary) = ended(batch, pulls, &CancellationToken::new(), &mut |_| {}).await;
        assert_eq!((summary.pulled, summary.failed), (1, 2));
        let mut kept = None;
        for (outcome, image) in outcomes.iter().zip(&images) {
            match &outcome.results[0] {
                TaskResult::Pull(Ok(_)) => kept = Some(image),
                TaskResult::Pull(Err(error)) => {
                    let is_reported = matches!(
                        &*error.failure,
                        PullFailure::Destination(DestinationError::OfThisRun { .. })
                    );
                    assert!(is_reported, "{error:?}");
                    assert_eq!(error.kind(), ErrorKind::Usage);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(sha512(&path), kept.unwrap().hash_value().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_task_starts_after_a_failure_if_requested() {
    let scene = Scene::start().await;
    let mut files = files(&scene, 5);
    files[1] = scene.path("missing.raw");
    let (outcomes, summary) =
        run(&scene, jobs(1).with_on_failure(OnFailure::StartNoOther), &files).await;
    assert_eq!(outcomes.len(), 2);
    assert_eq!((summary.pushed, summary.failed, summary.not_started), (1, 1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_batch_leaves_only_verified_images() {
    let scene = Scene::start().await;
    let files = files(&scene, 6);
    let cancel = CancellationToken::new();
    for _ in 0..4 {
        scene.sandbox().inject(Operation::Upload, Fault::SlowAnswer(Duration::from_millis(300)));
    }
    let batch = Batch::new(jobs(2)).to(target(&scene));
    let (outcomes, summary) = ended(batch, tasks(&files), &cancel, &mut |event| {
        if matches!(event, BatchEvent::Begun { number: 3, .. }) {
            cancel.cancel();
        }
    })
    .await;
    assert!(summary.not_started >= 1 && summary.failed >= 1, "{summary:?}");
    assert_eq!(outcomes.len() + summary.not_started, 6);
    // All data of an image that waits for its slow response is sent: another run may have accepted it.
    let errors = outcomes.iter().flat_map(Outcome::pushes).filter_map(|it| it.as_ref().err());
    let is_kept = |error: &&PushError| matches!(error.outcome, RecordOutcome::Kept { .. });
    let kept = errors.filter(is_kept).count();
    let images = scene.images().await;
    assert_eq!(images.len(), summary.pushed + kept, "{outcomes:?}");
    assert!(images.iter().all(|image| image.status() == Status::Active));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_uploads_stay_within_the_quota() {
    let quota = Quota::default().with_image_count_uploading(2);
    let scene = Scene::builder().sandbox(|options| options.with_quota(quota)).start().await;
    let files = files(&scene, 8);
    for _ in 0..8 {
        scene.sandbox().inject(Operation::Upload, Fault::SlowAnswer(Duration::from_millis(50)));
    }
    // The service would reject a third concurrent upload.
    let (_, summary) = run(&scene, jobs(8), &files).await;
    assert_eq!((summary.pushed, summary.failed), (8, 0));
}

/// Each worker of a service processes one upload; other connections wait, and accept no data in the meantime.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_waits_for_a_worker_is_not_stalled() {
    let scene = Scene::start().await;
    let files = files(&scene, 25);
    // More than the buffers of the connection hold.
    std::fs::write(&files[0], vec![1; 24 * MIB]).unwrap();
    let stall = Fault::Stall { after: 0, duration: Duration::from_secs(2) };
    scene.sandbox().inject(Operation::Upload, stall);
    for _ in 1..25 {
        scene.sandbox().inject(Operation::Upload, Fault::SlowAnswer(Duration::from_millis(100)));
    }
    let mut options = PushOptions::default().with_retry(RetryOptions::never());
    options.idle_timeout = Duration::from_secs(1);
    let tasks = files.iter().map(|f| PushTask::new(f, SourceOptions::default(), options.clone()));
    let tasks: Vec<_> = tasks.collect();
    let batch = Batch::new(jobs(2)).to(target(&scene));
    let mut running = batch.start(tasks, &CancellationToken::new()).unwrap();
    while running.next().await.is_some() {}
    assert_eq!((running.summary().pushed, running.summary().failed), (25, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn images_beyond_the_quota_are_not_sent_and_the_others_are() {
    let quota = Quota::default().with_image_size_total(3);
    let scene = Scene::builder().sandbox(|options| options.with_quota(quota)).start().await;
    let (outcomes, summary) = run(&scene, jobs(1), &files(&scene, 5)).await;
    assert_eq!((summary.pushed, summary.failed), (3, 2));
    for outcome in &outcomes[3..] {
        assert!(matches!(
            failure(outcome),
            PushFailure::Quota { name: "image_size_total", limit: 3, used: 3, needed: 1, .. }
        ));
    }
    assert_eq!(scene.requests(0).iter().filter(|r| r.starts_with("POST")).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_verified_in_the_journal_costs_one_request() {
    let scene = Scene::start().await;
    let files = files(&scene, 3);
    let journal = scene.path("journal");
    let options = || jobs(2).with_journal(&journal);
    let (first, _) = run(&scene, options(), &files).await;
    let before = scene.requests(0).len();

    let (second, summary) = run(&scene, options(), &files).await;
    assert_eq!((summary.pushed, summary.skipped), (0, 3));
    for (first, second) in first.iter().zip(&second) {
        assert_eq!(report(first).id, report(second).id);
        assert_eq!(report(second).verified_by, [VerifiedBy::Journal]);
    }
    let requests = scene.requests(before);
    assert_eq!(requests.len(), 4, "one for each, and one for the quotas: {requests:?}");
    assert!(requests.iter().all(|request| request.starts_with("GET")));

    // A changed file and a deleted image are pushed.
    std::fs::write(&files[0], vec![9; 2 * MIB]).unwrap();
    scene.client.delete(&report(&first[1]).id).await.unwrap();
    let (third, summary) = run(&scene, options(), &files).await;
    assert_eq!((summary.pushed, summary.skipped), (2, 1));
    assert_eq!(report(&third[0]).os_hash_value, Some(sha512(&files[0])));
    assert_eq!(report(&third[1]).os_hash_value, Some(sha512(&files[1])));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_killed_batch_are_cleaned_up() {
    let scene = Scene::start().await;
    let files = files(&scene, 2);
    let journal = scene.path("journal");
    // A dropped batch leaves the same state as a killed one.
    scene.sandbox().inject(Operation::Upload, Fault::SlowAnswer(Duration::from_secs(8)));
    let stall = Fault::Stall { after: 1000, duration: Duration::from_secs(3) };
    scene.sandbox().inject(Operation::Upload, stall);
    let batch = Batch::new(jobs(2).with_journal(&journal)).to(target(&scene));
    let mut running = batch.start(tasks(&files), &CancellationToken::new()).unwrap();
    let busy = Batch::new(jobs(1).with_journal(&journal)).to(target(&scene));
    let busy = busy.start(tasks(&files), &CancellationToken::new()).unwrap_err();
    assert!(matches!(busy, JournalError::Busy { .. }));
    let is_under_way = async {
        let is_begun = |image: &&Image| image.status() != Status::Queued;
        while scene.images().await.iter().filter(is_begun).count() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = is_under_way => {}
        _ = async { while running.next().await.is_some() {} } => panic!("the batch must not end"),
    }
    drop(running);
    let left = scene.images().await;
    assert_eq!(left.len(), 2);

    let (_, summary) = run(&scene, jobs(2).with_journal(&journal), &files).await;
    assert_eq!(summary.failed, 0);
    let images = scene.images().await;
    assert_eq!(images.len(), 2, "{images:#?}");
    for image in &images {
        assert_eq!(image.status(), Status::Active);
        let file =
            files.iter().find(|file| file.ends_with(format!("{}.raw", image.name().unwrap())));
        assert_eq!(image.hash_value().map(str::to_owned), file.map(|file| sha512(file)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_has_its_own_targets_and_each_target_its_own_overrides() {
    let (north, south) = (Scene::start().await, Scene::start().await);
    let files = files(&north, 3);
    let target = |scene: &Scene, name: &str| Target::new(scene.client.clone()).on_cloud(name);
    let special = PushOverrides::default()
        .with_name("special")
        .with_property("os_distro", "debian")
        .with_property("build", "south")
        .with_tag("south")
        .with_visibility(Visibility::Shared)
        .with_disk_format("raw")
        .with_if_exists(IfExists::Fail);
    let own = |overrides: &PushOverrides| target(&south, "south").with_overrides(overrides.clone());
    let options = PushOptions::named("usual")
        .with_property("os_distro", "ubuntu")
        .with_property("os_version", "12")
        .with_tag("all")
        .with_visibility(Visibility::Private);
    let both = || PushTask::new(&files[1], SourceOptions::default(), options.clone());
    let tasks = vec![
        task(&files[0]),
        both().to(target(&north, "north")).to(own(&special)),
        // The name now exists in the south, and the data is not qcow2.
        both().with_targets([
            own(&special),
            own(&PushOverrides::default().with_disk_format("qcow2")),
            own(&PushOverrides::default().with_property("checksum", "0")),
            target(&north, "north"),
        ]),
        task(&files[2]).to(target(&south, "south")),
    ];
    let (outcomes, summary) =
        run_tasks(Batch::new(jobs(1)).to(target(&north, "default")), tasks).await;

    let clouds = |outcome: &Outcome| -> Vec<String> {
        outcome.results.iter().map(|result| result.cloud().to_owned()).collect()
    };
    assert_eq!(clouds(&outcomes[0]), ["default"]);
    assert_eq!(clouds(&outcomes[1]), ["north", "south"]);
    assert_eq!(clouds(&outcomes[2]), ["south", "south", "south", "north"]);
    assert_eq!(clouds(&outcomes[3]), ["south"]);
    assert_eq!((summary.pushed, summary.failed, summary.not_started), (5, 3, 0));
    let [exists, format, property, usual] = pushes(&outcomes[2])[..] else { panic!() };
    let failure =
        |result: &Result<Report, PushError>| result.as_ref().unwrap_err().failure.to_string();
    assert!(failure(exists).contains("special"), "{exists:?}");
    assert!(failure(format).contains("qcow2"), "{format:?}");
    let property_failure = &property.as_ref().unwrap_err().failure;
    assert!(matches!(&**property_failure, PushFailure::Property { key, .. } if key == "checksum"));
    assert!(usual.is_ok());

    let image = async |scene: &Scene, name: &str| scene.client.find_existing(name).await.unwrap();
    let special = image(&south, "special").await;
    assert_eq!(special.hash_value().map(str::to_owned), Some(sha512(&files[1])));
    let property = |image: &Image, key: &str| image.property(key).map(str::to_owned);
    assert_eq!(property(&special, "os_distro").as_deref(), Some("debian"));
    assert_eq!(property(&special, "os_version").as_deref(), Some("12"));
    assert_eq!(property(&special, "build").as_deref(), Some("south"));
    assert_eq!(special.visibility(), Some(Visibility::Shared));
    let mut tags: Vec<_> = special.tags().iter().map(ToString::to_string).collect();
    tags.sort_unstable();
    assert_eq!(tags, ["all", "south"]);
    let images = north.images().await;
    let usual = images.iter().find(|image| image.name() == Some("usual")).unwrap();
    assert_eq!(property(usual, "os_distro").as_deref(), Some("ubuntu"));
    assert_eq!(property(usual, "build"), None);
    assert_eq!(usual.visibility(), Some(Visibility::Private));
    assert_eq!((images.len(), south.images().await.len()), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_target_of_each_task_has_one_result_and_counts_once() {
    let (north, south) = (Scene::start().await, Scene::start().await);
    let file = file(&north, 0);
    let missing = north.path("missing.raw");
    let both = |path: &PathBuf| task(path).with_targets([target(&north), target(&south)]);
    let tasks = || vec![both(&file), both(&missing), task(&missing), both(&file), task(&file)];
    let batch = |options| Batch::new(options).to(target(&north));
    let results = |outcomes: &[Outcome]| -> Vec<usize> {
        outcomes.iter().map(|outcome| outcome.results.len()).collect()
    };

    let (outcomes, summary) = run_tasks(batch(jobs(2)), tasks()).await;
    assert_eq!(results(&outcomes), [2, 2, 1, 2, 1]);
    assert_eq!((summary.pushed, summary.failed, summary.not_started), (5, 3, 0));

    let (outcomes, summary) =
        run_tasks(batch(jobs(1).with_on_failure(OnFailure::StartNoOther)), tasks()).await;
    assert_eq!(results(&outcomes), [2, 2]);
    assert_eq!((summary.pushed, summary.failed, summary.not_started), (2, 2, 4));

    let cancel = CancellationToken::new();
    cancel.cancel();
    let (outcomes, summary) = ended(batch(jobs(2)), tasks(), &cancel, &mut |_| {}).await;
    assert!(outcomes.is_empty());
    assert_eq!((summary.pushed, summary.failed, summary.not_started), (0, 0, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_to_one_project_share_a_limit_and_the_capabilities() {
    let scene = Scene::start().await;
    let files = files(&scene, 8);
    for _ in 0..8 {
        scene.sandbox().inject(Operation::Upload, Fault::SlowAnswer(Duration::from_millis(50)));
    }
    let peak = Arc::new(Peak::default());
    let shared = Arc::clone(&peak);
    let options = jobs(8).with_uploads_per_target(NonZeroUsize::new(2).unwrap());
    let batch = Batch::new(options)
        .to(target(&scene))
        .with_progress(move |_| Arc::clone(&shared) as Arc<dyn Progress>);
    // Another login to the same project shares its limit.
    let another = scene.login(USER).await;
    let task_of = |(at, file): (usize, &PathBuf)| match at % 2 {
        0 => task(file),
        _ => task(file).to(Target::new(another.clone()).on_cloud("another")),
    };
    let tasks = files.iter().enumerate().map(task_of).collect();
    let (_, summary) = run_tasks(batch, tasks).await;
    assert_eq!((summary.pushed, summary.failed), (8, 0));
    assert_eq!(peak.most.load(Ordering::SeqCst), 2);
    let schemas = scene.requests(0).iter().filter(|r| r.ends_with("schemas/image")).count();
    assert_eq!(schemas, 1);
}

/// Each task needs more than the limit, and none waits for the permits of another.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_with_more_targets_than_the_limit_waits_for_all_others() {
    let (north, south) = (Scene::start().await, Scene::start().await);
    let options = jobs(4).with_uploads_per_target(NonZeroUsize::MIN);
    let named = |scene: &Scene, name: &str| {
        target(scene).with_overrides(PushOverrides::default().with_name(name))
    };
    let task_of = |(at, file): (usize, &PathBuf)| {
        let mut targets = vec![named(&north, "one"), named(&south, "other"), named(&north, "two")];
        if at % 2 == 1 {
            targets.reverse();
        }
        task(file).with_targets(targets)
    };
    let tasks = files(&north, 6).iter().enumerate().map(task_of).collect();
    let (_, summary) = run_tasks(Batch::new(options), tasks).await;
    assert_eq!((summary.pushed, summary.failed), (18, 0));
}

/// Pushes, downloads and verifications in one batch, limited by the number of jobs.
#[tokio::test(flavor = "multi_thread")]
async fn one_batch_pushes_downloads_and_verifies() {
    let scene = Scene::start().await;
    let files = files(&scene, 6);
    run(&scene, jobs(2), &files[..3]).await;
    let mut images = scene.images().await;
    images.sort_by_key(|image| image.name().map(str::to_owned));
    let pulled = |number: usize| scene.path(format!("pulled{number}"));
    let download =
        Download::new(scene.client.clone(), DownloadOptions::default()).on_cloud("cloud");
    let verification = Verification::new(scene.client.clone(), DownloadOptions::default());
    let pull =
        |number: usize| PullTask::to_file(download.clone(), images[number].clone(), pulled(number));
    let against_file = |number: usize, file: &Path| {
        let (verification, image) = (verification.clone(), images[number].clone());
        VerifyTask::against_file(verification, image, file, SourceOptions::default())
    };
    std::fs::write(pulled(1), "of the user").unwrap();
    let tasks = || -> Vec<BatchTask> {
        vec![
            task(&files[3]).into(),
            pull(0).into(),
            VerifyTask::against_download(verification.clone(), images[0].clone()).into(),
            task(&files[4]).into(),
            pull(1).into(),
            against_file(2, &files[2]).into(),
            against_file(2, &files[1]).into(),
            against_file(2, &scene.path("missing")).into(),
            pull(2).into(),
            task(&files[5]).into(),
        ]
    };
    let names = Arc::new(std::sync::Mutex::new(Vec::new()));
    let shared = Arc::clone(&names);
    let batch = Batch::new(jobs(3)).to(target(&scene)).with_progress(move |task| {
        shared.lock().unwrap().push((task.number, task.name.to_owned()));
        Arc::new(Peak::default())
    });
    let (outcomes, summary) = run_tasks(batch, tasks()).await;

    let kinds: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.results).collect();
    assert_eq!(kinds.len(), 10, "one result for each");
    let kind = |number: usize| kinds[number].error_kind();
    for number in [0, 1, 2, 3, 5, 8, 9] {
        assert_eq!(kind(number), None, "{:?}", kinds[number]);
    }
    assert!(matches!(kinds[4], TaskResult::Pull(Err(error))
        if matches!(*error.failure, PullFailure::Destination(DestinationError::Exists { .. }))));
    assert_eq!(kind(6), Some(ErrorKind::ServerDiffers));
    assert_eq!(kind(7), Some(ErrorKind::Source));
    assert_eq!(
        (summary.pushed, summary.pulled, summary.verified, summary.skipped, summary.failed),
        (3, 2, 2, 0, 3)
    );
    // The pushes, the downloads, and the verification by download.
    let size = |number: usize| (MIB + number) as u64;
    assert_eq!(summary.bytes, size(3) + size(4) + size(5) + size(0) + size(2) + size(0));
    for number in [0, 2] {
        assert_eq!(std::fs::read(pulled(number)).unwrap(), std::fs::read(&files[number]).unwrap());
    }
    assert_eq!(std::fs::read(pulled(1)).unwrap(), b"of the user");
    let mut names = names.lock().unwrap().clone();
    names.sort_unstable();
    assert_eq!(names[0], (0, files[3].display().to_string()));
    assert_eq!(names[1], (1, "disk0".to_owned()));
    assert_eq!(names.len(), 10);

    // Once more: existing files are kept if that is requested.
    let mut options = DownloadOptions::default();
    options.keep_same = true;
    let download = Download::new(scene.client.clone(), options);
    let again =
        |number: usize| PullTask::to_file(download.clone(), images[number].clone(), pulled(number));
    let (_, summary) = run_tasks(Batch::new(jobs(2)), vec![again(0), again(2)]).await;
    assert_eq!((summary.pulled, summary.skipped, summary.bytes), (0, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_cloud_has_a_result_for_each_image() {
    let (north, south) = (Scene::start().await, Scene::start().await);
    let files = files(&north, 3);
    let refused = || imgpush_engine::client::Error::LoginRefused {
        url: "http://keystone.example".to_owned(),
        message: "no such user".to_owned(),
    };
    let tasks = || vec![task(&files[0]), task(&files[1]).to(target(&south)), task(&files[2])];
    let batch = |options| {
        Batch::new(options).to(target(&north)).to_unreached("far", refused()).to(target(&south))
    };
    let (outcomes, summary) = run_tasks(batch(jobs(2)), tasks()).await;
    let results = |outcome: &Outcome| -> Vec<(String, Option<ErrorKind>)> {
        let result = |result: &TaskResult| (result.cloud().to_owned(), result.error_kind());
        outcome.results.iter().map(result).collect()
    };
    let ok = || ("cloud".to_owned(), None);
    let far = || ("far".to_owned(), Some(ErrorKind::NotAuthorised));
    assert_eq!(results(&outcomes[0]), [ok(), far(), ok()]);
    assert_eq!(results(&outcomes[1]), [ok()]);
    assert_eq!(results(&outcomes[2]), [ok(), far(), ok()]);
    assert_eq!((summary.pushed, summary.failed, summary.not_started), (5, 2, 0));

    // A task with no other target opens no source.
    let missing = task(&north.path("missing"));
    let nowhere = Batch::new(jobs(1)).to_unreached("far", refused());
    let (outcomes, summary) = run_tasks(nowhere, vec![missing]).await;
    assert_eq!(results(&outcomes[0]), [far()]);
    assert_eq!((summary.pushed, summary.failed), (0, 1));
}

/// Running downloads are cancelled, and keep the received data.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_cancels_running_tasks_if_requested() {
    let scene = Scene::start().await;
    let files = files(&scene, 4);
    std::fs::write(&files[0], vec![7; 24 * MIB]).unwrap();
    run(&scene, jobs(1), &files).await;
    let mut images = scene.images().await;
    images.sort_by_key(|image| image.name().map(str::to_owned));
    // The first download stalls after its start; the second fails after that point.
    let hour = Duration::from_secs(3600);
    let stall = Fault::Stall { after: 16 * MIB as u64, duration: hour };
    scene.sandbox().inject(Operation::Download, stall);
    let mut options = DownloadOptions::default();
    options.connections = Some(NonZeroUsize::MIN);
    options.idle_timeout = hour;
    let download = Download::new(scene.client.clone(), options);
    let path = |number: usize| scene.path(format!("pulled{number}"));
    std::fs::write(path(1), "of the user").unwrap();
    let pull =
        |number: usize| PullTask::to_file(download.clone(), images[number].clone(), path(number));
    let (sender, tasks) = tokio::sync::mpsc::unbounded_channel();
    sender.send(pull(0)).unwrap();
    let arrived = Arc::new(tokio::sync::Notify::new());
    let shared = Arc::clone(&arrived);
    let batch =
        Batch::new(jobs(2).with_on_failure(OnFailure::CancelAll)).with_progress(move |_| {
            Arc::new(AtByte { byte: 8 * MIB as u64, shared: Arc::clone(&shared) })
        });
    let tasks = futures_util::stream::unfold(tasks, |mut tasks| async {
        tasks.recv().await.map(|task| (task, tasks))
    });
    let mut running = batch.start_stream(tasks, &CancellationToken::new()).unwrap();
    let feeding = async {
        arrived.notified().await;
        sender.send(pull(1)).unwrap();
        sender.send(pull(2)).unwrap();
        std::future::pending::<()>().await;
    };
    let mut outcomes = Vec::new();
    let listening = async {
        while let Some(event) = running.next().await {
            if let BatchEvent::Ended(outcome) = event {
                outcomes.push(outcome);
            }
        }
    };
    tokio::select! { () = feeding => {} () = listening => {} }
    // The failure is reported before the downloads that it cancels.
    let failures: Vec<_> =
        outcomes.iter().map(|outcome| (outcome.number, kind_of(outcome))).collect();
    assert_eq!(failures[0].0, 1);
    assert_eq!(failures[1], (0, Some(ErrorKind::Interrupted)));
    assert_eq!(failures.len(), 2);
    let summary = running.summary();
    assert_eq!((summary.pulled, summary.failed, summary.not_started), (0, 2, 1));
    let part = scene.path(format!("pulled0.{}.part", images[0].id()));
    assert!(std::fs::metadata(part).unwrap().len() >= 8 * MIB as u64);
}

fn kind_of(outcome: &Outcome) -> Option<ErrorKind> {
    outcome.results.iter().find_map(TaskResult::error_kind)
}

/// Notifies when this number of bytes has arrived.
struct AtByte {
    byte: u64,
    shared: Arc<tokio::sync::Notify>,
}

impl Progress for AtByte {
    fn sent(&self, bytes: u64) {
        if bytes >= self.byte {
            self.shared.notify_one();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_measured_and_all_images_are_deleted() {
    let scene = Scene::start().await;
    let file = file(&scene, 7);
    let mut options = TuneOptions::default();
    options.most_jobs = NonZeroUsize::new(2).unwrap();
    options.rounds = 1;
    let mut reported = 0;
    let tuning = Tuning::new(target(&scene), options);
    let report = tuning.run(&file, &CancellationToken::new(), |_| reported += 1).await.unwrap();
    assert_eq!(reported, report.trials.len());
    assert!(report.is_complete && reported >= 5, "{report:#?}");
    assert!(report.trials.contains(&report.recommended));
    assert!(report.gain > 0.9);
    assert!(scene.hidden_images().await.is_empty() && scene.images().await.is_empty());

    // After the last byte, so that the response is not lost by a connection reset.
    let after = std::fs::metadata(&file).unwrap().len();
    scene.sandbox().inject(Operation::Upload, Fault::Status { status: 413, after });
    let error = tuning.run(&file, &CancellationToken::new(), |_| {}).await.unwrap_err();
    assert!(error.left.is_empty(), "{error:?}");
    assert!(scene.images().await.is_empty());
}

/// One would replace the other, or be mistaken for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_image_of_the_same_name_is_rejected() {
    let retire = imgpush_engine::Retire::Delete;
    for mode in [IfExists::Fail, IfExists::Skip, IfExists::Replace(retire)] {
        let scene = Scene::start().await;
        let files = files(&scene, 3);
        let names = ["disk", "disk", "other"];
        let tasks: Vec<_> = files
            .iter()
            .zip(names)
            .map(|(file, name)| {
                let options = PushOptions::named(name).with_if_exists(mode);
                PushTask::new(file, SourceOptions::default(), options)
            })
            .collect();
        let batch = Batch::new(BatchOptions::default()).to(target(&scene));
        let (outcomes, summary) = ended(batch, tasks, &CancellationToken::new(), &mut |_| {}).await;
        assert_eq!((summary.pushed, summary.failed), (2, 1), "{mode:?}: {outcomes:?}");
        let errors = outcomes.iter().flat_map(Outcome::pushes).filter_map(|it| it.as_ref().err());
        for error in errors {
            assert!(matches!(*error.failure, PushFailure::SameName { .. }), "{error:?}");
        }
        assert_eq!(scene.images().await.len(), 2, "{mode:?}");
    }
    let scene = Scene::start().await;
    let options = PushOptions::named("disk").with_if_exists(IfExists::Rename);
    let files = files(&scene, 3);
    let push = |file| PushTask::new(file, SourceOptions::default(), options.clone());
    let tasks: Vec<_> = files.iter().map(push).collect();
    let batch = Batch::new(BatchOptions::default()).to(target(&scene));
    let (_, summary) = ended(batch, tasks, &CancellationToken::new(), &mut |_| {}).await;
    assert_eq!(summary.pushed, 3);
    let images = scene.images().await;
    let mut names: Vec<_> = images.iter().filter_map(Image::name).collect();
    names.sort_unstable();
    assert_eq!(names, ["disk", "disk-2", "disk-3"]);
}
