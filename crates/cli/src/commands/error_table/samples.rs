//! Values that only the other crates can make, taken from calls that fail against the sandbox.

use imgpush_client::{
    Answer, Error as ClientError, Image, Import, NewImage, NotActive, WaitOptions,
};
use imgpush_engine::image_formats::{Finding, FindingId};
use imgpush_engine::source::BytesSource;
use imgpush_engine::{
    CancellationToken, Download, DownloadOptions, PullError, Staging, StagingError, StagingOptions,
    StagingReport, Target, TuneError, TuneOptions, Tuning, Verification, VerificationError,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

/// An id for messages.
pub(super) const ID: &str = "7c1ad9a6-6f4e-4e5d-9a0b-2f8d5ef1c0de";

/// A service that was started for the samples.
pub(super) struct Samples {
    scene: Scene,
    image: Image,
}

impl Samples {
    pub(super) fn new() -> Self {
        let scene = Scene::builder().without_login().start_blocking();
        let new = NewImage::named("noble").with_formats("raw", "bare");
        let image = scene.block_on(scene.client.create(&new)).unwrap();
        Samples { scene, image }
    }

    /// The refusal of a request.
    pub(super) fn answer(
        &self,
        method: &str,
        path: &str,
        status: u16,
        message: &str,
    ) -> Box<Answer> {
        let refused = self.scene.block_on(self.scene.client.image(ID)).unwrap_err();
        let mut answer = refused.answer().unwrap().clone();
        answer.method = method.parse().unwrap();
        answer.url = format!("https://glance.example.com{path}");
        answer.status = status.to_string().parse().unwrap();
        answer.request_id = Some("req-0123".to_owned());
        answer.message = message.to_owned();
        Box::new(answer)
    }

    /// An image that did not become active.
    pub(super) fn not_active(&self) -> Box<NotActive> {
        let client = &self.scene.client;
        self.scene.sandbox().inject(Operation::Import, Fault::ImportFails);
        self.stage(&CancellationToken::new()).unwrap();
        let (import, wait) = (Import::staged(), WaitOptions::default());
        let failed = self.scene.block_on(client.import_and_wait(&self.image, &import, &wait));
        match failed.unwrap_err() {
            ClientError::ImportFailed(failed) | ClientError::FellBack(failed) => failed,
            error => panic!("{error:?}"),
        }
    }

    /// A download of an image without data.
    pub(super) fn pull_error(&self) -> PullError {
        let download = Download::new(self.scene.client.clone(), DownloadOptions::default());
        let file = self.scene.path("noble");
        let (download, never) = (download.on_cloud("mycloud"), CancellationToken::new());
        self.scene.block_on(download.to_file(&self.image, file, &never)).unwrap_err()
    }

    /// The same for a verification.
    pub(super) fn verification_error(&self) -> VerificationError {
        let verify = Verification::new(self.scene.client.clone(), DownloadOptions::default());
        let (verify, never) = (verify.on_cloud("mycloud"), CancellationToken::new());
        self.scene.block_on(verify.against_download(&self.image, &never)).unwrap_err()
    }

    /// A staging that was cancelled.
    pub(super) fn staging_error(&self) -> StagingError {
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        self.stage(&cancelled).unwrap_err()
    }

    fn stage(&self, cancel: &CancellationToken) -> Result<StagingReport, StagingError> {
        let staging = Staging::new(self.scene.client.clone(), StagingOptions::default());
        let source = Box::new(BytesSource::new("noble.img", vec![0; 4096]));
        self.scene.block_on(staging.on_cloud("mycloud").run(&self.image, source, cancel))
    }

    /// Settings that were tried with a file that is not there.
    pub(super) fn tune_error(&self) -> TuneError {
        let target = Target::new(self.scene.client.clone()).on_cloud("mycloud");
        let file = self.scene.path("none.img");
        let never = CancellationToken::new();
        let tuning = Tuning::new(target, TuneOptions::default());
        self.scene.block_on(tuning.run(&file, &never, |_| ())).unwrap_err()
    }
}

/// A finding of an image.
pub(super) fn finding(id: FindingId, text: &str) -> Finding {
    // A header that ends after its magic.
    let inspection = imgpush_engine::inspect(&mut BytesSource::new("disk.img", &b"QFI\xfb"[..]));
    let mut finding = inspection.unwrap().findings.into_iter().next().unwrap();
    finding.id = id;
    finding.text = text.to_owned();
    finding
}
