//! The retirement of images that a new one replaces.

use imgpush_engine::client::{Error, Image};
use imgpush_engine::{
    IfExists, IntegrityError, PushAction, PushFailure, RecordOutcome, Retire, Retirement,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

use super::scene::{NAME, active, data, images, only, options, push_data, record};

fn replace(how: Retire) -> imgpush_engine::PushOptions {
    options(IfExists::Replace(how))
}

#[tokio::test(flavor = "multi_thread")]
async fn old_images_are_retired_after_the_verification_of_the_new_one() {
    for (how, word) in [
        (Retire::Hide, Retirement::Hidden),
        (Retire::Rename, Retirement::Renamed),
        (Retire::Delete, Retirement::Deleted),
    ] {
        let scene = Scene::start().await;
        let mut old = Vec::new();
        for seed in [1, 2] {
            old.push(active(&scene.client, &record(NAME), &data(seed)).await);
        }
        // An image that fails its verification retires no other.
        scene.sandbox().inject(Operation::Upload, Fault::WrongHash);
        let (result, _) = push_data(&scene, replace(how), &data(0)).await;
        assert!(matches!(
            *result.unwrap_err().failure,
            PushFailure::Integrity(IntegrityError::Mismatch { .. })
        ));
        assert_eq!(images(&scene).await.len(), 2);

        let (result, _) = push_data(&scene, replace(how), &data(0)).await;
        let report = result.unwrap();
        let replaced: Vec<_> = report.replaced.iter().map(|old| (&*old.id, old.how)).collect();
        assert_eq!(replaced, [(old[0].id(), word), (old[1].id(), word)]);
        let images = images(&scene).await;
        let shown = images.iter().filter(|image| image.name() == Some(NAME) && !image.is_hidden());
        assert_eq!(shown.map(Image::id).collect::<Vec<_>>(), [&*report.id]);
        assert_eq!(images.len(), if how == Retire::Delete { 1 } else { 3 });
        if how == Retire::Rename {
            let mut names: Vec<_> = images.iter().filter_map(|image| image.name()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), 3, "two images have the same name: {names:?}");
            let made = old[0].created_at().unwrap().replace(['-', ':'], "");
            assert!(names.contains(&&*format!("{NAME}-{made}")), "{names:?}");
        }
        let (result, _) = push_data(&scene, replace(how), &data(0)).await;
        let again = result.unwrap();
        assert_eq!((again.action, again.replaced.len()), (PushAction::Skipped, 0));
    }
}

/// The state after a run that was killed when its image was verified, and before the old one was retired.
#[tokio::test(flavor = "multi_thread")]
async fn images_that_an_earlier_run_has_not_retired_are_retired() {
    let scene = Scene::start().await;
    let old = active(&scene.client, &record(NAME), &data(1)).await;
    let new = active(&scene.client, &record(NAME), &data(0)).await;
    let (result, _) = push_data(&scene, replace(Retire::Delete), &data(0)).await;
    let report = result.unwrap();
    assert_eq!((report.action, &*report.id, report.attempts), (PushAction::Skipped, new.id(), 0));
    assert_eq!(report.replaced[0].id, old.id());
    assert_eq!(only(&scene).await.id(), new.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_image_that_cannot_be_retired_is_reported_and_the_new_one_kept() {
    let scene = Scene::start().await;
    let mut wanted = record(NAME);
    wanted.set_protected(true);
    let mut old = active(&scene.client, &wanted, &data(1)).await;
    active(&scene.client, &record(NAME), &data(2)).await;
    let (result, _) = push_data(&scene, replace(Retire::Delete), &data(0)).await;
    let error = result.unwrap_err();
    let PushFailure::NotReplaced { left, source: Error::Forbidden(_) } = &*error.failure else {
        panic!("{error:?}");
    };
    assert_eq!(*left, [old.id()]);
    let RecordOutcome::Kept { id, .. } = &error.outcome else { panic!("{:?}", error.outcome) };
    assert_eq!(images(&scene).await.len(), 2, "the other image was deleted");

    // The next run uploads nothing and fails in the same way; it succeeds once the old image can be deleted.
    let (result, _) = push_data(&scene, replace(Retire::Delete), &data(0)).await;
    let error = result.unwrap_err();
    assert!(
        matches!(&error.outcome, RecordOutcome::Kept { id: kept, .. } if kept == id),
        "{error:?}"
    );
    old.set_protected(false);
    scene.client.commit(&old).await.unwrap();
    let (result, _) = push_data(&scene, replace(Retire::Delete), &data(0)).await;
    let report = result.unwrap();
    assert_eq!((report.action, &report.id, report.replaced.len()), (PushAction::Skipped, id, 1));
}
