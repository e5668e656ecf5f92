//! Pushes to a project, and the images in it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use imgpush_engine::client::{Image, ImageClient, ImageQuery, NewImage, UploadOptions};
use imgpush_engine::source::Source;
use imgpush_engine::{
    CancellationToken, Earlier, IfExists, Push, PushError, PushFailure, PushOptions, Records,
    Report, RetryOptions, Target,
};
use imgpush_sandbox::PROJECT_ID;
use imgpush_scene::{Scene, hex, pattern};
use sha2::Digest as _;
use uuid::Uuid;

use crate::counted::Counted;

pub(crate) const NAME: &str = "nightly";

/// The options of a push, and the journal entry of an earlier run.
#[derive(Default)]
pub(crate) struct PushSetup {
    pub(crate) options: PushOptions,
    pub(crate) earlier: Option<Earlier>,
    pub(crate) records: Option<Arc<dyn Records>>,
}

impl From<PushOptions> for PushSetup {
    fn from(options: PushOptions) -> Self {
        PushSetup { options, ..PushSetup::default() }
    }
}

pub(crate) fn target(scene: &Scene) -> Target {
    Target::new(scene.client.clone()).on_cloud("cloud")
}

pub(crate) async fn push(
    scene: &Scene,
    setup: impl Into<PushSetup>,
    source: Box<dyn Source>,
) -> Result<Report, PushError> {
    let PushSetup { options, earlier, records } = setup.into();
    let mut target = target(scene);
    if let Some(earlier) = earlier {
        target = target.after(earlier);
    }
    if let Some(records) = records {
        target = target.with_records(records);
    }
    Push::to(target, options).run(source, &CancellationToken::new()).await
}

/// Pushes data. Also returns how often it was read.
pub(crate) async fn push_data(
    scene: &Scene,
    setup: impl Into<PushSetup>,
    data: &[u8],
) -> (Result<Report, PushError>, u64) {
    let (source, read) = Counted::of(data.to_vec());
    let result = push(scene, setup, source).await;
    (result, read.load(Ordering::Relaxed) / data.len() as u64)
}

/// Returns all images of the project, hidden or not.
pub(crate) async fn images(scene: &Scene) -> Vec<Image> {
    let query = ImageQuery::default().with("owner", PROJECT_ID);
    [scene.list(query.clone()).await, scene.list(query.hidden()).await].concat()
}

/// Returns the only image.
pub(crate) async fn only(scene: &Scene) -> Image {
    let mut images = images(scene).await;
    assert_eq!(images.len(), 1, "{images:#?}");
    images.pop().unwrap()
}

/// Creates an active image with this data.
pub(crate) async fn active(client: &ImageClient, wanted: &NewImage, data: &[u8]) -> Image {
    let image = client.create(wanted).await.unwrap();
    let body = Full::from(Bytes::copy_from_slice(data));
    let options = UploadOptions::sized(data.len() as u64);
    client.upload(image.id(), body, &options).await.unwrap();
    client.image(image.id()).await.unwrap()
}

/// Returns different bytes for each seed.
pub(crate) fn data(seed: u8) -> Vec<u8> {
    pattern(300_000).into_iter().map(|byte| byte ^ seed).collect()
}

pub(crate) fn record(name: &str) -> NewImage {
    NewImage::named(name).with_formats("raw", "bare")
}

/// Returns a record with this id.
pub(crate) fn record_of(id: &str) -> NewImage {
    let mut wanted = record(NAME);
    wanted.set_id(id);
    wanted
}

/// Options with short pauses, so that tests do not wait.
pub(crate) fn options(if_exists: IfExists) -> PushOptions {
    let retry =
        RetryOptions::default().with_pauses(Duration::from_millis(20), Duration::from_millis(50));
    PushOptions::named(NAME).with_if_exists(if_exists).with_retry(retry)
}

/// Returns the id that the documentation specifies, for this project.
pub(crate) fn derived(digest: &str, number: u32, name: &str) -> String {
    let space = "5d0c9a6e-2f0b-4f57-9d8e-6a0f6f3c7b21".parse().unwrap();
    let text = format!("{PROJECT_ID}\n{digest}\n{number}\n{name}");
    Uuid::new_v5(&space, text.as_bytes()).to_string()
}

pub(crate) fn sha512(data: &[u8]) -> String {
    format!("sha512:{}", imgpush_scene::sha512(data))
}

pub(crate) fn sha256(data: &[u8]) -> String {
    format!("sha256:{}", hex(sha2::Sha256::digest(data)))
}

/// Returns the failure of a push.
pub(crate) fn failure(result: Result<Report, PushError>) -> PushFailure {
    *result.unwrap_err().failure
}
