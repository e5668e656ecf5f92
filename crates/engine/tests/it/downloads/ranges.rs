//! Concurrent range requests for one image.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use imgpush_engine::{
    DownloadOptions, IntegrityError, PartialOutcome, PullFailure, TransferInterrupted,
};
use imgpush_scene::{hex, pattern, sha512};
use md5::{Digest as _, Md5};
use serde_json::json;

use super::scene::{MIB, Response, Scripted, image, is_same, quick};

/// Several segments and an incomplete one.
const LARGE: usize = 16 * MIB + 77;

/// Enough for four segments of three chunks.
const MEMORY: u64 = 44 << 20;

fn over(connections: usize) -> DownloadOptions {
    let mut options = quick();
    options.connections = NonZeroUsize::new(connections);
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_are_in_order_over_any_number_of_connections() {
    let data = pattern(LARGE);
    let image = image(&data, &json!({}));
    let (sha512, md5) = (sha512(&data), hex(Md5::digest(&data)));
    for (connections, memory) in [(1, 64), (2, 64), (4, 44), (4, 36), (100, 64), (3, 0)] {
        let options = over(connections);
        let scene = Scripted::new(data.clone(), []).await.within(memory << 20);
        let report = scene.fetch_with(&image, options).await.unwrap();
        let asked = scene.asked().len();
        assert!(is_same(&scene.destination(), &data), "{connections} within {memory}");
        assert_eq!((&report.digests["sha512"], &report.digests["md5"]), (&sha512, &md5));
        assert_eq!(report.attempts as usize, asked);
        assert_eq!(asked > 1, connections > 1 && memory > 0, "{asked} requests");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_segment_is_resumed() {
    let data = pattern(LARGE);
    let image = image(&data, &json!({}));
    for response in
        [Response::Cut(0), Response::Cut(MIB as u64 + 5), Response::Status(503), Response::Stall(3)]
    {
        let mut options = over(4);
        options.idle_timeout = Duration::from_millis(300);
        let scene = Scripted::new(data.clone(), [response; 3]).await.within(MEMORY);
        let report = scene.fetch_with(&image, options).await.unwrap();
        assert!(is_same(&scene.destination(), &data));
        // Six segments, and three times the rest of one.
        assert_eq!(report.attempts, 9);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_ranges_gets_one_connection() {
    let data = pattern(LARGE);
    let image = image(&data, &json!({}));
    let scene = Scripted::with_ranges(data.clone(), [], false).await;
    let report = scene.fetch_with(&image, over(4)).await.unwrap();
    assert!(is_same(&scene.destination(), &data));
    // The requests for segments, and the one for the complete image.
    assert!(report.attempts <= 5, "{} requests", report.attempts);

    // Also when a partial file is resumed.
    let scene = Scripted::with_ranges(data.clone(), [], false).await;
    std::fs::write(scene.partial(), &data[..MIB + 1]).unwrap();
    let report = scene.fetch_with(&image, over(4)).await.unwrap();
    assert_eq!(report.resumed_from, MIB as u64 + 1);
    assert!(is_same(&scene.destination(), &data));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_limits_connections_gets_one() {
    let data = pattern(LARGE);
    let image = image(&data, &json!({}));
    let scene = Scripted::new(data.clone(), []).await.within(MEMORY);
    scene.service.most.store(1, Ordering::Relaxed);
    let mut options = over(4);
    options.retries = 1;
    scene.fetch_with(&image, options.clone()).await.unwrap();
    assert!(is_same(&scene.destination(), &data));

    // If the service accepts no connection, the download fails and keeps the existing data.
    let at = MIB as u64;
    let scene = Scripted::new(data.clone(), [Response::Status(503); 100]).await.within(MEMORY);
    std::fs::write(scene.partial(), &data[..MIB]).unwrap();
    let error = scene.fetch_with(&image, options).await.unwrap_err();
    assert!(
        matches!(*error.failure, PullFailure::GaveUp { at: found, .. } if found == at),
        "{error:?}"
    );
    assert_eq!(error.partial, PartialOutcome::Kept { path: scene.partial(), bytes: at });
    scene.service.script.lock().unwrap().clear();
    let report = scene.fetch_with(&image, over(4)).await.unwrap();
    assert_eq!(report.resumed_from, at);
    assert!(is_same(&scene.destination(), &data));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_segment_is_detected() {
    let good = pattern(LARGE);
    let image = image(&good, &json!({}));
    let mut bad = good;
    bad[10 * MIB] ^= 1;
    let scene = Scripted::new(bad, []).await.within(MEMORY);
    let error = scene.fetch_with(&image, over(4)).await.unwrap_err();
    assert!(matches!(
        *error.failure,
        PullFailure::Integrity(IntegrityError::Differs { field: "os_hash_value", .. })
    ));
    assert!(scene.files().is_empty());
}

/// Also if each response contains bytes: with one byte for each request, a download would take years.
#[tokio::test(flavor = "multi_thread")]
async fn repeated_short_responses_end_the_download() {
    let data = pattern(LARGE);
    let image = image(&data, &json!({}));
    for (most, connections) in [(0, 1), (1, 1), (1000, 1), (0, 4), (1, 4)] {
        let mut options = over(connections);
        options.retries = 2;
        let scene = Scripted::new(data.clone(), [Response::Short(most); 1000]).await.within(MEMORY);
        // With a partial file, the first request is for a range too.
        std::fs::write(scene.partial(), &data[..MIB]).unwrap();
        let error = scene.fetch_with(&image, options).await.unwrap_err();
        assert!(
            matches!(
                &*error.failure,
                PullFailure::GaveUp { source: TransferInterrupted::Short { .. }, .. }
            ),
            "{most} over {connections}: {error:?}"
        );
        let asked = scene.asked().len();
        assert!(asked <= 3 * (connections + 1), "{most} over {connections}: {asked} requests");
        assert!(matches!(error.partial, PartialOutcome::Kept { .. }), "{error:?}");
    }

    // A single short response is no failure.
    let scene = Scripted::new(data.clone(), [Response::Short(1000)]).await.within(MEMORY);
    std::fs::write(scene.partial(), &data[..MIB]).unwrap();
    let report = scene.fetch_with(&image, over(1)).await.unwrap();
    assert!(is_same(&scene.destination(), &data));
    assert_eq!(report.attempts, 2);
}
