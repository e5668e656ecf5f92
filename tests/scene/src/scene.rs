//! A service with the resources of a test.

use std::borrow::BorrowMut;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use imgpush_client::{Image, ImageClient, ImageQuery};
use imgpush_sandbox::{Received, Sandbox, SandboxOptions, USER};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::access::Access;
use crate::cloud::RealCloud;
use crate::data::pattern_file;
use crate::program::{Run, imgpush_in};

/// A service, a client of it, a folder, and the program with that folder as its home.
///
/// Images with its tag are removed from a real service when the test succeeds.
pub struct Scene {
    /// A client of a project member that logs in at its first request; without a user if no login is
    /// required.
    pub client: ImageClient,
    /// Marks the images of this test in a service that is also used by others.
    pub tag: String,
    access: Access,
    sandbox: Option<Sandbox>,
    /// The options of the sandbox.
    options: SandboxOptions,
    cloud: Option<RealCloud>,
    /// Contains files of the test, a `clouds.yaml` with one cloud, `mycloud`, and the `images` of a sandbox.
    pub folder: TempDir,
    /// The runtime of a test that has none.
    pub(crate) runtime: Option<Runtime>,
}

const CLOUDS: &str = "clouds.yaml";

impl Scene {
    pub(crate) async fn new(
        access: Access,
        options: SandboxOptions,
        sandbox: Option<Sandbox>,
        cloud: Option<RealCloud>,
        folder: TempDir,
    ) -> Self {
        let (client, tag) = (access.client().await, Uuid::new_v4().to_string());
        let scene = Scene { client, tag, access, sandbox, options, cloud, folder, runtime: None };
        scene.write(CLOUDS, "clouds:\n");
        scene.add_cloud(&scene.cloud_entry("mycloud", USER));
        scene
    }

    /// Returns the sandbox; panics for a real service.
    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    /// Returns the real cloud.
    pub fn cloud(&self) -> Option<&RealCloud> {
        self.cloud.as_ref()
    }

    /// Returns the URL of the identity service, with a version.
    pub fn auth_url(&self) -> &str {
        &self.access.auth_url
    }

    /// Returns the URL of the image service, without a version.
    pub fn image_url(&self) -> &str {
        &self.access.image_url
    }

    /// Returns the lines of a `clouds.yaml` for this service, with this name and user.
    pub fn cloud_entry(&self, name: &str, user: &str) -> String {
        self.access.cloud_entry(name, user)
    }

    /// Adds such lines to the `clouds.yaml` in the folder.
    pub fn add_cloud(&self, entry: &str) {
        let clouds = String::from_utf8(self.read(CLOUDS)).unwrap();
        self.write(CLOUDS, clouds + entry);
    }

    /// Logs in another user of the sandbox, or the one with the same name in a real cloud, and finds the
    /// service in the catalog.
    pub async fn login(&self, user: &str) -> ImageClient {
        self.access.login(user).await
    }

    /// Runs a future in a test without a runtime.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().unwrap().block_on(future)
    }

    /// Kills the service.
    pub fn kill_service(&mut self) {
        match (self.sandbox.take(), &self.cloud) {
            (Some(running), _) => self.block_on(running.shutdown()),
            (None, cloud) => cloud.as_ref().unwrap().kill_service(),
        }
    }

    /// Starts the service again, with its images.
    pub fn start_service(&mut self) {
        match &self.cloud {
            Some(cloud) => cloud.start_service(),
            None => self.sandbox = Some(self.block_on(started_again(&self.options))),
        }
    }
}

/// Starts a sandbox on the port that it had. A connection of another test can have got the port meanwhile, for as
/// long as it exists.
async fn started_again(options: &SandboxOptions) -> Sandbox {
    for _ in 0..100 {
        if let Ok(sandbox) = Sandbox::start(options.clone()).await {
            return sandbox;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Sandbox::start(options.clone()).await.unwrap()
}

/// Files.
impl Scene {
    /// Returns a path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Creates a file with this number of bytes without repetitions.
    pub fn file(&self, name: &str, bytes: u64) -> PathBuf {
        pattern_file(self.folder.path(), name, bytes)
    }

    /// Creates a file with this content.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Reads a file.
    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
}

/// The content of the service, and the requests to it.
impl Scene {
    /// Lists the visible images of the test: all of a sandbox; in a real service those with the tag.
    pub async fn images(&self) -> Vec<Image> {
        self.list(ImageQuery::default()).await
    }

    /// Lists the hidden images of the test.
    pub async fn hidden_images(&self) -> Vec<Image> {
        self.list(ImageQuery::default().hidden()).await
    }

    /// Lists the images of the test that match a query.
    pub async fn list(&self, query: ImageQuery) -> Vec<Image> {
        let query = if self.cloud.is_some() { query.with("tag", &self.tag) } else { query };
        self.client.images(&query).try_collect().await.unwrap()
    }

    /// Returns the stored record of an image in a sandbox.
    pub fn record(&self, id: &str) -> Value {
        let kept = self.read(format!("images/{id}.json"));
        serde_json::from_slice::<Value>(&kept).unwrap()["image"].take()
    }

    /// Returns the requests to the image service of a sandbox.
    fn received(&self) -> impl Iterator<Item = Received> {
        self.sandbox().journal().into_iter().filter(|request| request.path.starts_with("/v2"))
    }

    /// Returns method and path of the requests to the image service, without the first `before`.
    pub fn requests(&self, before: usize) -> Vec<String> {
        let after = self.received().skip(before);
        after.map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    /// Returns the number of requests with this method whose path ends with `end`.
    pub fn count(&self, method: &str, end: &str) -> usize {
        self.received().filter(|r| r.method == method && r.path.ends_with(end)).count()
    }

    /// Returns the number of requests that could have changed data.
    pub fn writes(&self) -> usize {
        self.received().filter(|request| request.method != "GET").count()
    }

    /// Returns the requests with data of an image.
    pub fn uploads(&self) -> Vec<Received> {
        self.received().filter(|r| r.method == "PUT" && r.path.ends_with("/file")).collect()
    }
}

/// The program.
impl Scene {
    /// Returns the program with the folder as its home, without the environment of the test.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = imgpush_in(self.folder.path());
        command.args(arguments);
        command
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_command(self.command(arguments))
    }

    /// Runs a command from [`command`](Scene::command) that the test has extended.
    pub fn run_command(&self, mut command: impl BorrowMut<Command>) -> Run {
        self.hidden(Run::of(command.borrow_mut().output().unwrap()))
    }

    /// Waits for the end of a spawned program.
    pub fn ended(&self, child: Child) -> Run {
        self.hidden(Run::of(child.wait_with_output().unwrap()))
    }

    fn hidden(&self, run: Run) -> Run {
        self.access.password.iter().for_each(|password| run.hides(password));
        run
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() || self.cloud.is_none() {
            return;
        }
        let Some(runtime) = &self.runtime else { return };
        runtime.block_on(async {
            for image in [self.images().await, self.hidden_images().await].concat() {
                self.client.delete(image.id()).await.unwrap();
            }
        });
    }
}
