//! Downloads to files in another format than that of the image.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use imgpush_engine::client::Image;
use imgpush_engine::disks::ReadOptions;
use imgpush_engine::disks::write::{ClusterCompression, WriteOptions};
use imgpush_engine::image_formats::Format;
use imgpush_engine::pool::Pool;
use imgpush_engine::source::BytesSource;
use imgpush_engine::{
    Batch, BatchEvent, BatchOptions, CancellationToken, Conversion, DestinationError,
    DownloadOptions, DownloadReport, ErrorKind, IntegrityError, OutputFormat, PartialOutcome,
    Phase, PullError, PullFailure, PullTask, TaskResult, VerifiedBy, causes,
};
use imgpush_scene::pattern;
use serde_json::{Value, json};

use super::scene::{MIB, RecordedEvents, Response, Scripted, image, is_same, quick};

const CLUSTER: usize = 64 << 10;

/// A disk with zeros, and its qcow2.
fn disk() -> (Vec<u8>, Vec<u8>) {
    let mut disk = pattern(5 * MIB + 512);
    disk[MIB..3 * MIB].fill(0);
    let image = qcow2(&disk, ClusterCompression::Zlib);
    (disk, image)
}

fn qcow2(disk: &[u8], compression: ClusterCompression) -> Vec<u8> {
    let write = WriteOptions::default().with_compression(compression);
    let conversion = Conversion::to(OutputFormat::Qcow2).with_write(write);
    let source = Box::new(BytesSource::new("disk.raw", disk.to_vec()));
    let mut image = conversion.source_blocking(source).unwrap();
    let (pool, mut bytes) = (Pool::within(64 << 20), Vec::new());
    while let Some(chunk) = image.next_chunk(&pool).unwrap() {
        chunk.slices().for_each(|slice| bytes.extend_from_slice(&slice));
    }
    bytes
}

/// A qcow2 whose first and last clusters are stored in exchanged places.
fn out_of_order(disk: &[u8]) -> Vec<u8> {
    let mut image = qcow2(disk, ClusterCompression::None);
    // The header, the L1 table and the L2 table are before the data.
    let (table, data, last) = (2 * CLUSTER, 3 * CLUSTER, disk.len() / CLUSTER - 1);
    let (first_entry, last_entry) = (table, table + 8 * last);
    for n in 0..8 {
        image.swap(first_entry + n, last_entry + n);
    }
    for n in 0..CLUSTER {
        image.swap(data + n, data + last * CLUSTER + n);
    }
    image
}

fn record(data: &[u8], disk_format: &str, changes: &Value) -> Image {
    let mut all = json!({"disk_format": disk_format, "container_format": "bare"});
    for (key, value) in changes.as_object().unwrap() {
        all[key] = value.clone();
    }
    image(data, &all)
}

async fn convert(
    scene: &Scripted,
    image: &Image,
    conversion: &Conversion,
    options: DownloadOptions,
) -> Result<DownloadReport, PullError> {
    let cancel = CancellationToken::new();
    scene.download(options).to_converted_file(image, conversion, scene.destination(), &cancel).await
}

