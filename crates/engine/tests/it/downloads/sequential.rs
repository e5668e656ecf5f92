//! Stores without random reads, as most production services have.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use imgpush_engine::client::Image;
use imgpush_engine::source::FileSource;
use imgpush_engine::{
    Batch, BatchOptions, CancellationToken, Download, DownloadOptions, PullTask, Push, PushOptions,
    Verification,
};
use imgpush_sandbox::SandboxOptions;
use imgpush_scene::{Scene, pattern};
use serde_json::json;

use super::scene::{MIB, Response, Scripted, image, is_same, quick};

const SIZE: usize = 9 * MIB + 77;

/// A service whose only store supports no random reads, with images of the same content.
struct Sequential {
    scene: Scene,
    images: Vec<Image>,
    data: Vec<u8>,
}

impl Sequential {
    async fn with(images: &[&str]) -> Self {
        let store = |options: SandboxOptions| {
            options.with_stores(["ceph"]).with_sequential_stores(["ceph"])
        };
        let scene = Scene::builder().sandbox(store).start().await;
        let data = pattern(SIZE);
        let source = scene.write("source", &data);
        let mut found = Vec::new();
        for name in images {
            let push = Push::new(scene.client.clone(), PushOptions::named(*name));
            let source = Box::new(FileSource::open(&source).unwrap());
            push.run(source, &CancellationToken::new()).await.unwrap();
            found.push(scene.client.find_existing(name).await.unwrap());
        }
        Sequential { scene, images: found, data }
    }

    fn destination(&self) -> PathBuf {
        self.scene.path("disk.img")
    }

    fn partial(&self) -> PathBuf {
        self.scene.path(format!("disk.img.{}.part", self.images[0].id()))
    }

    fn download(&self, options: DownloadOptions) -> Download {
        Download::new(self.scene.client.clone(), options)
    }

    /// Returns the status of every response to a request for data.
    fn answers(&self) -> Vec<u16> {
        let journal = self.scene.sandbox().journal();
        let data = journal.iter().filter(|r| r.method == "GET" && r.path.ends_with("/file"));
        data.filter_map(|request| request.status).collect()
    }
}

fn over(connections: usize) -> DownloadOptions {
    let mut options = quick();
    options.connections = NonZeroUsize::new(connections);
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequential_store_gets_one_connection() {
    for connections in [1, 4] {
        let scene = Sequential::with(&["a"]).await;
        let cancel = CancellationToken::new();
        let download = scene.download(over(connections));
        let report = download.to_file(&scene.images[0], scene.destination(), &cancel).await;
        let report = report.unwrap();
        assert!(report.verified && is_same(&scene.destination(), &scene.data));
        let complete = scene.answers().iter().filter(|status| **status == 200).count();
        assert_eq!(complete, 1, "{:?}", scene.answers());
        assert!(scene.answers().len() <= 1 + connections, "{:?}", scene.answers());

        let mut written = Vec::new();
        download.to_writer(&scene.images[0], &mut written, "memory", &cancel).await.unwrap();
        assert!(written == scene.data);
        let verification = Verification::new(scene.scene.client.clone(), over(connections));
        assert!(verification.against_download(&scene.images[0], &cancel).await.unwrap().verified);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_file_is_resumed_from_a_complete_response() {
    for (bytes, connections) in [(1, 1), (MIB + 1, 1), (MIB + 1, 4), (SIZE - 1, 4)] {
        let scene = Sequential::with(&["a"]).await;
        std::fs::write(scene.partial(), &scene.data[..bytes]).unwrap();
        let download = scene.download(over(connections));
        let report = download
            .to_file(&scene.images[0], scene.destination(), &CancellationToken::new())
            .await
            .unwrap();
        assert_eq!(report.resumed_from, bytes as u64);
        assert!(report.verified && is_same(&scene.destination(), &scene.data));
        assert!(!scene.partial().exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_file_of_another_image_is_not_resumed() {
    let scene = Sequential::with(&["a"]).await;
    let mut other = scene.data[..5 * MIB].to_vec();
    other[1000] ^= 1;
    std::fs::write(scene.partial(), &other).unwrap();
    let download = scene.download(over(1));
    let report = download
        .to_file(&scene.images[0], scene.destination(), &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(report.resumed_from, 0);
    assert!(report.verified && is_same(&scene.destination(), &scene.data));
    // Rejected; started, and aborted at the byte that differs; complete.
    assert_eq!(scene.answers(), [400, 200, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_is_resumed_from_a_complete_response() {
    let data = pattern(SIZE);
    let image = image(&data, &json!({}));
    for at in [1, MIB as u64, SIZE as u64 - 1] {
        let scene = Scripted::new(data.clone(), [Response::Cut(at), Response::Cut(at / 2)]).await;
        scene.service.refuses_ranges.store(true, Ordering::Relaxed);
        let report = scene.fetch(&image).await.unwrap();
        assert!(report.verified && is_same(&scene.destination(), &data));
        // Rejected once; then from the start, twice, because the first of these breaks too.
        assert_eq!(scene.asked(), [0, at, 0, 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_are_not_added_to_one_that_works() {
    // The service is slow enough that more connections would be added.
    let data = pattern(15 * MIB);
    let image = image(&data, &json!({}));
    let scene = Scripted::new(data.clone(), []).await;
    scene.service.refuses_ranges.store(true, Ordering::Relaxed);
    scene.service.piece_millis.store(32, Ordering::Relaxed);
    let report = scene.fetch(&image).await.unwrap();
    assert!(report.verified && is_same(&scene.destination(), &data));
    assert_eq!(
        scene.asked(),
        [0, 15 * MIB as u64 - 1],
        "the complete image, and the check of the range support"
    );
    assert_eq!(scene.service.sent.load(Ordering::Relaxed), 15 * MIB as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_checks_the_range_support_once() {
    let scene = Sequential::with(&["a", "b", "c", "d"]).await;
    let mut options = over(4);
    options.overwrite = true;
    let download = scene.download(options);
    let tasks: Vec<PullTask> = scene
        .images
        .iter()
        .map(|image| {
            let path = scene.scene.path(image.id());
            PullTask::to_file(download.clone(), image.clone(), path)
        })
        .collect();
    let batch = Batch::new(BatchOptions::default().with_jobs(NonZeroUsize::MIN));
    let mut running = batch.start(tasks, &CancellationToken::new()).unwrap();
    while futures_util::StreamExt::next(&mut running).await.is_some() {}
    assert_eq!(running.summary().pulled, 4, "{:?}", running.summary());
    for image in &scene.images {
        assert!(is_same(&scene.scene.path(image.id()), &scene.data));
    }
    let answers = scene.answers();
    // Only the first image has rejected requests.
    let last_refusal = answers.iter().rposition(|status| *status == 400).unwrap();
    let first_complete = answers.iter().position(|status| *status == 200).unwrap();
    assert!(last_refusal < first_complete + 4, "{answers:?}");
    assert_eq!(answers[answers.len() - 3..], [200; 3], "{answers:?}");
    assert!(answers.len() <= 4 + 4, "{answers:?}");
}
