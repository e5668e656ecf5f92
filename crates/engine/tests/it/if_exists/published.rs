//! Sources with published digests.

use std::io::{Cursor, Read as _};
use std::sync::atomic::Ordering;

use imgpush_engine::checksum::{ChecksumList, Expected};
use imgpush_engine::source::{ReaderSource, Source};
use imgpush_engine::{
    IfExists, PushAction, PushFailure, Retire, SourceError, TransferError, VerifiedBy,
};
use imgpush_scene::Scene;

use super::scene::{
    NAME, active, data, derived, images, only, options, push, record, record_of, sha256, sha512,
};
use crate::counted::Counted;

fn with_digest(digest: &str, source: Box<dyn Source>) -> Box<dyn Source> {
    Expected::default().with_digest(digest.parse().unwrap()).of(source).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_with_a_published_digest_is_read_once() {
    let scene = Scene::start().await;
    let digest = sha256(&data(0));
    let (source, read) = Counted::of(data(0));
    let report = push(&scene, options(IfExists::Skip), with_digest(&digest, source)).await.unwrap();
    assert_eq!(report.id, derived(&digest, 0, NAME));
    assert_eq!(read.load(Ordering::Relaxed), data(0).len() as u64);

    let before = scene.requests(0).len();
    let (source, read) = Counted::of(data(0));
    let again = push(&scene, options(IfExists::Skip), with_digest(&digest, source)).await.unwrap();
    assert_eq!((again.action, again.id), (PushAction::Skipped, report.id));
    // The service uses another algorithm than the published digest, and an id is no evidence.
    assert_eq!(again.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);
    assert_eq!(read.load(Ordering::Relaxed), data(0).len() as u64);
    assert_eq!(scene.requests(before), ["GET /v2/images"]);

    // A pipe cannot be compared.
    let pipe = Box::new(ReaderSource::new("a pipe", Cursor::new(data(0))));
    let error =
        push(&scene, options(IfExists::Skip), with_digest(&digest, pipe)).await.unwrap_err();
    assert!(matches!(*error.failure, PushFailure::NotComparable { .. }), "{error:?}");
}

/// Every member of the project can compute the id and create an image with it.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_with_the_right_id_and_other_data_is_never_accepted() {
    let digest = sha256(&data(0));
    for (mode, number) in [(IfExists::Rename, 0), (IfExists::Replace(Retire::Delete), 1)] {
        let scene = Scene::start().await;
        let squatter = record_of(&derived(&digest, 0, NAME));
        let wrong = active(&scene.client, &squatter, &data(1)).await;
        let (source, _) = Counted::of(data(0));
        let report = push(&scene, options(mode), with_digest(&digest, source)).await.unwrap();
        assert_eq!(report.action, PushAction::Pushed, "{mode:?}");
        let name = if number == 0 { "nightly-2" } else { NAME };
        assert_eq!(report.id, derived(&digest, number, name), "{mode:?}");
        assert_eq!(report.os_hash_value.unwrap(), sha512(&data(0)).replace("sha512:", ""));
        assert!(report.replaced.iter().all(|replaced| replaced.id == wrong.id()));
    }
    let scene = Scene::start().await;
    let squatter = record_of(&derived(&digest, 0, NAME));
    active(&scene.client, &squatter, &data(1)).await;
    let (source, _) = Counted::of(data(0));
    let error =
        push(&scene, options(IfExists::Skip), with_digest(&digest, source)).await.unwrap_err();
    assert!(matches!(*error.failure, PushFailure::Exists { .. }), "{error:?}");
}

/// A source that can be read only once is read for the comparison.
#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_is_compared_with_the_image_of_another_run() {
    let scene = Scene::start().await;
    let digest = sha256(&data(0));
    let mut derive = options(IfExists::Add);
    derive.derive_id = true;
    let pipe = |bytes: Vec<u8>| Box::new(ReaderSource::new("a pipe", Cursor::new(bytes)));
    let first = push(&scene, derive.clone(), with_digest(&digest, pipe(data(0)))).await.unwrap();
    assert_eq!(first.id, derived(&digest, 0, NAME));
    let again = push(&scene, derive, with_digest(&digest, pipe(data(0)))).await.unwrap();
    assert_eq!((again.action, &again.id), (PushAction::TakenOver, &first.id));
    assert_eq!(again.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);
    assert_eq!(only(&scene).await.id(), first.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_with_a_published_hash_needs_no_pass() {
    let scene = Scene::start().await;
    let image = active(&scene.client, &record(NAME), &data(0)).await;
    let (source, read) = Counted::of(data(0));
    let source = with_digest(&sha512(&data(0)), source);
    let report = push(&scene, options(IfExists::Skip), source).await.unwrap();
    assert_eq!((&*report.id, &*report.verified_by), (image.id(), &[VerifiedBy::OsHashValue][..]));
    assert_eq!(read.load(Ordering::Relaxed), 0);
}

/// An image with such an id exists only if its source has the published digest.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_differs_from_its_digest_gets_no_image_of_that_id() {
    let scene = Scene::start().await;
    let digest = sha256(&data(1));
    let (source, _) = Counted::of(data(0));
    let error =
        push(&scene, options(IfExists::Skip), with_digest(&digest, source)).await.unwrap_err();
    let PushFailure::Transfer(TransferError::Source(source)) = &*error.failure else {
        panic!("{error:?}")
    };
    assert!(matches!(**source, SourceError::Unverified(_)));
    assert!(images(&scene).await.is_empty());
}

/// The digest of the compressed data is not the digest of its content.
#[tokio::test(flavor = "multi_thread")]
async fn compressed_data_and_its_content_have_different_ids() {
    let scene = Scene::start().await;
    let mut packed = Vec::new();
    let content = data(0);
    let mut packing = flate2::read::GzEncoder::new(&content[..], flate2::Compression::fast());
    packing.read_to_end(&mut packed).unwrap();
    let digest = sha256(&packed);
    let line = format!("{}  disk.raw.gz\n", digest.trim_start_matches("sha256:"));
    let list = ChecksumList::parse("SHA256SUMS", line.as_bytes()).unwrap();
    let expected = Expected::default().with_list(list).with_name("disk.raw.gz");
    let path = scene.write("disk.raw.gz", &packed);
    let open = |unpack| {
        let mut options = imgpush_engine::source::SourceOptions::default();
        options.decompress = unpack;
        imgpush_engine::source::open_blocking(&path, &options).unwrap()
    };
    for (action, verified_by) in [
        (PushAction::Pushed, &[VerifiedBy::OsHashValue, VerifiedBy::Checksum][..]),
        (PushAction::Skipped, &[VerifiedBy::OsHashValue, VerifiedBy::Checksum]),
    ] {
        let source = expected.of(open(true)).unwrap();
        let report = push(&scene, options(IfExists::Skip), source).await.unwrap();
        assert_eq!((report.action, &*report.verified_by), (action, verified_by));
        assert_eq!(report.id, derived(&format!("{digest}:packed"), 0, NAME));
    }
    let mut as_it_is = options(IfExists::Rename);
    as_it_is.disk_format = Some("raw".to_owned());
    as_it_is.force_format = true;
    let report = push(&scene, as_it_is, expected.of(open(false)).unwrap()).await.unwrap();
    assert_eq!(report.id, derived(&digest, 0, "nightly-2"));
}
