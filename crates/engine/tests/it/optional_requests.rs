//! Requests that only help to refuse an upload early: without a usable answer the push continues, and says
//! what was not checked.

use std::time::{Duration, Instant};

use imgpush_engine::client::NewImage;
use imgpush_engine::source::BytesSource;
use imgpush_engine::{
    CancellationToken, ErrorKind, NoteId, Push, PushError, PushFailure, PushOptions, Report,
    Staging, StagingOptions, Stores, Target, Via,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

/// 200 is a page of a proxy, which is not JSON.
const STATUSES: [u16; 6] = [200, 400, 401, 405, 500, 503];

async fn push(target: Target) -> Result<Report, PushError> {
    let source = Box::new(BytesSource::new("disk", vec![0xa5; 1 << 20]));
    let options = PushOptions::named("image");
    Push::to(target, options).run(source, &CancellationToken::new()).await
}

/// Fails all requests of an operation that one push makes, also after a new login.
fn fail(scene: &Scene, operation: Operation, status: u16) {
    for _ in 0..4 {
        scene.sandbox().inject(operation, Fault::Status { status, after: 0 });
    }
}

fn omitted(report: &Report) -> Vec<&str> {
    let notes = report.notes.iter().filter(|note| note.id == NoteId::PreflightIncomplete);
    notes.map(|note| &*note.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_continues_without_quotas_and_formats() {
    for (operation, what) in
        [(Operation::Usage, "quotas were not checked"), (Operation::Schema, "the formats were not")]
    {
        for status in STATUSES {
            let scene = Scene::start().await;
            fail(&scene, operation, status);
            let start = Instant::now();
            let report = push(Target::new(scene.client.clone())).await;
            let report = report.unwrap_or_else(|error| panic!("{what} {status}: {error:?}"));
            assert!(report.verified);
            let notes = omitted(&report);
            assert!(notes.len() == 1 && notes[0].starts_with(what), "{status}: {notes:?}");
            // One quick retry at most; the usual five take more than 30 s.
            assert!(start.elapsed() < Duration::from_secs(25), "{status}");
        }
    }
    // A service that is old, or whose policy forbids it, is no news.
    for status in [403, 404] {
        let scene = Scene::start().await;
        fail(&scene, Operation::Usage, status);
        let report = push(Target::new(scene.client.clone())).await.unwrap();
        assert!(omitted(&report).is_empty(), "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_continues_without_the_list_of_stores() {
    for status in [200, 401, 500] {
        let scene =
            Scene::builder().sandbox(|options| options.with_stores(["fast", "slow"])).start().await;
        fail(&scene, Operation::Stores, status);
        let stores = Stores::These(vec!["slow".to_owned()]);
        let target = Target::new(scene.client.clone()).via(Via::Direct).into_stores(stores);
        let report = push(target).await.unwrap();
        assert_eq!(report.stores, ["slow"]);
        assert!(omitted(&report)[0].starts_with("the stores were not checked"), "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_staged_without_the_list_of_formats() {
    let scene = Scene::start().await;
    let image = NewImage::named("staged").with_formats("raw", "bare");
    let image = scene.client.create(&image).await.unwrap();
    fail(&scene, Operation::Schema, 401);
    let source = Box::new(BytesSource::new("disk", vec![0xa5; 1 << 20]));
    let staging = Staging::new(scene.client.clone(), StagingOptions::default());
    let report = staging.run(&image, source, &CancellationToken::new()).await.unwrap();
    assert_eq!(report.size, 1 << 20);
}

/// The address may be wrong, and the login too: neither is ignored.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_and_a_refused_login_are_errors() {
    let scene = Scene::start().await;
    fail(&scene, Operation::Schema, 404);
    let error = push(Target::new(scene.client.clone())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");

    let scene = Scene::start().await;
    scene.sandbox().inject(Operation::Usage, Fault::ExpireToken);
    let refused = Fault::StatusJson { status: 401, after: 0 };
    for _ in 0..4 {
        scene.sandbox().inject(Operation::Token, refused.clone());
    }
    let error = push(Target::new(scene.client.clone())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAuthorised, "{error:?}");
    assert!(matches!(*error.failure, PushFailure::Client { .. }), "{error:?}");
}
