//! Records of other runs that have ended or are still active.

use std::time::Duration;

use imgpush_engine::client::{NewImage, Status};
use imgpush_engine::{
    Earlier, IfExists, NoteId, PushAction, PushFailure, Report, Retire, VerifiedBy,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

use super::scene::{
    NAME, PushSetup, active, data, derived, failure, images, only, options, push_data, record,
    record_of, sha512,
};

fn id() -> String {
    derived(&sha512(&data(0)), 0, NAME)
}

/// Options of a push after an earlier run that has requested a record with this id. A record with a derived
/// or given id has the token of that run.
fn after_run(id: &str, token: Option<&str>, mode: IfExists) -> PushSetup {
    let mut options = options(mode).with_property("build", "7");
    options.settle_timeout = Duration::from_millis(300);
    let token = token.map(str::to_owned);
    PushSetup { earlier: Some(Earlier::Begun { id: id.to_owned(), token }), ..options.into() }
}

const TOKEN: Option<&str> = Some("the token of the earlier run");

/// A record with this id that a run with this token has created.
fn created_by(token: Option<&str>, id: &str) -> NewImage {
    let mut record = record_of(id);
    record.set_property("imgpush_run", token.unwrap()).unwrap();
    record
}

/// Returns the number of seconds that the push waited for another run, from its note; `None` if it did not
/// wait.
fn seconds_waited(report: &Report) -> Option<u64> {
    let note = report.notes.iter().find(|note| note.id == NoteId::Waited)?;
    let (before, _) = note.text.rsplit_once(" s").unwrap();
    Some(before.rsplit(' ').next().unwrap().parse().unwrap())
}

/// Creates an upload that never ends for the service.
async fn leave_saving(scene: &Scene, id: &str) {
    scene.sandbox().inject(Operation::Upload, Fault::Forget(1000));
    let mut options = options(IfExists::Add);
    options.id = Some(id.to_owned());
    options.settle_timeout = Duration::from_millis(10);
    options.retry = imgpush_engine::RetryOptions::never();
    options.keep_failed = true;
    assert!(push_data(scene, options, &data(0)).await.0.is_err());
    let mut image = scene.client.image(id).await.unwrap();
    assert_eq!(image.status(), Status::Saving);
    image.set_property("imgpush_run", TOKEN.unwrap()).unwrap();
    scene.client.commit(&image).await.unwrap();
}

/// The other run may still upload to it.
#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_another_run_is_waited_for_and_left_alone() {
    let scene = Scene::start().await;
    scene.client.create(&created_by(TOKEN, &id())).await.unwrap();
    let mut options = options(IfExists::Skip).with_property("build", "7");
    options.wait_for_others = Duration::from_secs(1);
    let report = push_data(&scene, options, &data(0)).await.0.unwrap();
    let next = derived(&sha512(&data(0)), 1, NAME);
    assert_eq!((&*report.id, report.action), (&*next, PushAction::Pushed));
    assert!(report.notes.iter().any(|note| note.id == NoteId::PassedOver), "{:?}", report.notes);
    let theirs = scene.client.image(&id()).await.unwrap();
    assert_eq!((theirs.status(), theirs.property("build")), (Status::Queued, None));
    assert_eq!(scene.client.image(&next).await.unwrap().property("imgpush_run"), None);
}

