//! A service, and the program that pushes to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use futures_util::TryStreamExt as _;
use imgpush_client::{
    Cloud, CloudOptions, DownloadOptions, Image, ImageClient, ImageQuery, Status, Surroundings,
};
use imgpush_sandbox::{PASSWORD, PROJECT, Quota, Sandbox, SandboxOptions, USER};
#[cfg(feature = "cloud")]
use imgpush_tests::TestCloud;
use imgpush_tests::imgpush;

use super::run::Run;
use super::sums::sha512sums;

pub(crate) const MIB: u64 = 1 << 20;

/// The services that the suite runs against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "the names of the modules that the macro stamps")]
pub(crate) enum Side {
    sandbox,
    #[cfg(feature = "cloud")]
    real,
}

/// A service, and the program that pushes to it.
pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    /// All that is pushed here has it, and names of images begin with it: those of a project are looked
    /// through for them.
    tag: String,
    password: String,
    runtime: tokio::runtime::Runtime,
    /// Asks the service.
    direct: ImageClient,
    /// Alive as long as the scene.
    sandbox: Option<Sandbox>,
}

impl Scene {
    pub(crate) fn new(side: Side) -> Self {
        match side {
            Side::sandbox => Scene::with_quota(Quota::default()),
            #[cfg(feature = "cloud")]
            Side::real => {
                let cloud = TestCloud::from_environment();
                let user = |name| cloud.user(name);
                let settings = [
                    ("auth_url", format!("{}/v3", cloud.identity_url)),
                    ("username", user("OS_USERNAME")),
                    ("password", user("OS_PASSWORD")),
                    ("project_name", user("OS_PROJECT_NAME")),
                    ("region_name", "RegionOne".to_owned()),
                ];
                Scene::before(&settings, None)
            }
        }
    }

    /// A sandbox with such quotas.
    pub(crate) fn with_quota(quota: Quota) -> Self {
        let options = SandboxOptions::default().with_quota(quota);
        let options = options.with_tokens(std::time::Duration::from_secs(3600));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
        let settings = [
            ("auth_url", sandbox.auth_url()),
            ("username", USER.to_owned()),
            ("password", PASSWORD.to_owned()),
            ("project_name", PROJECT.to_owned()),
            ("region_name", "RegionOne".to_owned()),
        ];
        Scene::before(&settings, Some((runtime, sandbox)))
    }

    fn before(
        settings: &[(&str, String); 5],
        sandbox: Option<(tokio::runtime::Runtime, Sandbox)>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let auth = settings[..4].iter().map(|(key, value)| format!("      {key}: {value}\n"));
        let region = &settings[4].1;
        let clouds = format!(
            "clouds:\n  bulk:\n    region_name: {region}\n    auth:\n{}",
            auth.collect::<String>()
        );
        std::fs::write(folder.path().join("clouds.yaml"), clouds).unwrap();
        let login = settings
            .iter()
            .fold(CloudOptions::default(), |login, (key, value)| login.with_setting(*key, value));
        let cloud = Cloud::load_from(&login, &Surroundings::default()).unwrap();
        let (runtime, sandbox) = match sandbox {
            Some((runtime, sandbox)) => (runtime, Some(sandbox)),
            None => (tokio::runtime::Runtime::new().unwrap(), None),
        };
        let direct = runtime.block_on(ImageClient::connect(&cloud)).unwrap();
        let tag = uuid::Uuid::new_v4().simple().to_string();
        Scene { folder, tag, password: settings[2].1.clone(), runtime, direct, sandbox }
    }

    /// A path for a file whose image has a name that nothing else has.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{}-{name}", self.tag))
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    /// `imgpush push --json` of these files, with nothing of the caller's clouds.
    pub(crate) fn push(&self, files: &[PathBuf], more: &[&str]) -> Command {
        let mut command = imgpush();
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OS_")) {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.args(["push", "--json", "--cloud", "bulk", "--tag", &self.tag]);
        command.args(more).args(files);
        command
    }

    /// Starts the program; what it says is kept.
    pub(crate) fn spawn(&self, mut command: Command) -> (Child, Instant) {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        (command.spawn().unwrap(), Instant::now())
    }

    /// Waits for its end.
    pub(crate) fn ended(&self, (child, begun): (Child, Instant)) -> Run {
        let output = child.wait_with_output().unwrap();
        Run::of(&output, &self.password, begun.elapsed())
    }

    /// What the service has of all that was pushed here.
    pub(crate) fn images(&self) -> Vec<Image> {
        self.runtime.block_on(async {
            let all = ImageQuery::default().with("tag", &self.tag);
            self.direct.images(&all).try_collect().await.unwrap()
        })
    }

    /// Deletes the records that killed runs have left; they have the property of their run.
    pub(crate) fn delete_left_of_killed_runs(&self) {
        for image in self.images() {
            if image.property("imgpush_run").is_some() {
                self.runtime.block_on(self.direct.delete(image.id())).unwrap();
            }
        }
    }

    /// The service has one image of each file, active and whole, and nothing else.
    pub(crate) fn has_exactly(&self, files: &[PathBuf], what: &str) {
        let mut names: BTreeMap<String, Vec<Image>> = BTreeMap::new();
        for image in self.images() {
            names.entry(image.name().unwrap_or_default().to_owned()).or_default().push(image);
        }
        for (file, hash) in files.iter().zip(sha512sums(files)) {
            let name = image_name(file);
            let images = names.remove(&name).unwrap_or_default();
            let [image] = &images[..] else {
                panic!("{what}: not one image of {name}: {images:#?}");
            };
            assert_eq!(image.status(), Status::Active, "{what}: {image:#?}");
            assert_eq!(image.size(), Some(file.metadata().unwrap().len()), "{what}: {name}");
            assert_eq!(image.hash_value(), Some(&*hash), "{what}: {name}");
        }
        assert!(names.is_empty(), "{what}: nobody wanted {names:#?}");
    }

    /// The bytes of an image, as the service gives them to others.
    pub(crate) fn bytes_of(&self, id: &str) -> Vec<u8> {
        self.runtime.block_on(async {
            let data = self.direct.download(id, &DownloadOptions::default()).await.unwrap();
            let pieces: Vec<_> = data.try_collect().await.unwrap();
            pieces.concat()
        })
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for image in self.images() {
            self.runtime.block_on(self.direct.delete(image.id())).unwrap();
        }
    }
}

/// What the program calls the image of a file.
pub(crate) fn image_name(file: &Path) -> String {
    file.file_stem().unwrap().to_str().unwrap().to_owned()
}
