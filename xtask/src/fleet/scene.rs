//! A cloud, a folder with images, and what the cloud has of them in the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::cloud::Cloud;
use crate::places::target;
use crate::step::run;

/// A real cloud, and a folder that all nodes share.
pub(super) struct Scene {
    _cloud: RunningCloud,
    environment: Vec<(String, String)>,
    pub(super) folder: PathBuf,
}

/// Images of 1 to 64 MiB.
pub(super) const IMAGES: usize = 60;

const MIB: usize = 1 << 20;

impl Scene {
    /// Starts a cloud, which the clouds.yaml in the folder calls `prod`, and creates qcow2 images.
    pub(super) fn start(name: &str) -> Result<Self> {
        Cloud::install()?;
        let cloud = Cloud::of_some_tests("-fleet")?;
        let cloud = RunningCloud(cloud);
        cloud.0.call("clean")?;
        cloud.0.call("up")?;
        let folder = target().join("fleet").join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(folder.join("images"))?;
        let environment = cloud.0.environment()?;
        let scene = Scene { _cloud: cloud, environment, folder };
        scene.write_clouds()?;
        scene.create_images()?;
        Ok(scene)
    }

    /// A program in the folder, with `imgpush` in its path and without the login of a shell.
    pub(super) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.folder);
        let login =
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OS_"));
        for (name, _) in login {
            command.env_remove(name);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [target().join("debug")].into_iter().chain(std::env::split_paths(&path));
        if let Ok(path) = std::env::join_paths(folders) {
            command.env("PATH", path);
        }
        command
    }

    fn write_clouds(&self) -> Result<()> {
        let value = |name: &str| {
            let found = self.environment.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str()).with_context(|| format!("no {name}"))
        };
        let mut clouds = "clouds:\n  prod:\n    auth:\n".to_owned();
        for (key, name) in [
            ("auth_url", "OS_AUTH_URL"),
            ("username", "OS_USERNAME"),
            ("password", "OS_PASSWORD"),
            ("project_name", "OS_PROJECT_NAME"),
            ("user_domain_name", "OS_USER_DOMAIN_NAME"),
            ("project_domain_name", "OS_PROJECT_DOMAIN_NAME"),
        ] {
            writeln!(clouds, "      {key}: {}", value(name)?)?;
        }
        writeln!(clouds, "    region_name: {}", value("OS_REGION_NAME")?)?;
        Ok(std::fs::write(self.folder.join("clouds.yaml"), clouds)?)
    }

    fn create_images(&self) -> Result<()> {
        // No block of 8 bytes occurs twice.
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()
        };
        let data: Vec<u8> = std::iter::repeat_with(&mut next).take(8 * MIB).flatten().collect();
        for number in 0..IMAGES {
            let size = MIB * (1 + number * 63 / (IMAGES - 1));
            let raw = self.folder.join("disk.raw");
            let mut file = std::fs::File::create(&raw)?;
            file.write_all(&(number as u64).to_be_bytes())?;
            file.write_all(&data[8..size])?;
            let disk = format!("images/vm-{number:02}.qcow2");
            let mut convert = self.command("imgpush");
            convert.args(["convert", "-q", "-O", "qcow2", "--compress", "none"]);
            run(convert.arg(&raw).arg(disk))?;
            std::fs::remove_file(raw)?;
        }
        Ok(())
    }

    /// The MD5 of each image by its name, from coreutils.
    fn files(&self) -> Result<BTreeMap<String, String>> {
        let names = std::fs::read_dir(self.folder.join("images"))?;
        let names: Vec<_> =
            names.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        let output = self.command("md5sum").args(names).output()?;
        ensure!(output.status.success(), "md5sum: {}", output.status);
        let text = String::from_utf8(output.stdout)?;
        let file = |line: &str| {
            let (digest, path) = line.split_once("  ")?;
            let name = Path::new(path).file_stem()?.to_str()?;
            Some((name.to_owned(), digest.to_owned()))
        };
        Ok(text.lines().filter_map(file).collect())
    }

    /// Compares the images of the cloud with the files, by openstackclient.
    pub(super) fn judge(&self) -> Result<Judgement> {
        let mut list = self.command(Cloud::venv().join("bin/openstack"));
        list.args(["--os-cloud", "prod", "image", "list", "--private", "--long", "-f", "json"]);
        let output = list.output().context("openstack")?;
        if !output.status.success() {
            bail!("openstack image list: {}", String::from_utf8_lossy(&output.stderr));
        }
        let listed: Vec<Value> = serde_json::from_slice(&output.stdout)?;
        let mut list = self.command(Cloud::venv().join("bin/openstack"));
        list.args(["--os-cloud", "prod", "image", "list", "--shared", "--long", "-f", "json"]);
        let shared: Vec<Value> = serde_json::from_slice(&list.output()?.stdout)?;
        let files = self.files()?;
        let mut judgement = Judgement { files: files.len(), ..Judgement::default() };
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for image in listed.iter().chain(&shared) {
            let text = |key: &str| image[key].as_str().unwrap_or_default().to_owned();
            let Some(digest) = files.get(&text("Name")) else { continue };
            if text("Status") == "active" && text("Checksum") == *digest {
                *seen.entry(text("Name")).or_default() += 1;
            } else {
                judgement.left.push(format!("{} {} {}", text("ID"), text("Name"), text("Status")));
            }
        }
        judgement.images = seen.len();
        judgement.duplicates = seen.values().map(|count| count - 1).sum();
        judgement.lost = files.len() - seen.len();
        Ok(judgement)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // They can be created again; the reports and logs are kept.
        let _ = std::fs::remove_dir_all(self.folder.join("images"));
    }
}

struct RunningCloud(Cloud);

impl Drop for RunningCloud {
    fn drop(&mut self) {
        // It also runs after a failure, which is reported.
        let _ = self.0.call("clean");
    }
}

/// What a cloud has of the images in the end.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) files: usize,
    /// Files that the cloud has as an active image with equal data.
    pub(super) images: usize,
    /// Further active images of one file.
    pub(super) duplicates: usize,
    pub(super) lost: usize,
    /// Records that are not active, or have other data.
    pub(super) left: Vec<String>,
}

impl Judgement {
    pub(super) fn check(&self) -> Result<()> {
        let is_well = self.files == IMAGES
            && self.images == self.files
            && self.duplicates == 0
            && self.left.is_empty();
        ensure!(is_well, "not each image is there once: {self:#?}");
        Ok(())
    }
}