/// The other run may delete it in favour of an equal one.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_published_is_not_accepted() {
    for mode in [IfExists::Skip, IfExists::Replace(Retire::Delete)] {
        let scene = Scene::start().await;
        let theirs = active(&scene.client, &created_by(TOKEN, &id()), &data(0)).await;
        let mut options = options(mode);
        options.wait_for_others = Duration::from_secs(1);
        let report = push_data(&scene, options.clone(), &data(0)).await.0.unwrap();
        let next = derived(&sha512(&data(0)), 1, NAME);
        assert_eq!((&*report.id, report.action), (&*next, PushAction::Pushed));
        assert!(report.notes.iter().any(|note| note.id == NoteId::PassedOver), "{mode:?}");
        assert_eq!(images(&scene).await.len(), 2, "it may be in use");

        // Now it is published, and the other image is deleted.
        scene.client.delete(&next).await.unwrap();
        let mut published = theirs.clone();
        published.unset("imgpush_run").unwrap();
        scene.client.commit(&published).await.unwrap();
        let report = push_data(&scene, options, &data(0)).await.0.unwrap();
        assert_eq!((&*report.id, report.action), (theirs.id(), PushAction::Skipped));
        only(&scene).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_an_ended_run_is_taken_over_at_once() {
    let scene = Scene::start().await;
    scene.client.create(&created_by(TOKEN, &id())).await.unwrap();
    let setup = after_run(&id(), TOKEN, IfExists::Skip);
    let report = push_data(&scene, setup, &data(0)).await.0.unwrap();
    assert_eq!((&*report.id, report.action), (&*id(), PushAction::Pushed));
    // A pause between two requests takes 1 s, and would be noted.
    assert_eq!(seconds_waited(&report), None, "{:?}", report.notes);
    assert_eq!(only(&scene).await.property("build"), Some("7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_left_by_an_ended_run_is_deleted() {
    for mode in [IfExists::Add, IfExists::Skip] {
        let scene = Scene::start().await;
        let left = scene.client.create(&record(NAME)).await.unwrap().id().to_owned();
        let report = push_data(&scene, after_run(&left, None, mode), &data(0)).await.0.unwrap();
        assert_eq!(only(&scene).await.id(), report.id);
        assert_ne!(report.id, left);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_with_the_given_id_is_taken_over() {
    let scene = Scene::start().await;
    let left = uuid::Uuid::new_v4().to_string();
    scene.client.create(&created_by(TOKEN, &left)).await.unwrap();
    let mut setup = after_run(&left, TOKEN, IfExists::Add);
    setup.options.id = Some(left.clone());
    let report = push_data(&scene, setup, &data(0)).await.0.unwrap();
    assert_eq!((report.id, only(&scene).await.property("build")), (left, Some("7")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_an_ended_run_is_replaced() {
    let scene = Scene::start().await;
    leave_saving(&scene, &id()).await;
    let setup = after_run(&id(), TOKEN, IfExists::Skip);
    let report = push_data(&scene, setup, &data(0)).await.0.unwrap();
    assert_eq!(report.id, derived(&sha512(&data(0)), 1, NAME));
    assert!(report.notes.iter().any(|note| note.id == NoteId::CreatedAnew), "{:?}", report.notes);
    assert_eq!(only(&scene).await.id(), report.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_image_of_an_ended_run_is_accepted() {
    for mode in [IfExists::Add, IfExists::Skip] {
        let scene = Scene::start().await;
        let made_up = uuid::Uuid::new_v4().to_string();
        let done = active(&scene.client, &record_of(&made_up), &data(0)).await;
        let report = push_data(&scene, after_run(done.id(), None, mode), &data(0)).await.0.unwrap();
        assert_eq!((&*report.id, report.action), (done.id(), PushAction::TakenOver));
        only(&scene).await;
    }
}

/// Otherwise it would stay active unnoticed.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_image_left_by_an_ended_run_is_deleted() {
    for mode in [IfExists::Add, IfExists::Skip] {
        let scene = Scene::start().await;
        let made_up = uuid::Uuid::new_v4().to_string();
        let wrong = active(&scene.client, &record_of(&made_up), &data(1)).await;
        let setup = after_run(wrong.id(), None, mode);
        let report = push_data(&scene, setup, &data(0)).await.0.unwrap();
        assert_ne!(report.id, wrong.id());
        assert!(report.notes.iter().any(|note| note.text.contains(wrong.id())), "{mode:?}");
        assert_eq!(only(&scene).await.id(), report.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_for_another_run_has_a_limit() {
    let scene = Scene::start().await;
    leave_saving(&scene, &id()).await;
    let mut options = options(IfExists::Skip);
    options.wait_for_others = Duration::from_millis(500);
    let failure = failure(push_data(&scene, options, &data(0)).await.0);
    assert!(
        matches!(failure, PushFailure::StillTheirs { status: Status::Saving, .. }),
        "{failure}"
    );
    assert_eq!(
        only(&scene).await.status(),
        Status::Saving,
        "the record of another run is not deleted"
    );
}

/// Another run deletes the record during the upload.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_deleted_during_the_upload_is_replaced() {
    let scene = Scene::start().await;
    scene.sandbox().inject(
        Operation::Upload,
        Fault::Stall { after: 1000, duration: Duration::from_millis(500) },
    );
    let deleting = async {
        while scene.client.delete(&id()).await.is_err() || scene.requests(0).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let bytes = data(0);
    let pushing = push_data(&scene, options(IfExists::Skip), &bytes);
    let ((result, _), ()) = tokio::join!(pushing, deleting);
    let report = result.unwrap();
    assert_eq!(report.id, derived(&sha512(&data(0)), 1, NAME));
    assert_eq!(only(&scene).await.id(), report.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_verified_by_an_earlier_run_is_checked_without_a_pass() {
    let scene = Scene::start().await;
    let done = push_data(&scene, options(IfExists::Add), &data(0)).await.0.unwrap();
    let verified = |digest: &str| {
        let (algorithm, value) = digest.split_once(':').unwrap();
        let (os_hash_algo, os_hash_value) = (algorithm.to_owned(), value.to_owned());
        let earlier = Earlier::Verified { id: done.id.clone(), os_hash_algo, os_hash_value };
        PushSetup { earlier: Some(earlier), ..options(IfExists::Add).into() }
    };
    let before = scene.requests(0).len();
    let (again, read) = push_data(&scene, verified(&sha512(&data(0))), &data(0)).await;
    let again = again.unwrap();
    assert_eq!((&*again.id, again.action, read), (&*done.id, PushAction::Skipped, 0));
    assert_eq!(again.verified_by, [VerifiedBy::Journal]);
    assert_eq!(scene.requests(before), [format!("GET /v2/images/{}", done.id)]);

    // An image that has changed or is deleted is not accepted.
    let other = push_data(&scene, verified(&sha512(&data(1))), &data(0)).await.0.unwrap();
    assert_eq!(other.action, PushAction::Pushed);
    scene.client.delete(&done.id).await.unwrap();
    let anew = push_data(&scene, verified(&sha512(&data(0))), &data(0)).await.0.unwrap();
    assert_eq!(anew.action, PushAction::Pushed);
}

/// The request of the earlier run may still be in transit, and would leave a record without an upload.
#[tokio::test(flavor = "multi_thread")]
async fn an_unused_id_requested_by_an_earlier_run_is_used() {
    let scene = Scene::start().await;
    let asked_for = uuid::Uuid::new_v4().to_string();
    let report =
        push_data(&scene, after_run(&asked_for, None, IfExists::Add), &data(0)).await.0.unwrap();
    assert_eq!((&*report.id, only(&scene).await.status()), (&*asked_for, Status::Active));

    // An id is never accepted again.
    scene.client.delete(&asked_for).await.unwrap();
    let report =
        push_data(&scene, after_run(&asked_for, None, IfExists::Add), &data(0)).await.0.unwrap();
    assert_ne!(report.id, asked_for);
    assert_eq!(only(&scene).await.id(), report.id);
}

/// The request of the earlier run arrives between the lookup and the creation.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_record_of_an_ended_run_is_taken_over() {
    let scene = Scene::start().await;
    let asked_for = uuid::Uuid::new_v4().to_string();
    // The first request creates the record and is not answered, so the second one finds it.
    scene.sandbox().inject(Operation::Create, Fault::DropAnswer);
    let report =
        push_data(&scene, after_run(&asked_for, None, IfExists::Add), &data(0)).await.0.unwrap();
    assert_eq!((&*report.id, only(&scene).await.status()), (&*asked_for, Status::Active));
}
