//! A service behind proxies, and the program that pushes to it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use futures_util::TryStreamExt as _;
use imgpush_client::{
    Cloud, CloudOptions, Image, ImageClient, ImageQuery, NewImage, Status, Surroundings,
};
use imgpush_tests::proxy::{Proxy, Requests};
use imgpush_tests::{imgpush, pattern_file, sha512sum};

use super::run::Run;
use super::side::{Service, Side};

pub(crate) const MIB: u64 = 1 << 20;

/// A service behind proxies, and the program that pushes to it.
pub(crate) struct Scene {
    /// Stands before the image service.
    pub(crate) image: Proxy,
    /// Stands before the identity service.
    pub(crate) identity: Proxy,
    pub(crate) service: Service,
    pub(crate) folder: tempfile::TempDir,
    /// All that is pushed here has it.
    tag: String,
    /// What is pushed here is called so.
    pub(crate) name: String,
    runtime: tokio::runtime::Runtime,
    /// Asks the service directly.
    direct: ImageClient,
}

impl Scene {
    pub(crate) fn new(side: Side) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(side, folder.path());
        Scene::around(service, folder)
    }

    pub(crate) fn with_short_tokens(side: Side) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::with_short_tokens(side, folder.path());
        Scene::around(service, folder)
    }

    fn around(service: Service, folder: tempfile::TempDir) -> Self {
        let (image, identity) =
            (Proxy::before(&service.image_url), Proxy::before(&service.identity_url));
        let Service { user, password, project, .. } = &service;
        let clouds = format!(
            "clouds:\n  faulty:\n    region_name: RegionOne\n    image_endpoint_override: {}\n    \
             auth:\n      auth_url: {}/v3\n      username: {user}\n      password: {password}\n      \
             project_name: {project}\n",
            image.url(),
            identity.url(),
        );
        std::fs::write(folder.path().join("clouds.yaml"), clouds).unwrap();
        let login = CloudOptions::default()
            .with_setting("auth_url", format!("{}/v3", service.identity_url))
            .with_setting("image_endpoint_override", &service.image_url)
            .with_setting("username", user)
            .with_setting("password", password)
            .with_setting("project_name", project);
        let cloud = Cloud::load_from(&login, &Surroundings::default()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let direct = runtime.block_on(ImageClient::connect(&cloud)).unwrap();
        let tag = uuid::Uuid::new_v4().to_string();
        let name = format!("disk-{tag}");
        Scene { image, identity, service, folder, tag, name, runtime, direct }
    }

    /// A file of so many bytes.
    pub(crate) fn file(&self, bytes: u64) -> PathBuf {
        pattern_file(self.folder.path(), "disk.raw", bytes)
    }

    /// `imgpush push --json` with these arguments more.
    pub(crate) fn push_command(&self, source: &str, more: &[&str]) -> Command {
        let mut command = self.command();
        command.args(["push", "--json", "--name", &self.name, "--disk-format", "raw"]);
        command.args(["--tag", &self.tag, source]).args(more);
        command
    }

    /// Pushes a file.
    pub(crate) fn push(&self, file: &Path, more: &[&str]) -> Run {
        self.run(self.push_command(file.to_str().unwrap(), more))
    }

    pub(crate) fn run(&self, command: Command) -> Run {
        self.ended(self.spawn(command))
    }

    /// Starts the program; what it says is kept.
    pub(crate) fn spawn(&self, mut command: Command) -> (Child, Instant) {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        (command.spawn().unwrap(), Instant::now())
    }

    /// Waits for its end.
    pub(crate) fn ended(&self, (child, begun): (Child, Instant)) -> Run {
        let output = child.wait_with_output().unwrap();
        Run::of(&output, &self.service.password, begun.elapsed())
    }

    /// The program with nothing of the caller's clouds.
    pub(crate) fn command(&self) -> Command {
        let mut command = imgpush();
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OS_")) {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.args(["--cloud", "faulty"]);
        command
    }

    /// How much of the data went on in each try.
    pub(crate) fn sent(&self) -> Vec<u64> {
        self.image.passed(Requests::UPLOADS).iter().map(|passed| passed.body_bytes).collect()
    }

    /// A record without data.
    pub(crate) fn record(&self) -> Image {
        self.ask(async |direct| direct.create(&self.wanted()).await.unwrap())
    }

    /// What a push here makes.
    pub(crate) fn wanted(&self) -> NewImage {
        let mut wanted = NewImage::named(&self.name).with_formats("raw", "bare");
        wanted.set_tags([&self.tag]);
        wanted
    }

    /// Asks the service directly.
    pub(crate) fn ask<T>(&self, what: impl AsyncFnOnce(&ImageClient) -> T) -> T {
        self.runtime.block_on(what(&self.direct))
    }

    /// What the service has of all that was pushed here.
    pub(crate) fn images(&self) -> Vec<Image> {
        self.found(&ImageQuery::default())
    }

    /// The same of what lists leave out.
    pub(crate) fn hidden_images(&self) -> Vec<Image> {
        self.found(&ImageQuery::default().hidden())
    }

    fn found(&self, query: &ImageQuery) -> Vec<Image> {
        let all = query.clone().with("tag", &self.tag);
        self.ask(async |direct| direct.images(&all).try_collect().await.unwrap())
    }

    /// The push succeeded, and the service has exactly that image, with the file's data.
    pub(crate) fn arrived(&self, run: &Run, file: &Path) {
        assert_eq!(run.code, Some(0), "{run:?}\n{:#?}", self.image.journal());
        assert_eq!(run.json["verified"], true, "{run:?}");
        let images = self.images();
        assert_eq!(images.len(), 1, "{images:#?}\n{run:?}");
        let image = &images[0];
        assert_eq!(image.id(), run.json["id"], "{run:?}");
        assert_eq!(image.status(), Status::Active);
        assert_eq!(image.size(), Some(file.metadata().unwrap().len()));
        assert_eq!(image.hash_value(), Some(&*sha512sum(file)));
        let tries = self.image.passed(Requests::UPLOADS).len();
        assert_eq!(run.attempts(), tries as u64, "{run:?}\n{:#?}", self.image.journal());
        // A try may end before it sends anything.
        assert!(run.notes("retried") >= tries - 1, "{run:?}");
    }

    /// The push failed with that code, and the service has nothing of it.
    pub(crate) fn failed(&self, run: &Run, code: i32) {
        run.failed(code);
        assert!(self.images().is_empty(), "{:#?}\n{run:?}", self.images());
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for image in self.images().into_iter().chain(self.hidden_images()) {
            self.runtime.block_on(self.direct.delete(image.id())).unwrap();
        }
    }
}

/// Cases that wait more than they work, a scene each, at the same time.
pub(crate) fn together<T: Sync>(side: Side, cases: &[T], test: impl Fn(&Scene, &T) + Sync) {
    for cases in cases.chunks(side.at_once()) {
        std::thread::scope(|scope| {
            for case in cases {
                scope.spawn(|| test(&Scene::new(side), case));
            }
        });
    }
}
