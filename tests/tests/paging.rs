//! Lists of any length with the memory of one page, and lookup of one image among thousands.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use imgpush_client::{Error, ImageClient, ImageQuery, NewImage, PAGE_IMAGES};
use imgpush_scene::{Scene, open_client};
use peak_alloc::PeakAlloc;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Counts allocations, to measure the peak.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const IMAGES: usize = 2500;

/// A service that generates its pages on request; the marker is the number of the last image. `turn` maps a
/// marker to the next one.
async fn endless_pages(turn: fn(usize) -> Option<usize>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            page(stream, turn).await;
        }
    });
    (address, asked)
}

async fn page(mut stream: TcpStream, turn: fn(usize) -> Option<usize>) {
    let mut buffer = [0; 2048];
    let read = stream.read(&mut buffer).await.unwrap();
    let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
    let marker = request.split("marker=").nth(1).unwrap_or("0");
    let first: usize = marker.split(['&', ' ']).next().unwrap().parse().unwrap();
    let images: Vec<_> = (first..first + PAGE_IMAGES)
        .map(|number| {
            json!({"id": format!("{number:08}-0000-4000-8000-000000000000"), "status": "active",
                "name": "x".repeat(200), "tags": ["a", "b"], "os_distro": "debian"})
        })
        .collect();
    let mut body = json!({ "images": images });
    if let Some(next) = turn(first + PAGE_IMAGES) {
        body["next"] = format!("/v2/images?marker={next}&limit={PAGE_IMAGES}").into();
    }
    let body = body.to_string();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
}

/// Runs one test at a time, since memory is counted for the complete process.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn a_hundred_times_as_many_images_take_no_more_memory() {
    let _alone = ALONE.lock().await;
    let (address, asked) = endless_pages(Some).await;
    let client = open_client(&address).await;
    let mut peaks = Vec::new();
    for images in [IMAGES / 10, IMAGES, IMAGES * 10] {
        asked.store(0, Ordering::Relaxed);
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let query = ImageQuery::default().at_most(images);
        let count = client.images(&query).try_fold(0, async |n, _| Ok(n + 1)).await.unwrap();
        assert_eq!(count, images);
        assert_eq!(asked.load(Ordering::Relaxed), images.div_ceil(PAGE_IMAGES));
        peaks.push(MEMORY.peak_usage().saturating_sub(before));
    }
    let [small, large, huge] = peaks[..] else { unreachable!() };
    assert!(small > 50_000, "a page is larger than {small} bytes: nothing was counted");
    // The same pages, apart from the current buffers of the runtime and the connection.
    assert!(large < small * 3 / 2 && huge < small * 3 / 2, "{peaks:?}");
}

#[tokio::test]
async fn pages_that_form_a_cycle_are_an_error() {
    let _alone = ALONE.lock().await;
    // Back to the second page, or to the same page.
    let circles: [fn(usize) -> Option<usize>; 2] = [
        |next| Some(if next >= 5 * PAGE_IMAGES { PAGE_IMAGES } else { next }),
        |next| Some(next - PAGE_IMAGES),
    ];
    for turn in circles {
        let (address, asked) = endless_pages(turn).await;
        let listing = open_client(&address).await.images(&ImageQuery::default());
        let error = listing.try_collect::<Vec<_>>().await.unwrap_err();
        assert!(matches!(error, Error::Endless { .. }), "{error}");
        assert!(asked.load(Ordering::Relaxed) < 20);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_found_among_thousands_by_few_requests() {
    let _alone = ALONE.lock().await;
    let scene = Scene::start_open().await;
    let client = &scene.client;
    let ids = fill(client, "thousands", IMAGES).await;
    let asked = || scene.sandbox().journal().len();

    for (wanted, found, most) in [
        (ids[IMAGES / 2].clone(), true, 1),
        (format!("thousands {}", IMAGES / 3), true, 1),
        ("no such image".to_owned(), false, 2),
        (uuid::Uuid::new_v4().to_string(), false, 3),
    ] {
        let before = asked();
        assert_eq!(client.find(&wanted).await.unwrap().is_some(), found, "{wanted}");
        let needed = asked() - before;
        assert!(needed <= most, "{wanted}: {needed} requests");
    }
    let before = asked();
    assert_eq!(scene.images().await.len(), IMAGES);
    let needed = asked() - before;
    assert!(needed <= IMAGES / PAGE_IMAGES + 1, "{needed} requests");
}

/// Creates the records, a few concurrently; returns their ids.
async fn fill(client: &ImageClient, name: &str, images: usize) -> Vec<String> {
    let made = stream::iter(0..images).map(|number| async move {
        let image = client.create(&NewImage::named(format!("{name} {number}"))).await.unwrap();
        image.id().to_owned()
    });
    made.buffered(4).collect().await
}

#[cfg(feature = "cloud")]
mod real {
    use imgpush_test_support::is_full;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_real_glance_lists_many_and_finds_one() {
        let _alone = ALONE.lock().await;
        let client = open_client(&std::env::var("TESTCLOUD_NOAUTH_IMAGE_URL").unwrap()).await;
        let name = uuid::Uuid::new_v4().to_string();
        // It takes more than a minute to create and delete 2,500 records.
        let images = if is_full() { IMAGES } else { 6 * PAGE_IMAGES + 1 };
        let ids = fill(&client, &name, images).await;
        let all = client.images(&ImageQuery::default());
        let mut listed: Vec<String> =
            all.map_ok(|image| image.id().to_owned()).try_collect().await.unwrap();
        listed.sort_unstable();
        assert!(ids.iter().all(|id| listed.binary_search(id).is_ok()), "one is not in the list");
        let found = client.find(&format!("{name} 345")).await.unwrap().unwrap();
        assert_eq!(found.id(), ids[345]);
        let found = client.find(&ids[77]).await.unwrap().unwrap();
        assert_eq!(found.id(), ids[77]);
        let ended = stream::iter(ids).map(|id| {
            let client = client.clone();
            async move { client.delete(&id).await }
        });
        ended.buffer_unordered(4).try_collect::<Vec<_>>().await.unwrap();
    }
}
