//! A service behind proxies, and the program that pushes to it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use imgpush_client::{Image, NewImage, Status};
use imgpush_sandbox::{Fault, Operation, USER};
use imgpush_scene::{Run, Scene, SceneBuilder, Side, sha512sum};
use imgpush_tests::proxy::{Proxy, Requests};

pub(crate) const MIB: u64 = 1 << 20;

/// A service behind proxies, and the program that pushes to it.
pub(crate) struct Proxied {
    /// Its client sends requests directly to the service.
    pub(crate) scene: Scene,
    /// The proxy of the image service.
    pub(crate) image: Proxy,
    /// The proxy of the identity service.
    pub(crate) identity: Proxy,
    /// The name of the pushed image.
    pub(crate) name: String,
}

impl Proxied {
    pub(crate) fn new(side: Side) -> Self {
        Proxied::around(Scene::builder().on(side))
    }

    pub(crate) fn with_short_tokens(side: Side) -> Self {
        Proxied::around(Scene::builder().on(side).token_lifetime(short(side)))
    }

    fn around(scene: SceneBuilder) -> Self {
        let scene = scene.start_blocking();
        let image = Proxy::before(scene.image_url());
        let identity = Proxy::before(scene.auth_url());
        let entry = scene.cloud_entry("mycloud", USER);
        let entry = entry.replace(scene.auth_url(), &format!("{}/v3", identity.url()));
        let image_url = image.url();
        let entry = format!("clouds:\n{entry}    image_endpoint_override: {image_url}\n");
        scene.write("clouds.yaml", entry);
        let name = format!("disk-{}", scene.tag);
        Proxied { scene, image, identity, name }
    }

    /// A file with this number of bytes.
    pub(crate) fn file(&self, bytes: u64) -> PathBuf {
        self.scene.file("disk.raw", bytes)
    }

    /// `imgpush push --json` with additional arguments.
    pub(crate) fn push_command(&self, source: &str, more: &[&str]) -> Command {
        let named = ["push", "--json", "--name", &self.name, "--tag", &self.scene.tag];
        self.scene.command(&[&named[..], &["--disk-format", "raw", source], more].concat())
    }

    /// Pushes a file.
    pub(crate) fn push(&self, file: &Path, more: &[&str]) -> Run {
        self.run(self.push_command(file.to_str().unwrap(), more))
    }

    pub(crate) fn run(&self, command: Command) -> Run {
        self.scene.run_command(command)
    }

    /// Waits for the end of a push.
    pub(crate) fn ended(&self, push: Child) -> Run {
        self.scene.ended(push)
    }

    /// The bytes of data that were forwarded in each attempt.
    pub(crate) fn sent(&self) -> Vec<u64> {
        self.image.passed(Requests::UPLOADS).iter().map(|passed| passed.body_bytes).collect()
    }

    /// A record without data, like that of a push.
    pub(crate) fn record(&self) -> Image {
        let mut wanted = NewImage::named(&self.name).with_formats("raw", "bare");
        wanted.set_tags([&self.scene.tag]);
        self.scene.block_on(self.scene.client.create(&wanted)).unwrap()
    }

    /// The images in the service that this test has pushed.
    pub(crate) fn images(&self) -> Vec<Image> {
        self.scene.block_on(self.scene.images())
    }

    /// Asserts that the push succeeded, and that the service has exactly that image, with the file's data.
    pub(crate) fn arrived(&self, run: &Run, file: &Path) {
        assert_eq!(run.code, Some(0), "{run:?}\n{:#?}", self.image.journal());
        let report = run.json();
        assert_eq!(report["verified"], true, "{run:?}");
        let images = self.images();
        assert_eq!(images.len(), 1, "{images:#?}\n{run:?}");
        let image = &images[0];
        assert_eq!(image.id(), report["id"], "{run:?}");
        assert_eq!(image.status(), Status::Active);
        assert_eq!(image.size(), Some(file.metadata().unwrap().len()));
        assert_eq!(image.hash_value(), Some(&*sha512sum(file)));
        let tries = self.image.passed(Requests::UPLOADS).len();
        assert_eq!(report["attempts"], tries, "{run:?}\n{:#?}", self.image.journal());
        // An attempt may end before it sends any data.
        assert!(notes(run, "retried") >= tries - 1, "{run:?}");
    }

    /// Asserts that the push failed with this code, and that the service has no image of it.
    pub(crate) fn failed(&self, run: &Run, code: i32) {
        assert_eq!(run.code, Some(code), "{run:?}");
        let error = &run.json()["error"];
        assert_eq!(error["exit_code"], code, "{run:?}");
        assert!(error["record"] == "removed" || error["record"] == "none", "{run:?}");
        assert!(self.images().is_empty(), "{:#?}\n{run:?}", self.images());
    }

    /// Prepares [`kill_worker_of`](Self::kill_worker_of) during the upload: a sandbox has no separate
    /// process, so it simulates that with a fault.
    pub(crate) fn will_be_killed_during_upload(&self, after: u64) {
        if self.scene.cloud().is_none() {
            self.scene.sandbox().inject(Operation::Upload, Fault::Forget(after));
        }
    }

    /// Kills the process that receives the data of an image.
    pub(crate) fn kill_worker_of(&self, id: &str) {
        match self.scene.cloud() {
            Some(cloud) => cloud.kill_worker_of(id),
            None => self.wait_for_simulated_kill(),
        }
    }

    /// Kills the service.
    pub(crate) fn kill_service(&mut self) {
        if self.scene.cloud().is_none() {
            self.wait_for_simulated_kill();
        }
        self.scene.kill_service();
    }

    /// A sandbox that stopped earlier would end the upload properly.
    fn wait_for_simulated_kill(&self) {
        until("the simulated kill", || (!self.scene.uploads().is_empty()).then_some(()));
    }

    /// Waits until the service receives the data of an image, and returns the id. The proxy can have passed data
    /// that the service has not seen.
    pub(crate) fn receiving(&self) -> String {
        self.image.wait_for(Requests::UPLOADS, MIB);
        until("an upload", || {
            let images = self.images();
            let saving = images.iter().find(|image| image.status() == Status::Saving);
            saving.map(|image| image.id().to_owned())
        })
    }
}

fn until<T>(what: &str, mut event: impl FnMut() -> Option<T>) -> T {
    for _ in 0..6000 {
        if let Some(found) = event() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("waited for {what}");
}

/// The number of notes with this id in a report.
pub(crate) fn notes(run: &Run, id: &str) -> usize {
    let report = run.json();
    let notes = report["notes"].as_array().unwrap_or_else(|| panic!("no notes: {run:?}"));
    notes.iter().filter(|note| note["id"] == id).count()
}

/// The lifetime of tokens in tests of their expiry. The program renews a token with less than two seconds
/// left.
pub(crate) fn short(side: Side) -> Duration {
    match side {
        Side::Sandbox => Duration::from_secs(3),
        Side::Real => Duration::from_secs(5),
    }
}

/// Runs cases concurrently that mostly wait, each with its own scene.
pub(crate) fn together<T: Sync>(side: Side, cases: &[T], test: impl Fn(&Proxied, &T) + Sync) {
    // The number of pushes that the service receives at once while it still responds to other calls.
    let at_once = match side {
        Side::Sandbox => 12,
        Side::Real => 3,
    };
    for cases in cases.chunks(at_once) {
        std::thread::scope(|scope| {
            for case in cases {
                scope.spawn(|| test(&Proxied::new(side), case));
            }
        });
    }
}
