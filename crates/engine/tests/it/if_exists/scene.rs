//! A sandbox with images of two projects, and what pushes to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http_body_util::Full;
use imgpush_engine::client::{Image, ImageClient, ImageQuery, NewImage, UploadOptions};
use imgpush_engine::source::Source;
use imgpush_engine::{
    CancellationToken, Earlier, IfExists, Push, PushError, PushFailure, PushOptions, Records,
    Report, RetryOptions, Target,
};
use imgpush_sandbox::{ADMIN, PROJECT_ID, Sandbox, USER};
use sha2::Digest as _;
use uuid::Uuid;

use crate::counted::Counted;
use crate::scene::{connect, hex, start, tokens};

pub(crate) const NAME: &str = "nightly";

pub(crate) struct Project {
    pub(crate) sandbox: Sandbox,
    /// In the project that pushes.
    pub(crate) client: ImageClient,
    /// In another one.
    pub(crate) admin: ImageClient,
}

/// How something is pushed, and what of an earlier run is known.
#[derive(Default)]
pub(crate) struct Way {
    pub(crate) options: PushOptions,
    pub(crate) earlier: Option<Earlier>,
    pub(crate) records: Option<Arc<dyn Records>>,
}

impl From<PushOptions> for Way {
    fn from(options: PushOptions) -> Self {
        Way { options, ..Way::default() }
    }
}

impl Project {
    pub(crate) async fn new() -> Self {
        let (sandbox, client) = start(tokens(), Some(USER)).await;
        let admin = connect(&sandbox, Some(ADMIN)).await;
        Project { sandbox, client, admin }
    }

    pub(crate) fn target(&self) -> Target {
        Target::new(self.client.clone()).on_cloud("cloud")
    }

    pub(crate) async fn push(
        &self,
        way: impl Into<Way>,
        source: Box<dyn Source>,
    ) -> Result<Report, PushError> {
        let Way { options, earlier, records } = way.into();
        let mut target = self.target();
        if let Some(earlier) = earlier {
            target = target.after(earlier);
        }
        if let Some(records) = records {
            target = target.with_records(records);
        }
        Push::to(target, options).run(source, &CancellationToken::new()).await
    }

    /// Pushes data, and gives how often it was read as well.
    pub(crate) async fn push_data(
        &self,
        way: impl Into<Way>,
        data: &[u8],
    ) -> (Result<Report, PushError>, u64) {
        let (source, read) = Counted::of(data.to_vec());
        let result = self.push(way, source).await;
        (result, read.load(Ordering::Relaxed) / data.len() as u64)
    }

    /// All images that a project has by that client, hidden or not.
    pub(crate) async fn images(&self) -> Vec<Image> {
        let query = ImageQuery::default().with("owner", PROJECT_ID);
        let mut images: Vec<Image> = self.client.images(&query).try_collect().await.unwrap();
        let hidden: Vec<Image> = self.client.images(&query.hidden()).try_collect().await.unwrap();
        images.extend(hidden);
        images
    }

    /// The only image there is.
    pub(crate) async fn only(&self) -> Image {
        let mut images = self.images().await;
        assert_eq!(images.len(), 1, "{images:#?}");
        images.pop().unwrap()
    }

    /// An active image with that data.
    pub(crate) async fn active(
        &self,
        client: &ImageClient,
        wanted: &NewImage,
        data: &[u8],
    ) -> Image {
        let image = client.create(wanted).await.unwrap();
        let body = Full::from(Bytes::copy_from_slice(data));
        let options = UploadOptions::sized(data.len() as u64);
        client.upload(image.id(), body, &options).await.unwrap();
        client.image(image.id()).await.unwrap()
    }

    /// What came for the image service, but for that many requests before.
    pub(crate) fn requests(&self, behind: usize) -> Vec<String> {
        let journal = self.sandbox.journal();
        let all = journal.iter().filter(|received| received.path.starts_with("/v2"));
        all.skip(behind).map(|received| format!("{} {}", received.method, received.path)).collect()
    }
}

/// Of that name, with other bytes for another seed.
pub(crate) fn data(seed: u8) -> Vec<u8> {
    (0..300_000).map(|at| (at % 251) as u8 ^ seed).collect()
}

pub(crate) fn record(name: &str) -> NewImage {
    NewImage::named(name).with_formats("raw", "bare")
}

/// A record of that id.
pub(crate) fn record_of(id: &str) -> NewImage {
    let mut wanted = record(NAME);
    wanted.set_id(id);
    wanted
}

/// Tried again soon, so that tests do not wait.
pub(crate) fn options(if_exists: IfExists) -> PushOptions {
    let retry =
        RetryOptions::default().with_pauses(Duration::from_millis(20), Duration::from_millis(50));
    PushOptions::named(NAME).with_if_exists(if_exists).with_retry(retry)
}

/// The id that the documentation says, by this project.
pub(crate) fn derived(digest: &str, number: u32, name: &str) -> String {
    let space = "5d0c9a6e-2f0b-4f57-9d8e-6a0f6f3c7b21".parse().unwrap();
    let text = format!("{PROJECT_ID}\n{digest}\n{number}\n{name}");
    Uuid::new_v5(&space, text.as_bytes()).to_string()
}

pub(crate) fn sha512(data: &[u8]) -> String {
    format!("sha512:{}", hex(sha2::Sha512::digest(data)))
}

pub(crate) fn sha256(data: &[u8]) -> String {
    format!("sha256:{}", hex(sha2::Sha256::digest(data)))
}

/// The failure, which left no record.
pub(crate) fn failure(result: Result<Report, PushError>) -> PushFailure {
    *result.unwrap_err().failure
}
