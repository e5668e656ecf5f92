//! Ids that are derived from the content of an image.

use futures_util::future::join_all;
use imgpush_engine::{IfExists, PushAction};
use imgpush_sandbox::{ADMIN, Fault, Operation};
use imgpush_scene::Scene;

use super::scene::{NAME, data, derived, only, options, push_data, sha512};

#[tokio::test(flavor = "multi_thread")]
async fn a_derived_id_is_as_documented_and_never_used_twice() {
    let scene = Scene::start().await;
    let digest = sha512(&data(0));
    for number in 0..3 {
        let (result, reads) = push_data(&scene, options(IfExists::Skip), &data(0)).await;
        let report = result.unwrap();
        assert_eq!((report.id.clone(), reads), (derived(&digest, number, NAME), 2));
        scene.client.delete(&report.id).await.unwrap();
    }
    // An image of another project with the next id is skipped too.
    scene
        .login(ADMIN)
        .await
        .create(&super::scene::record_of(&derived(&digest, 3, NAME)))
        .await
        .unwrap();
    let (result, _) = push_data(&scene, options(IfExists::Skip), &data(0)).await;
    assert_eq!(result.unwrap().id, derived(&digest, 4, NAME));

    let (result, _) = push_data(&scene, options(IfExists::Add), &data(0)).await;
    assert_eq!(result.unwrap().id.parse::<uuid::Uuid>().unwrap().get_version_num(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_can_be_derived_without_a_list() {
    let scene = Scene::start().await;
    for action in [PushAction::Pushed, PushAction::TakenOver] {
        let mut options = options(IfExists::Add);
        options.derive_id = true;
        let before = scene.requests(0).len();
        let report = push_data(&scene, options, &data(0)).await.0.unwrap();
        assert_eq!((report.action, report.verified), (action, true));
        assert!(!scene.requests(before).contains(&"GET /v2/images".to_owned()));
    }
    assert_eq!(only(&scene).await.id(), derived(&sha512(&data(0)), 0, NAME));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_derived_id_a_random_one_is_used() {
    let scene = Scene::start().await;
    for number in 0..64 {
        let id = derived(&sha512(&data(0)), number, NAME);
        scene.client.create(&super::scene::record_of(&id)).await.unwrap();
        scene.client.delete(&id).await.unwrap();
    }
    let report = push_data(&scene, options(IfExists::Skip), &data(0)).await.0.unwrap();
    assert_eq!(report.id.parse::<uuid::Uuid>().unwrap().get_version_num(), 4);
    let report = push_data(&scene, options(IfExists::Skip), &data(0)).await.0.unwrap();
    assert_eq!(report.action, PushAction::Skipped);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_concurrent_runs_creates_the_image() {
    let scene = Scene::start().await;
    let slow = data(0);
    // Long enough for all other runs to find the record.
    scene.sandbox().inject(
        Operation::Upload,
        Fault::Stall { after: 1000, duration: std::time::Duration::from_millis(700) },
    );
    let runs = (0..8).map(|_| push_data(&scene, options(IfExists::Skip), &slow));
    let reports: Vec<_> =
        join_all(runs).await.into_iter().map(|(result, _)| result.unwrap()).collect();
    let image = only(&scene).await;
    assert!(reports.iter().all(|report| report.id == image.id() && report.verified));
    let pushed = reports.iter().filter(|report| report.action == PushAction::Pushed).count();
    assert_eq!(pushed, 1, "{reports:#?}");
    let uploads = scene.requests(0).iter().filter(|request| request.ends_with("/file")).count();
    assert_eq!(uploads, 1);
}
