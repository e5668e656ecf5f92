//! Each mode with each kind of existing image.

use imgpush_engine::client::Status;
use imgpush_engine::source::ReaderSource;
use imgpush_engine::{CancellationToken, Push};
use imgpush_engine::{IfExists, MultiPush, PushAction, PushFailure, Retire, VerifiedBy};
use imgpush_sandbox::ADMIN;
use imgpush_scene::Scene;

use super::scene::{
    NAME, active, data, failure, images, only, options, push, push_data, record, target,
};
use crate::counted::Counted;

/// The existing images.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    Same,
    Other,
    HiddenSame,
    OthersPublic,
    ClosedSame,
    Queued,
}

/// The expected result.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// A new image of this name, which replaces this number of images.
    Pushed(&'static str, usize),
    Skipped,
    Exists,
}

const MODES: [IfExists; 5] = [
    IfExists::Add,
    IfExists::Fail,
    IfExists::Skip,
    IfExists::Rename,
    IfExists::Replace(Retire::Hide),
];

async fn arrange(scene: &Scene, before: Before) {
    let client = &scene.client;
    let mut wanted = record(NAME);
    match before {
        Before::Nothing => {}
        Before::Same => drop(active(client, &wanted, &data(0)).await),
        Before::Other => drop(active(client, &wanted, &data(1)).await),
        Before::HiddenSame => {
            wanted.set_hidden(true);
            active(client, &wanted, &data(0)).await;
        }
        Before::OthersPublic => {
            wanted.set_visibility(imgpush_engine::client::Visibility::Public);
            active(&scene.login(ADMIN).await, &wanted, &data(0)).await;
        }
        Before::ClosedSame => {
            let image = active(client, &wanted, &data(0)).await;
            scene.login(ADMIN).await.deactivate(image.id()).await.unwrap();
        }
        Before::Queued => drop(client.create(&wanted).await.unwrap()),
    }
}