/// The failure of a conversion that leaves nothing.
async fn failure(scene: &Scripted, image: &Image, conversion: &Conversion) -> PullFailure {
    let error = convert(scene, image, conversion, quick()).await.unwrap_err();
    assert_eq!(error.partial, PartialOutcome::Nothing);
    assert!(scene.files().is_empty(), "{:?}", scene.files());
    *error.failure
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_is_verified_and_the_file_has_the_new_format() {
    let (disk, data) = disk();
    for (data, format, to, expected) in [
        (&data, "qcow2", OutputFormat::Raw, &disk),
        (&disk, "raw", OutputFormat::Qcow2, &data),
        (&disk, "iso", OutputFormat::Raw, &disk),
    ] {
        let scene = Scripted::new(data.clone(), []).await.within(0);
        let image = record(data, format, &json!({}));
        let report = convert(&scene, &image, &Conversion::to(to), quick()).await.unwrap();
        assert!(is_same(&scene.destination(), expected), "{format} to {to}");
        assert_eq!((report.size, report.verified), (data.len() as u64, true));
        assert_eq!(report.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);
        let file = report.converted.unwrap();
        assert_eq!((file.format, file.bytes), (to, expected.len() as u64));
        assert_eq!(file.virtual_size, disk.len() as u64);
        assert_eq!(scene.files(), [scene.destination()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_is_resumed() {
    let (disk, data) = disk();
    let image = record(&data, "qcow2", &json!({}));
    let cut = (data.len() / 2) as u64;
    for ranges in [true, false] {
        let scene = Scripted::with_ranges(data.clone(), [Response::Cut(cut)], ranges).await;
        let raw = Conversion::to(OutputFormat::Raw);
        let report = convert(&scene, &image, &raw, quick()).await.unwrap();
        assert!(is_same(&scene.destination(), &disk));
        assert_eq!((report.attempts, report.resumed_from), (2, 0));
    }
    // The next download does not resume.
    let scene = Scripted::new(data.clone(), [Response::Cut(cut), Response::Cut(0)]).await;
    let options = quick().with_retries(0);
    let raw = Conversion::to(OutputFormat::Raw);
    let error = convert(&scene, &image, &raw, options.clone()).await.unwrap_err();
    assert!(matches!(*error.failure, PullFailure::GaveUp { .. }), "{error:?}");
    assert!(scene.files().is_empty());
    assert!(convert(&scene, &image, &raw, options.clone()).await.is_err());
    convert(&scene, &image, &raw, options).await.unwrap();
    assert_eq!(scene.asked(), [0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_differs_from_the_image_becomes_no_file() {
    let (disk, data) = disk();
    for (data, format) in [(data, "qcow2"), (disk, "raw"), (Vec::new(), "raw")] {
        let scene = Scripted::new(data.clone(), []).await;
        let zeros = "0".repeat(128);
        let image = record(&data, format, &json!({"os_hash_value": zeros}));
        for to in [OutputFormat::Raw, OutputFormat::Qcow2] {
            let failure = failure(&scene, &image, &Conversion::to(to)).await;
            let is_right =
                matches!(failure, PullFailure::Integrity(IntegrityError::Differs { .. }));
            assert!(is_right, "{format} to {to}: {failure:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_converted_becomes_no_file() {
    let (disk, data) = disk();
    let raw = Conversion::to(OutputFormat::Raw);
    let cut = &data[..data.len() / 2];
    for (data, format, changes, kind) in [
        (&data[..], "vmdk", json!({}), ErrorKind::Format),
        (cut, "qcow2", json!({}), ErrorKind::Source),
        (&disk[..], "raw", json!({"container_format": "ova"}), ErrorKind::Format),
        (&data[..], "qcow2", json!({"container_format": "compressed"}), ErrorKind::Format),
    ] {
        let scene = Scripted::new(data.to_vec(), []).await;
        let image = record(data, format, &changes);
        let failure = failure(&scene, &image, &raw).await;
        assert_eq!(failure.kind(), kind, "{failure:?}");
    }
    // The caller knows better than the record.
    let scene = Scripted::new(data.clone(), []).await;
    let image = record(&data, "vmdk", &json!({}));
    let read = ReadOptions::default().with_format(Format::Qcow2);
    convert(&scene, &image, &raw.with_read(read), quick()).await.unwrap();
    assert!(is_same(&scene.destination(), &disk));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_out_of_order_needs_memory_or_a_spool() {
    let disk = pattern(64 * CLUSTER);
    let data = out_of_order(&disk);
    let image = record(&data, "qcow2", &json!({}));
    let scene = Scripted::new(data, []).await;
    let little = ReadOptions::default().with_hold_bytes(1 << 20);
    let raw = Conversion::to(OutputFormat::Raw);
    let first = failure(&scene, &image, &raw.clone().with_read(little.clone())).await;
    let text = causes(&first).join(": ");
    assert!(text.contains("use --spool DIR"), "{text}");
    assert_eq!(first.kind(), ErrorKind::Usage);
    let spool = tempfile::tempdir().unwrap();
    // The temporary file has no name, so only a folder that does not exist shows that the folder is used.
    let missing = little.clone().with_spool(spool.path().join("none"));
    let second = failure(&scene, &image, &raw.clone().with_read(missing)).await;
    let text = causes(&second).join(": ");
    assert!(text.contains("the spool file in"), "{text}");
    assert_eq!(second.kind(), ErrorKind::Usage);
    for read in [ReadOptions::default(), little.with_spool(spool.path())] {
        let options = quick().with_overwrite(true);
        convert(&scene, &image, &raw.clone().with_read(read), options).await.unwrap();
        assert!(is_same(&scene.destination(), &disk));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_file_is_replaced_only_with_overwrite() {
    let (disk, data) = disk();
    let image = record(&data, "qcow2", &json!({}));
    let scene = Scripted::new(data, []).await;
    let raw = Conversion::to(OutputFormat::Raw);
    std::fs::write(scene.destination(), "precious").unwrap();
    let error = convert(&scene, &image, &raw, quick()).await.unwrap_err();
    let exists =
        PullFailure::Destination(DestinationError::NotCompared { path: scene.destination() });
    assert_eq!(error.failure.to_string(), exists.to_string());
    assert!(scene.asked().is_empty() && is_same(&scene.destination(), b"precious"));
    convert(&scene, &image, &raw, quick().with_overwrite(true)).await.unwrap();
    assert!(is_same(&scene.destination(), &disk));

    // Two images of a run never have one file.
    let download = scene.download(quick().with_overwrite(true));
    let path = scene.folder.path().join("shared");
    let task = || {
        PullTask::to_file(download.clone(), image.clone(), &path)
            .with_conversion(Conversion::to(OutputFormat::Raw))
    };
    let mut batch = Batch::new(BatchOptions::default())
        .start([task(), task()], &CancellationToken::new())
        .unwrap();
    let mut results = Vec::new();
    while let Some(event) = batch.next().await {
        if let BatchEvent::Ended(outcome) = event {
            results.extend(outcome.results);
        }
    }
    let is_refused = |result: &&TaskResult| {
        let TaskResult::Pull(Err(error)) = result else { return false };
        matches!(&*error.failure, PullFailure::Destination(DestinationError::OfThisRun { .. }))
    };
    assert_eq!((results.len(), results.iter().filter(is_refused).count()), (2, 1));
    assert!(is_same(&path, &disk));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_download_leaves_nothing() {
    let (_, data) = disk();
    let image = record(&data, "qcow2", &json!({}));
    let stall = (data.len() - 1) as u64;
    let scene = Scripted::new(data, [Response::Stall(stall)]).await;
    let (events, cancel) = (Arc::new(RecordedEvents::default()), CancellationToken::new());
    let download = scene.download(quick()).with_progress(Arc::clone(&events) as _);
    let raw = Conversion::to(OutputFormat::Raw);
    let stop = async {
        while scene.files().is_empty() || events.sent.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel.cancel();
    };
    let converting = download.to_converted_file(&image, &raw, scene.destination(), &cancel);
    let (result, ()) = tokio::join!(converting, stop);
    let error = result.unwrap_err();
    assert!(matches!(*error.failure, PullFailure::Interrupted), "{error:?}");
    assert_eq!(*events.phases.lock().unwrap(), [Phase::Downloading]);
    assert!(scene.files().is_empty(), "{:?}", scene.files());
}
