//! Services that show the result of an upload late.

use std::time::Duration;

use imgpush_engine::client::Status;
use imgpush_engine::source::{BytesSource, Source};
use imgpush_engine::{
    CancellationToken, ErrorKind, Push, PushError, PushFailure, PushOptions, RecordOutcome, Report,
    RetryOptions,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

const BYTES: usize = 2 << 20;

fn once() -> PushOptions {
    PushOptions::named("image").with_disk_format("raw").with_retry(RetryOptions::never())
}

fn source() -> Box<dyn Source> {
    Box::new(BytesSource::new("disk.raw", vec![3; BYTES]))
}

async fn push(scene: &Scene, options: PushOptions) -> Result<Report, PushError> {
    Push::new(scene.client.clone(), options).run(source(), &CancellationToken::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outdated_response_after_an_upload_costs_no_image() {
    let shown = |status: &str| Fault::ShownAs(status.to_owned());
    for faults in [
        vec![shown("saving"), shown("saving"), shown("saving")],
        vec![shown("queued")],
        // Without hashes.
        vec![shown("active"), shown("active")],
        vec![Fault::Status { status: 404, after: 0 }],
        vec![Fault::Status { status: 502, after: 0 }, Fault::StatusJson { status: 404, after: 0 }],
        // The error page of a gateway.
        vec![Fault::StatusAfter(500), shown("saving"), Fault::Status { status: 503, after: 0 }],
    ] {
        let scene = Scene::start().await;
        for fault in &faults {
            scene.sandbox().inject(Operation::Show, fault.clone());
        }
        let report = push(&scene, once()).await.unwrap();
        assert!(report.verified, "{faults:?}");
        let all = scene.images().await;
        assert_eq!((all.len(), all[0].status()), (1, Status::Active), "{faults:?}");
        assert_eq!(scene.uploads().len(), 1, "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_stays_saving_after_its_upload_is_kept_and_reported() {
    let scene = Scene::start().await;
    for _ in 0..20 {
        scene.sandbox().inject(Operation::Show, Fault::ShownAs("saving".to_owned()));
    }
    let options = once().with_finish_timeout(Duration::from_secs(1));
    let error = push(&scene, options).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Unfinished { status: Status::Saving, .. }),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::WaitedTooLong);
    let RecordOutcome::Kept { id, .. } = &error.outcome else { panic!("{error:?}") };
    let all = scene.images().await;
    assert_eq!((all.len(), all[0].id()), (1, &**id));
}
