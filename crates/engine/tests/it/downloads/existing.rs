//! Downloads to existing files that may be kept if they have the content of the image.

use imgpush_engine::{DestinationError, DownloadOptions, PartialOutcome, PullFailure, VerifiedBy};
use imgpush_scene::pattern;
use serde_json::json;

use super::scene::{SIZE, Scripted, image, is_same, quick};

fn keeping() -> DownloadOptions {
    let mut options = quick();
    options.keep_same = true;
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_the_content_of_the_image_is_kept_and_verified() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    let scene = Scripted::new(data.clone(), []).await;
    std::fs::write(scene.destination(), &data).unwrap();
    // A process that is killed during the rename leaves this state.
    std::fs::hard_link(scene.destination(), scene.partial()).unwrap();
    let report = scene.fetch_with(&image, keeping()).await.unwrap();
    assert_eq!((report.unchanged, report.verified, report.attempts), (true, true, 0));
    assert_eq!(report.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);
    assert!(scene.asked().is_empty());
    assert_eq!(scene.files(), [scene.destination()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_is_replaced_only_with_overwrite() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    let mut other = data.clone();
    other[SIZE / 2] ^= 1;
    for content in [&other[..], b"short"] {
        let scene = Scripted::new(data.clone(), []).await;
        std::fs::write(scene.destination(), content).unwrap();
        let error = scene.fetch_with(&image, keeping()).await.unwrap_err();
        let is_other =
            matches!(&*error.failure, PullFailure::Destination(DestinationError::IsOther { .. }));
        assert!(is_other, "{error:?}");
        assert_eq!((error.partial, scene.asked()), (PartialOutcome::Nothing, vec![]));
        assert!(is_same(&scene.destination(), content));

        let mut options = keeping();
        options.overwrite = true;
        let report = scene.fetch_with(&image, options).await.unwrap();
        assert!(!report.unchanged && is_same(&scene.destination(), &data));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_file_that_is_the_destination_is_removed() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    let scene = Scripted::new(data.clone(), []).await;
    std::fs::write(scene.destination(), &data).unwrap();
    std::fs::hard_link(scene.destination(), scene.partial()).unwrap();
    let mut options = quick();
    options.overwrite = true;
    let report = scene.fetch_with(&image, options).await.unwrap();
    assert_eq!((report.resumed_from, report.attempts), (SIZE as u64, 0));
    assert_eq!(scene.files(), [scene.destination()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_an_image_without_hashes_is_another_file() {
    let data = pattern(SIZE);
    let none = json!({"os_hash_algo": null, "os_hash_value": null, "checksum": null});
    let scene = Scripted::new(data.clone(), []).await;
    std::fs::write(scene.destination(), &data).unwrap();
    let mut options = keeping();
    options.allow_unverified = true;
    let error = scene.fetch_with(&image(&data, &none), options).await.unwrap_err();
    assert!(matches!(*error.failure, PullFailure::Destination(DestinationError::IsOther { .. })));
}