async fn outcome(scene: &Scene, mode: IfExists) -> Outcome {
    let before = images(scene).await.len();
    let (result, _) = push_data(scene, options(mode), &data(0)).await;
    let after = images(scene).await.len();
    match result {
        Ok(report) if report.action == PushAction::Pushed => {
            assert!(report.verified && report.attempts == 1, "{report:?}");
            assert_eq!(after, before + 1);
            let names = [NAME, "nightly-2"];
            let name = names.into_iter().find(|name| report.name.as_deref() == Some(name)).unwrap();
            Outcome::Pushed(name, report.replaced.len())
        }
        Ok(report) => {
            assert_eq!((report.action, report.attempts, after), (PushAction::Skipped, 0, before));
            assert_eq!(report.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);
            Outcome::Skipped
        }
        Err(error) => {
            assert!(matches!(*error.failure, PushFailure::Exists { .. }), "{error:?}");
            assert_eq!(after, before);
            Outcome::Exists
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mode_handles_every_existing_image() {
    use Outcome::{Exists, Pushed, Skipped};
    let (plain, second) = (Pushed(NAME, 0), Pushed("nightly-2", 0));
    let instead = Pushed(NAME, 1);
    for (before, outcomes) in [
        (Before::Nothing, [plain, plain, plain, plain, plain]),
        (Before::Same, [plain, Exists, Skipped, Skipped, Skipped]),
        (Before::Other, [plain, Exists, Exists, second, instead]),
        (Before::HiddenSame, [plain; 5]),
        (Before::OthersPublic, [plain; 5]),
        (Before::ClosedSame, [plain, Exists, plain, second, instead]),
        (Before::Queued, [plain, Exists, plain, second, plain]),
    ] {
        for (mode, expected) in MODES.into_iter().zip(outcomes) {
            let scene = Scene::start().await;
            arrange(&scene, before).await;
            assert_eq!(outcome(&scene, mode).await, expected, "{mode:?} where there is {before:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skip_costs_one_request_and_another_size_costs_no_pass() {
    let scene = Scene::start().await;
    active(&scene.client, &record(NAME), &data(0)).await;
    let before = scene.requests(0).len();
    let (result, reads) = push_data(&scene, options(IfExists::Skip), &data(0)).await;
    assert_eq!((result.unwrap().action, reads), (PushAction::Skipped, 1));
    assert_eq!(scene.requests(before), ["GET /v2/images"]);

    let (result, reads) = push_data(&scene, options(IfExists::Skip), &data(0)[1..]).await;
    let said = failure(result).to_string();
    assert!(said.contains("has 300000 bytes, but the source has 299999"), "{said}");
    assert_eq!((reads, scene.requests(before).len()), (0, 2));

    let (result, reads) = push_data(&scene, options(IfExists::Skip), &data(1)).await;
    let said = failure(result).to_string();
    assert!(said.contains("has os_hash_value"), "{said}");
    assert_eq!((reads, scene.requests(before).len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_is_the_first_that_is_free_and_is_found_again() {
    let scene = Scene::start().await;
    active(&scene.client, &record(NAME), &data(1)).await;
    for number in [2, 4, 3] {
        let (result, _) = push_data(&scene, options(IfExists::Rename), &data(number)).await;
        let report = result.unwrap();
        let expected = match number {
            2 => "nightly-2",
            4 => "nightly-3",
            _ => "nightly-4",
        };
        assert_eq!(report.name.as_deref(), Some(expected));
    }
    let (result, _) = push_data(&scene, options(IfExists::Rename), &data(3)).await;
    let report = result.unwrap();
    assert_eq!((report.action, report.name.as_deref()), (PushAction::Skipped, Some("nightly-4")));
    // More names than fit into one request.
    for number in 5..=17 {
        scene.client.create(&record(&format!("nightly-{number}"))).await.unwrap();
    }
    let (result, _) = push_data(&scene, options(IfExists::Rename), &data(9)).await;
    assert_eq!(result.unwrap().name.as_deref(), Some("nightly-18"));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_with_odd_characters_are_the_same_names() {
    let scene = Scene::start().await;
    for name in ["a, or so", "in:a,b", "\"quoted\"", "é: 50%"] {
        for mode in [IfExists::Skip, IfExists::Rename] {
            let mut options = options(mode);
            options.name = Some(name.to_owned());
            let (result, _) = push_data(&scene, options, &data(0)).await;
            let expected =
                if mode == IfExists::Skip { PushAction::Pushed } else { PushAction::Skipped };
            let report = result.unwrap();
            assert_eq!((report.action, report.name.as_deref()), (expected, Some(name)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_image_is_searched_among_the_hidden_ones() {
    let scene = Scene::start().await;
    for action in [PushAction::Pushed, PushAction::Skipped] {
        let mut options = options(IfExists::Skip);
        options.hidden = Some(true);
        assert_eq!(push_data(&scene, options, &data(0)).await.0.unwrap().action, action);
    }
    assert!(only(&scene).await.is_hidden());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_login_images_have_no_project() {
    let scene = Scene::start_open().await;
    for action in [PushAction::Pushed, PushAction::Skipped] {
        let (source, _) = Counted::of(data(0));
        let push = Push::new(scene.client.clone(), options(IfExists::Skip));
        let report = push.run(source, &CancellationToken::new()).await.unwrap();
        assert_eq!(report.action, action);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_cannot_be_compared_is_an_error_before_the_upload() {
    let pipe = || Box::new(ReaderSource::new("a pipe", std::io::Cursor::new(data(0))));
    for mode in [IfExists::Skip, IfExists::Rename] {
        let scene = Scene::start().await;
        let report = push(&scene, options(mode), pipe()).await.unwrap();
        assert_eq!(report.action, PushAction::Pushed);
        let before = scene.requests(0).len();
        let failure = failure(push(&scene, options(mode), pipe()).await);
        assert!(matches!(&failure, PushFailure::NotComparable { id, .. } if *id == report.id));
        assert_eq!(scene.requests(before), ["GET /v2/images"]);
        assert_eq!(only(&scene).await.status(), Status::Active);
    }
    let scene = Scene::start().await;
    let replace = || options(IfExists::Replace(Retire::Delete));
    let first = push(&scene, replace(), pipe()).await.unwrap();
    let second = push(&scene, replace(), pipe()).await.unwrap();
    assert_eq!((second.action, &*second.replaced[0].id), (PushAction::Pushed, &*first.id));
    assert_eq!(only(&scene).await.id(), second.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_target_decides_for_itself() {
    let (one, other) = (Scene::start().await, Scene::start().await);
    active(&one.client, &record(NAME), &data(0)).await;
    let (source, read) = Counted::of(data(0));
    let push = MultiPush::new(options(IfExists::Skip)).to(target(&one)).to(target(&other));
    let results = push.run(source, &CancellationToken::new()).await;
    let actions: Vec<_> = results.into_iter().map(|result| result.unwrap().action).collect();
    assert_eq!(actions, [PushAction::Skipped, PushAction::Pushed]);
    assert_eq!(read.load(std::sync::atomic::Ordering::Relaxed), 2 * data(0).len() as u64);
}
