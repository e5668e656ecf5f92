//! Downloads with every fault of the connection, and the files that they leave.
//!
//! The service is scripted byte by byte. The expected hashes come from independent library crates, so that an
//! error of the tested hashers cannot confirm itself.

mod converted;
mod existing;
mod ranges;
mod scene;
mod sequential;
#[cfg(unix)]
mod sparse;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use self::scene::{ID, MIB, RecordedEvents, Response, SIZE, Scripted, image, is_same, quick};
use futures_util::StreamExt as _;
use imgpush_engine::client::{Image, Status};
use imgpush_engine::source::{FileSource, Source};
use imgpush_engine::{
    CancellationToken, ComparedWith, DestinationError, Download, DownloadOptions, IntegrityError,
    PartialOutcome, Phase, PullFailure, Push, PushOptions, TransferInterrupted, Verification,
    VerifiedBy,
};
use imgpush_scene::{Scene, hex, pattern, sha512};
use md5::Md5;
use serde_json::json;
use sha2::{Digest as _, Sha256};

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_image_is_downloaded_and_verified() {
    let scene = Scene::start().await;
    let client = &scene.client;
    let folder = tempfile::tempdir().unwrap();
    let (source, destination) = (folder.path().join("source"), folder.path().join("destination"));
    let data = pattern(SIZE);
    std::fs::write(&source, &data).unwrap();
    let cancel = CancellationToken::new();
    let push = Push::new(client.clone(), PushOptions::named("noble"));
    let pushed = push.run(Box::new(FileSource::open(&source).unwrap()), &cancel).await.unwrap();

    let image = client.find_existing("noble").await.unwrap();
    let download = Download::new(client.clone(), DownloadOptions::default()).on_cloud("sandbox");
    // On another task: the future is `Send`.
    let report = tokio::spawn({
        let (download, image, path) = (download.clone(), image.clone(), destination.clone());
        async move { download.to_file(&image, path, &CancellationToken::new()).await }
    });
    let report = report.await.unwrap().unwrap();
    assert!(is_same(&destination, &data));
    assert_eq!((report.id, report.size), (pushed.id, SIZE as u64));
    assert!(report.verified);
    assert_eq!(report.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);
    assert_eq!(report.digests["sha512"], sha512(&data));
    assert_eq!(report.digests["md5"], hex(Md5::digest(&data)));
    assert_eq!((report.attempts, report.resumed_from), (1, 0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "a partial file is left");

    let verification = Verification::new(client.clone(), DownloadOptions::default());
    let report = verification.against_download(&image, &cancel).await.unwrap();
    assert_eq!((report.verified, report.against), (true, ComparedWith::Download));
    let file = Box::new(FileSource::open(&destination).unwrap());
    let report = verification.against_file(&image, file, &cancel).await.unwrap();
    assert_eq!((report.verified, report.against), (true, ComparedWith::File));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_anywhere_is_resumed() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    for at in [0, 1, SIZE as u64 / 2, MIB as u64, SIZE as u64 - 1] {
        for ranges in [true, false] {
            let scene = Scripted::with_ranges(data.clone(), [Response::Cut(at)], ranges).await;
            let report = scene.fetch(&image).await.unwrap();
            assert!(is_same(&scene.destination(), &data), "{at}, {ranges}");
            assert_eq!(scene.asked(), [0, at], "{ranges}");
            assert_eq!((report.attempts, report.resumed_from), (2, 0));
            assert_eq!(scene.files().len(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_attempts_without_data_count_as_retries() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    let mut options = quick();
    options.retries = 2;
    // One byte with each request, and sometimes none.
    let script = [[Response::Cut(1), Response::Status(503)], [Response::Cut(1), Response::Cut(0)]]
        .concat()
        .repeat(10);
    let scene = Scripted::new(data.clone(), script).await;
    let report = scene.fetch_with(&image, options.clone()).await.unwrap();
    assert_eq!(report.attempts, 41);
    assert!(is_same(&scene.destination(), &data));

    // A service without ranges makes no progress by sending the same data again.
    let scene = Scripted::with_ranges(data.clone(), [Response::Cut(5); 3], false).await;
    let error = scene.fetch_with(&image, options).await.unwrap_err();
    assert!(matches!(*error.failure, PullFailure::GaveUp { at: 5, attempts: 3, .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_partial_file_of_a_failed_download_is_resumed() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    let half = SIZE as u64 / 2;
    let scene = Scripted::new(
        data.clone(),
        [Response::Cut(half), Response::Status(502), Response::Status(503)],
    )
    .await;
    let mut options = quick();
    options.retries = 2;
    let error = scene.fetch_with(&image, options).await.unwrap_err();
    let PullFailure::GaveUp { at, attempts: 3, retries: 2, source: TransferInterrupted::Client(_) } =
        *error.failure
    else {
        panic!("{error:?}")
    };
    assert_eq!(at, half);
    assert_eq!(error.partial, PartialOutcome::Kept { path: scene.partial(), bytes: half });
    assert_eq!(scene.files(), [scene.partial()]);

    scene.service.script.lock().unwrap().clear();
    let events = Arc::new(RecordedEvents::default());
    let report = scene
        .download(quick())
        .with_progress(events.clone())
        .to_file(&image, scene.destination(), &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(scene.asked(), [0, half, half, half]);
    assert_eq!((report.resumed_from, report.attempts), (half, 1));
    assert!(is_same(&scene.destination(), &data));
    let phases = events.phases.lock().unwrap().clone();
    assert_eq!(phases, [Phase::Resuming, Phase::Downloading, Phase::Verifying]);
    let sent = events.sent.lock().unwrap().clone();
    assert!(sent.is_sorted() && sent.contains(&half), "{sent:?}");
    assert_eq!(sent.last(), Some(&(SIZE as u64)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_file_is_accepted_only_if_the_digests_match() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));

    // A complete file: no data is requested.
    let scene = Scripted::new(data.clone(), []).await;
    std::fs::write(scene.partial(), &data).unwrap();
    let report = scene.fetch(&image).await.unwrap();
    assert_eq!((report.resumed_from, report.attempts), (SIZE as u64, 0));
    assert!(scene.asked().is_empty());
    assert!(is_same(&scene.destination(), &data));

    // Too large for this image: the download starts again.
    let scene = Scripted::new(data.clone(), []).await;
    std::fs::write(scene.partial(), vec![9; SIZE + 1]).unwrap();
    assert_eq!(scene.fetch(&image).await.unwrap().resumed_from, 0);
    assert_eq!(scene.asked(), [0]);

    // Wrong at its start, or later: detected, and the download starts again.
    for at in [0, MIB / 2, MIB - 1] {
        let scene = Scripted::new(data.clone(), []).await;
        let mut wrong = data[..MIB].to_vec();
        wrong[at] ^= 1;
        std::fs::write(scene.partial(), wrong).unwrap();
        let report = scene.fetch(&image).await.unwrap();
        assert_eq!((report.resumed_from, report.verified), (0, true));
        assert_eq!(scene.asked(), [MIB as u64, 0]);
        assert!(is_same(&scene.destination(), &data));
        assert_eq!(scene.files(), [scene.destination()]);
    }
    // The same for a file with the length of the image.
    let scene = Scripted::new(data.clone(), []).await;
    std::fs::write(scene.partial(), vec![9; SIZE]).unwrap();
    assert_eq!(scene.fetch(&image).await.unwrap().resumed_from, 0);
    assert!(is_same(&scene.destination(), &data));
    // If the service sends the complete image, the different start is detected at once.
    let scene = Scripted::with_ranges(data.clone(), [], false).await;
    std::fs::write(scene.partial(), vec![9; MIB]).unwrap();
    assert_eq!(scene.fetch(&image).await.unwrap().resumed_from, 0);
    assert_eq!(scene.asked(), [MIB as u64, 0]);

    // If the data of the service is wrong, that is detected, and no file is left.
    let mut bad = data.clone();
    bad[5] ^= 1;
    let scene = Scripted::new(bad.clone(), []).await;
    std::fs::write(scene.partial(), &bad[..MIB]).unwrap();
    let error = scene.fetch(&image).await.unwrap_err();
    assert!(matches!(
        *error.failure,
        PullFailure::Integrity(IntegrityError::Differs { field: "os_hash_value", .. })
    ));
    assert_eq!(error.partial, PartialOutcome::Removed { path: scene.partial() });
    assert_eq!(scene.asked(), [MIB as u64, 0]);
    assert!(scene.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_byte_leaves_nothing_behind() {
    let good = pattern(SIZE);
    let image = image(&good, &json!({}));
    for at in [0, SIZE / 2, SIZE - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let found = sha512(&bad);
        let scene = Scripted::new(bad, []).await;
        let error = scene.fetch(&image).await.unwrap_err();
        let PullFailure::Integrity(IntegrityError::Differs {
            field: "os_hash_value",
            expected,
            found: computed,
            ..
        }) = &*error.failure
        else {
            panic!("{error:?}")
        };
        assert_eq!((&**expected, computed), (image.hash_value().unwrap(), &found));
        assert_eq!(error.partial, PartialOutcome::Removed { path: scene.partial() });
        assert!(scene.files().is_empty(), "{:?}", scene.files());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fields_of_the_image_decide_the_comparison() {
    let data = pattern(SIZE);
    let none = json!({"os_hash_algo": null, "os_hash_value": null, "checksum": null});
    let sha256 = json!({"os_hash_algo": "sha256", "os_hash_value": hex(Sha256::digest(&data))});
    let only_md5 = json!({"os_hash_algo": null, "os_hash_value": null});
    let no_md5 = json!({"checksum": null});
    for (changes, by) in [
        (&sha256, &[VerifiedBy::OsHashValue, VerifiedBy::Checksum][..]),
        (&only_md5, &[VerifiedBy::Checksum]),
        (&no_md5, &[VerifiedBy::OsHashValue]),
    ] {
        let scene = Scripted::new(data.clone(), []).await;
        let report = scene.fetch(&image(&data, changes)).await.unwrap();
        assert_eq!((report.verified, &report.verified_by[..]), (true, by), "{changes}");
    }
    for (field, changes) in [
        ("os_hash_value", json!({"os_hash_value": "00"})),
        ("checksum", json!({"checksum": hex([7; 16])})),
        ("size", json!({"size": SIZE - 1})),
        ("size", json!({"size": SIZE + 1})),
    ] {
        let scene = Scripted::new(data.clone(), []).await;
        let error = scene.fetch(&image(&data, &changes)).await.unwrap_err();
        match &*error.failure {
            PullFailure::Integrity(IntegrityError::Differs { field: found, .. }) => {
                assert_eq!(*found, field);
            }
            other => panic!("{changes}: {other:?}"),
        }
        assert!(scene.files().is_empty(), "{changes}");
    }

    let mut allowed = quick();
    allowed.allow_unverified = true;
    let unknown = json!({"os_hash_algo": "sm3"});
    for (changes, by) in [(&none, &[][..]), (&unknown, &[VerifiedBy::Checksum])] {
        let scene = Scripted::new(data.clone(), []).await;
        let image = image(&data, changes);
        let error = scene.fetch(&image).await.unwrap_err();
        assert!(
            matches!(*error.failure, PullFailure::Integrity(IntegrityError::CannotVerify { .. })),
            "{error:?}"
        );
        assert!(scene.asked().is_empty(), "data that cannot be verified is not downloaded");
        let report = scene.fetch_with(&image, allowed.clone()).await.unwrap();
        assert_eq!((report.verified, &report.verified_by[..]), (false, by));
        assert!(report.unverified_because.is_some());
        assert!(is_same(&scene.destination(), &data));
    }
    // Data that cannot be compared is allowed, but not data that differs.
    let scene = Scripted::new(data.clone(), []).await;
    let wrong = image(&data, &json!({"os_hash_algo": "sm3", "checksum": hex([7; 16])}));
    let error = scene.fetch_with(&wrong, allowed).await.unwrap_err();
    assert!(
        matches!(
            *error.failure,
            PullFailure::Integrity(IntegrityError::Differs { field: "checksum", .. })
        ),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_file_is_left_unchanged() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    let scene = Scripted::new(data.clone(), []).await;
    std::fs::write(scene.destination(), "precious").unwrap();
    let error = scene.fetch(&image).await.unwrap_err();
    let PullFailure::Destination(DestinationError::Exists { path }) = &*error.failure else {
        panic!("{error:?}")
    };
    assert_eq!(*path, scene.destination());
    assert_eq!((error.partial, scene.asked()), (PartialOutcome::Nothing, vec![]));
    assert!(is_same(&scene.destination(), b"precious"));

    // The same for a file that is created in the meantime. The verified data is kept, and used when
    // overwriting is allowed.
    let other = Scripted::new(data.clone(), [Response::Stall(MIB as u64)]).await;
    let mut options = quick();
    options.idle_timeout = Duration::from_millis(300);
    let (error, ()) = tokio::join!(other.fetch_with(&image, options), async {
        while !other.partial().exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::fs::write(other.destination(), "precious").unwrap();
    });
    let error = error.unwrap_err();
    assert!(
        matches!(*error.failure, PullFailure::Destination(DestinationError::Exists { .. })),
        "{error:?}"
    );
    assert!(matches!(error.partial, PartialOutcome::Kept { .. }));
    assert!(is_same(&other.destination(), b"precious"));
    let mut options = quick();
    options.overwrite = true;
    assert_eq!(other.fetch_with(&image, options).await.unwrap().attempts, 0);
    assert!(is_same(&other.destination(), &data));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_keeps_the_received_data() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    let came = 2 * MIB as u64 + 5;
    let scene = Scripted::new(data.clone(), [Response::Stall(came)]).await;
    let cancel = CancellationToken::new();
    let events = Arc::new(RecordedEvents::default());
    let download = scene.download(quick()).with_progress(events.clone());
    let (result, ()) =
        tokio::join!(download.to_file(&image, scene.destination(), &cancel), async {
            while events.sent.lock().unwrap().last() != Some(&came) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            cancel.cancel();
        });
    let error = result.unwrap_err();
    assert!(matches!(*error.failure, PullFailure::Interrupted), "{error:?}");
    assert_eq!(error.partial, PartialOutcome::Kept { path: scene.partial(), bytes: came });
    let report = scene.fetch(&image).await.unwrap();
    assert_eq!((report.resumed_from, scene.asked()), (came, vec![0, came]));
    assert!(is_same(&scene.destination(), &data));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_connection_is_replaced() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    let scene =
        Scripted::new(data.clone(), [Response::Stall(MIB as u64), Response::Stall(0)]).await;
    let mut options = quick();
    options.idle_timeout = Duration::from_millis(200);
    let report = scene.fetch_with(&image, options.clone()).await.unwrap();
    assert_eq!(report.attempts, 3);
    assert!(is_same(&scene.destination(), &data));

    options.retries = 0;
    let scene = Scripted::new(data, [Response::Stall(0)]).await;
    let error = scene.fetch_with(&image, options).await.unwrap_err();
    let PullFailure::GaveUp { source: TransferInterrupted::Stalled { .. }, .. } = &*error.failure
    else {
        panic!("{error:?}")
    };
    assert_eq!(error.partial, PartialOutcome::Nothing);
    assert!(scene.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_is_not_retried() {
    let data = pattern(1000);
    let image = image(&data, &json!({}));
    for status in [400, 403, 404, 410, 416] {
        let scene =
            Scripted::new(data.clone(), [Response::Cut(10), Response::Status(status)]).await;
        let error = scene.fetch(&image).await.unwrap_err();
        let PullFailure::Client { source, .. } = &*error.failure else { panic!("{error:?}") };
        assert_eq!(source.status().unwrap().as_u16(), status);
        assert_eq!(scene.asked(), [0, 10]);
        assert!(matches!(error.partial, PartialOutcome::Kept { bytes: 10, .. }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_page_of_a_proxy_keeps_the_received_data() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    let scene =
        Scripted::new(data.clone(), [Response::Cut(MIB as u64), Response::Status(200)]).await;
    let error = scene.fetch(&image).await.unwrap_err();
    assert!(
        matches!(
            *error.failure,
            PullFailure::Integrity(IntegrityError::Differs { field: "size", .. })
        ),
        "{error:?}"
    );
    assert_eq!(error.partial, PartialOutcome::Kept { path: scene.partial(), bytes: MIB as u64 });
    assert_eq!(scene.fetch(&image).await.unwrap().resumed_from, MIB as u64);
    assert!(is_same(&scene.destination(), &data));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_data_than_the_image_has_is_not_kept() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({"size": SIZE - 1}));
    let scene = Scripted::new(data, [Response::Endless]).await;
    let error = scene.fetch(&image).await.unwrap_err();
    assert!(
        matches!(
            *error.failure,
            PullFailure::Integrity(IntegrityError::Differs { field: "size", .. })
        ),
        "{error:?}"
    );
    assert_eq!(error.partial, PartialOutcome::Removed { path: scene.partial() });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_available_data_is_an_error() {
    let data = pattern(1000);
    let scene = Scripted::new(data.clone(), []).await;
    for status in ["queued", "saving", "importing", "deactivated", "deleted"] {
        let image = image(&data, &json!({"status": status}));
        let error = scene.fetch(&image).await.unwrap_err();
        let PullFailure::Integrity(IntegrityError::NotAvailable { status: found }) =
            &*error.failure
        else {
            panic!("{error:?}")
        };
        assert_eq!(found.as_str(), status);
    }
    assert!(scene.asked().is_empty());
    let closed =
        PullFailure::Integrity(IntegrityError::NotAvailable { status: Status::Deactivated });
    assert_eq!(closed.to_string(), "the image is deactivated: it cannot be downloaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_image_is_an_empty_file() {
    let scene = Scripted::new(Vec::new(), []).await;
    let report = scene.fetch(&image(b"", &json!({}))).await.unwrap();
    assert!(report.verified);
    assert!(is_same(&scene.destination(), b""));
    assert_eq!(scene.download(quick()).stream(&image(b"", &json!({}))).count().await, 0);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_reported_with_its_path() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    let scene = Scripted::new(data, []).await;
    let mut full = tokio::fs::File::options().write(true).open("/dev/full").await.unwrap();
    let cancel = CancellationToken::new();
    let download = scene.download(quick());
    let error = download.to_writer(&image, &mut full, "/dev/full", &cancel).await.unwrap_err();
    let PullFailure::Destination(DestinationError::Full { name, .. }) = &*error.failure else {
        panic!("{error:?}")
    };
    assert_eq!(name, "/dev/full");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_gets_the_complete_image_or_not_its_end() {
    let good = pattern(SIZE);
    let image = image(&good, &json!({}));
    let cancel = CancellationToken::new();

    let scene = Scripted::new(good.clone(), [Response::Cut(3), Response::Cut(MIB as u64)]).await;
    let mut written = Vec::new();
    let download = scene.download(quick());
    let report = download.to_writer(&image, &mut written, "memory", &cancel).await.unwrap();
    assert!(written == good);
    assert_eq!((report.verified, report.attempts, report.path), (true, 3, None));

    let mut bad = good.clone();
    bad[0] ^= 1;
    let scene = Scripted::new(bad, []).await;
    let mut written = Vec::new();
    let download = scene.download(quick());
    let error = download.to_writer(&image, &mut written, "memory", &cancel).await.unwrap_err();
    assert!(matches!(
        *error.failure,
        PullFailure::Integrity(IntegrityError::Differs { field: "os_hash_value", .. })
    ));
    assert!(written.len() < SIZE, "the end was written");
    assert_eq!(error.partial, PartialOutcome::Cut { bytes: written.len() as u64 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_returns_the_complete_image_or_not_its_end() {
    // More than the pool has, and all chunks are kept.
    let good = pattern(12 * MIB + 1);
    let image = image(&good, &json!({}));
    let options = quick();
    let scene = Scripted::new(good.clone(), []).await.within(0);
    let chunks: Vec<_> = scene.download(options.clone()).stream(&image).collect().await;
    let chunks: Vec<_> = chunks.into_iter().map(Result::unwrap).collect();
    assert!(chunks.concat() == good);

    // A small image is one chunk, which is withheld completely.
    for (bytes, most) in [(12 * MIB + 1, 12 * MIB), (1000, 0)] {
        let good = pattern(bytes);
        let mut bad = good.clone();
        bad[bytes - 1] ^= 1;
        let scene = Scripted::new(bad, []).await.within(0);
        let image = self::image(&good, &json!({}));
        let mut stream = scene.download(options.clone()).stream(&image);
        let mut given = 0;
        let error = loop {
            match stream.next().await.unwrap() {
                Ok(chunk) => given += chunk.len(),
                Err(error) => break error,
            }
        };
        assert_eq!(given, most);
        assert!(
            matches!(*error.failure, PullFailure::Integrity(IntegrityError::Differs { .. })),
            "{error:?}"
        );
        assert!(stream.next().await.is_none(), "an item follows the error");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_few_buffers_are_read_ahead_of_a_slow_reader() {
    let size = 256 * MIB;
    let data = vec![7; size];
    let record = json!({"id": ID, "status": "active", "size": size, "checksum": hex([0; 16])});
    let image: Image = serde_json::from_value(record).unwrap();
    let scene = Scripted::new(data, []).await.within(0);
    let (mut writer, _reader) = tokio::io::duplex(64 << 10);
    let download = scene.download(quick());
    let cancel = CancellationToken::new();
    let error = tokio::join!(download.to_writer(&image, &mut writer, "slow", &cancel), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cancel.cancel();
    });
    assert!(matches!(*error.0.unwrap_err().failure, PullFailure::Interrupted));
    let sent = scene.service.sent.load(Ordering::Relaxed);
    // Two chunks in this process; the rest is in the socket buffers of the system.
    assert!(sent > 0 && sent < 24 * MIB as u64, "{sent} bytes were taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_compared_with_the_fields_of_the_image() {
    let data = pattern(SIZE);
    let scene = Scripted::new(data.clone(), []).await;
    let verification =
        Verification::new(scene.client.clone(), DownloadOptions::default()).on_cloud("scripted");
    let cancel = CancellationToken::new();
    let file = |content: &[u8]| -> Box<dyn Source> {
        let path = scene.folder.path().join("file");
        std::fs::write(&path, content).unwrap();
        Box::new(FileSource::open(path).unwrap())
    };
    for status in ["active", "deactivated"] {
        let image = image(&data, &json!({"status": status}));
        let report = verification.against_file(&image, file(&data), &cancel).await.unwrap();
        assert_eq!(report.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);
        assert_eq!(report.digests["sha512"], sha512(&data));
    }

    let good = image(&data, &json!({}));
    let failure = async |image: &Image, source| {
        *verification.against_file(image, source, &cancel).await.unwrap_err().failure
    };
    let mut other = data.clone();
    other[SIZE / 2] ^= 1;
    match failure(&good, file(&other)).await {
        PullFailure::Integrity(IntegrityError::Differs {
            field: "os_hash_value",
            expected,
            found,
            what,
        }) => {
            assert_eq!(expected, sha512(&data));
            assert_eq!(found, sha512(&other));
            assert!(what.ends_with("file"), "{what}");
        }
        other => panic!("{other:?}"),
    }
    let shorter = failure(&good, Box::new(Unread(SIZE as u64 - 1))).await;
    assert!(
        matches!(shorter, PullFailure::Integrity(IntegrityError::Differs { field: "size", .. })),
        "{shorter:?}"
    );
    let queued = image(&data, &json!({"status": "queued", "os_hash_value": null}));
    assert!(matches!(
        failure(&queued, file(&data)).await,
        PullFailure::Integrity(IntegrityError::NotAvailable { .. })
    ));
    let unknown = image(&data, &json!({"os_hash_algo": "sm3"}));
    assert!(matches!(
        failure(&unknown, file(&data)).await,
        PullFailure::Integrity(IntegrityError::CannotVerify { .. })
    ));
    assert!(scene.asked().is_empty(), "a file is compared without a request for data");
}

/// A source of this size that must not be read.
struct Unread(u64);

impl Source for Unread {
    fn name(&self) -> &str {
        "unread"
    }

    fn size(&self) -> Option<u64> {
        Some(self.0)
    }

    fn next_chunk(
        &mut self,
        _: &imgpush_engine::pool::Pool,
    ) -> Result<Option<imgpush_engine::source::Chunk>, imgpush_engine::SourceError> {
        unreachable!("the size differs already")
    }

    fn check(&mut self) -> Result<(), imgpush_engine::SourceError> {
        unreachable!("the size differs already")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn corruption_in_the_store_is_detected_by_a_download() {
    let good = pattern(SIZE);
    let image = image(&good, &json!({}));
    let cancel = CancellationToken::new();
    let scene = Scripted::new(good.clone(), [Response::Cut(5)]).await;
    let verification = Verification::new(scene.client.clone(), quick());
    let report = verification.against_download(&image, &cancel).await.unwrap();
    assert_eq!(
        (report.against, report.size, report.source),
        (ComparedWith::Download, SIZE as u64, None)
    );

    let mut bad = good;
    bad[5] ^= 1;
    let scene = Scripted::new(bad, []).await;
    let verification = Verification::new(scene.client.clone(), quick());
    let error = verification.against_download(&image, &cancel).await.unwrap_err();
    assert!(matches!(
        *error.failure,
        PullFailure::Integrity(IntegrityError::Differs { field: "os_hash_value", .. })
    ));
}
