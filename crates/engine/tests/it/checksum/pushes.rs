//! Pushes of sources with right and wrong digests.

use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use imgpush_engine::checksum::{ChecksumList, Expected};
use imgpush_engine::client::{Image, Status};
use imgpush_engine::source::{ChecksumError, FileSource, HttpOptions, ReaderSource, open};
use imgpush_engine::{
    Algorithm, CancellationToken, SourceError, Staging, StagingOptions, TransferError, VerifiedBy,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

use super::scene::{
    BYTES, content, differs, push, push_place, serve, sha256, sha512, unpacking, xz,
};

fn digest(text: &str) -> Expected {
    Expected::default().with_digest(text.parse().unwrap())
}

fn list(text: &str) -> Expected {
    Expected::default().with_list(ChecksumList::parse("SHA256SUMS", text.as_bytes()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_the_expected_digest_is_pushed_and_its_verification_reported() {
    let scene = Scene::start_open().await;
    let data = content(0);
    let file = scene.write("disk.img", &data);
    let right = sha256(&data);

    let report = push_place(&scene, &file, &digest(&format!("SHA256={right}"))).await.unwrap();
    assert_eq!(report.provenance.source_verified_by, [Algorithm::Sha256]);
    assert_eq!(report.provenance.source_signed_by, None);
    // Computed in the same pass as the digests of the service.
    assert_eq!(report.digests["sha256"], right);
    assert_eq!(report.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);

    let both = list(&format!("{right} *./a/disk.img\nSHA512 (disk.img) = {}\n", sha512(&data)));
    let report = push_place(&scene, &file, &both).await.unwrap();
    assert_eq!(report.provenance.source_verified_by, [Algorithm::Sha256, Algorithm::Sha512]);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["source_verified_by"], serde_json::json!(["sha256", "sha512"]));
    assert_eq!(json["source_checksums"][0]["list"], "SHA256SUMS");

    let report = push_place(&scene, &file, &Expected::default()).await.unwrap();
    assert_eq!(serde_json::to_value(&report).unwrap()["source_verified_by"], serde_json::json!([]));
    assert_eq!(report.digests.len(), 2);
    assert_eq!(scene.images().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_one_wrong_bit_never_becomes_an_image() {
    let scene = Scene::start_open().await;
    let right = content(0);
    for at in [0, BYTES / 2, BYTES - 1] {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        let file = scene.write("disk.img", &wrong);
        let source = digest(&sha256(&right)).of(Box::new(FileSource::open(&file).unwrap()));
        let said = differs(&scene, source.unwrap()).await;
        assert_eq!((said.name, said.algorithm), (file.display().to_string(), Algorithm::Sha256));
        assert_eq!((said.expected, said.found), (sha256(&right), vec![sha256(&wrong)]));
    }
    // One right and one wrong digest fail, in any order.
    let file = scene.write("disk.img", &right);
    for wrong in ["md5", "sha512", "blake2b"] {
        let hex = "0".repeat(if wrong == "md5" { 32 } else { 128 });
        for order in
            [[format!("{wrong}:{hex}"), sha256(&right)], [sha256(&right), format!("{wrong}:{hex}")]]
        {
            let [first, second] = order.map(|text| text.parse().unwrap());
            let expected = Expected::default().with_digest(first).with_digest(second);
            let source = expected.of(Box::new(FileSource::open(&file).unwrap())).unwrap();
            differs(&scene, source).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_is_verified_at_its_end_and_a_truncated_one_is_rejected() {
    let scene = Scene::start_open().await;
    let data = content(0);
    let expected = list(&format!("{}  noble.img\n", sha256(&data))).with_name("noble.img");
    let pipe =
        |data: Vec<u8>| expected.of(Box::new(ReaderSource::new("-", Cursor::new(data)))).unwrap();
    let report = push(&scene, pipe(data.clone())).await.unwrap();
    assert_eq!(report.provenance.source_verified_by, [Algorithm::Sha256]);
    scene.client.delete(&report.id).await.unwrap();
    for cut in [512, BYTES / 2, BYTES - 1] {
        differs(&scene, pipe(data[..cut].to_vec())).await;
    }
    // Less than a sector is no disk.
    assert!(push(&scene, pipe(data[..1].to_vec())).await.is_err());
}

/// By the digest of the compressed file, by the digest of its content, and by either without a file name;
/// from a file, a pipe and an address.
#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_source_is_verified_by_its_own_digest_or_that_of_its_content() {
    let scene = Scene::start_open().await;
    let (data, other) = (content(0), content(1));
    let compressed = xz(&data);
    let file = scene.write("noble.img.xz", &compressed);
    let address = serve(&scene);
    let (outer, inner) = (sha256(&compressed), sha256(&data));
    let good = [
        (digest(&outer), "source"),
        (digest(&inner), "content"),
        (list(&format!("{outer}  noble.img.xz\n")), "source"),
        (list(&format!("{inner}  noble.img\n")), "content"),
        (list(&format!("{outer}  noble.img.xz\n{inner}  noble.img\n")), "source"),
        // A list with a single digest, as some mirrors publish beside each file.
        (list(&outer), "source"),
        (list(&format!("{inner}\n")), "content"),
    ];
    for (expected, of) in good {
        let expected = expected.with_name("noble.img.xz");
        let pipe = ReaderSource::new("-", Cursor::new(compressed.clone()));
        let pipe = imgpush_engine::source::Decompressed::new(
            Box::new(pipe),
            imgpush_engine::source::Compression::Xz,
        );
        let url = format!("{address}/noble.img.xz?sig=secret");
        for source in [
            open(&file, &unpacking()).await.unwrap(),
            open(Path::new(&url), &unpacking()).await.unwrap(),
            Box::new(pipe.unwrap()),
        ] {
            let report = push(&scene, expected.of(source).unwrap()).await.unwrap();
            assert_eq!(report.size, Some(BYTES as u64));
            assert_eq!(report.provenance.source_checksums[0].of.name(), of);
            assert_eq!(report.provenance.source_verified_by, [Algorithm::Sha256]);
            scene.client.delete(&report.id).await.unwrap();
        }
    }
    let wrong = sha256(&other);
    for expected in [
        digest(&wrong),
        list(&format!("{wrong}  noble.img.xz\n")),
        list(&format!("{wrong}  noble.img\n")),
        list(&format!("{outer}  noble.img.xz\n{wrong}  noble.img\n")),
        list(&format!("{wrong}  noble.img.xz\n{inner}  noble.img\n")),
        // Each name has the digest of the other.
        list(&format!("{inner}  noble.img.xz\n")),
        list(&format!("{outer}  noble.img\n")),
        list(&wrong),
    ] {
        let source = expected.of(open(&file, &unpacking()).await.unwrap()).unwrap();
        differs(&scene, source).await;
    }
}

/// xz allows padding after the last stream. The decoder ignores it, but it is part of the file.
#[tokio::test(flavor = "multi_thread")]
async fn padding_of_a_compressed_file_counts_for_its_digest() {
    let scene = Scene::start_open().await;
    let data = content(0);
    let compressed = xz(&data);
    let padded = [&compressed[..], &[0; 3 << 20]].concat();
    let file = scene.write("noble.img.xz", &padded);
    let right = list(&format!("{}  noble.img.xz\n", sha256(&padded)));
    assert!(push_place(&scene, &file, &right).await.unwrap().verified);
    let scene = Scene::start_open().await;
    let short = list(&format!("{}  noble.img.xz\n", sha256(&compressed)));
    let source = short.of(open(&file, &unpacking()).await.unwrap()).unwrap();
    differs(&scene, source).await;
}

/// An expired token: data that is sent again is hashed again. The data is small, so that the response is not
/// lost by a connection reset.
#[tokio::test(flavor = "multi_thread")]
async fn a_retried_upload_is_verified_again() {
    let scene = Scene::start().await;
    let data = &content(0)[..5000];
    for (name, bytes) in [("noble.img", data.to_vec()), ("noble.img.xz", xz(data))] {
        let file = scene.write(name, &bytes);
        let text = format!("{}  {name}\n{}  noble.img\n", sha256(&bytes), sha256(data));
        scene.sandbox().inject(Operation::Upload, Fault::ExpireToken);
        let report = push_place(&scene, &file, &list(&text)).await.unwrap();
        assert_eq!(report.attempts, 2, "{name}");
        assert_eq!(report.provenance.source_verified_by, [Algorithm::Sha256]);
        scene.client.delete(&report.id).await.unwrap();
    }
    scene.sandbox().inject(Operation::Upload, Fault::ExpireToken);
    let wrong = list(&format!("{}  noble.img.xz\n", sha256(b"else")));
    let place = scene.path("noble.img.xz");
    let source = wrong.of(open(&place, &unpacking()).await.unwrap()).unwrap();
    differs(&scene, source).await;
}

/// If a service rejects the upload early, that is the error, and not the digest of incomplete data.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_upload_is_not_reported_as_a_wrong_digest() {
    let scene = Scene::start_open().await;
    // Long enough that the connection breaks far from the end.
    let long = std::io::Read::take(std::io::repeat(0), 512 << 20);
    let source = digest(&sha256(b"else")).of(Box::new(ReaderSource::new("long", long))).unwrap();
    scene.sandbox().inject(Operation::Upload, Fault::DropAfter(1 << 20));
    let error = push(&scene, source).await.unwrap_err();
    // The source is a pipe, so there is no retry.
    assert!(
        matches!(error.failure.transfer_error(), Some(TransferError::Broken { .. })),
        "{:?}",
        error.failure
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn staged_data_is_verified_too() {
    let scene = Scene::start_open().await;
    let data = content(0);
    let file = scene.write("disk.img", &data);
    let staging = Staging::new(scene.client.clone(), StagingOptions::default());
    let stage = async |expected: Expected| {
        let record = imgpush_engine::client::NewImage::named("staged");
        let image = scene.client.create(&record).await.unwrap();
        let source = expected.of(open(&file, &unpacking()).await.unwrap()).unwrap();
        let staged = staging.run(&image, source, &CancellationToken::new()).await;
        (staged, image)
    };
    let status = async |image: &Image| scene.client.image(image.id()).await.unwrap().status();
    let (staged, image) = stage(digest(&sha256(&data))).await;
    assert_eq!(staged.unwrap().provenance.source_verified_by, [Algorithm::Sha256]);
    assert_eq!(status(&image).await, Status::Uploading);
    let (staged, image) = stage(digest(&sha256(b"else"))).await;
    let failure = *staged.unwrap_err().failure;
    assert!(matches!(failure.source_error(), Some(SourceError::Unverified(_))), "{failure:?}");
    // The service needs a moment to notice the closed connection.
    for _ in 0..100 {
        if status(&image).await == Status::Queued {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the service has kept the rejected data");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_from_a_file_or_an_address_without_showing_secrets() {
    let scene = Scene::start_open().await;
    let data = content(0);
    let file = scene.write("noble+1.img", &data);
    scene.write("SHA256SUMS", format!("{} *noble+1.img\n", sha256(&data)));
    let address = serve(&scene);
    let http = HttpOptions::default();
    let place = scene.path("SHA256SUMS");
    let url = format!("{}/SHA256SUMS?sig=hunter2", address.replace("//", "//u:hunter2@"));
    for place in [place.as_path(), Path::new(&url)] {
        let list = ChecksumList::read(place, &http).await.unwrap();
        assert!(!list.name().contains("hunter2"), "{}", list.name());
        let expected = Expected::default().with_list(list);
        let from_web = format!("{address}/noble%2B1.img?token=hunter2");
        for place in [file.as_path(), Path::new(&from_web)] {
            let report = push_place(&scene, place, &expected).await.unwrap();
            assert_eq!(report.provenance.source_verified_by, [Algorithm::Sha256]);
        }
    }
    for missing in [scene.path("none"), format!("{address}/none").into()] {
        let error = ChecksumList::read(&missing, &http).await.unwrap_err();
        assert!(matches!(error, ChecksumError::Unreadable { .. }), "{error:?}");
    }
    let zeros = scene.write("huge", b"");
    std::fs::File::options().write(true).open(&zeros).unwrap().set_len(17 << 20).unwrap();
    let error = ChecksumList::read(&zeros, &http).await.unwrap_err();
    assert!(matches!(error, ChecksumError::TooLarge { .. }), "{error:?}");
}
