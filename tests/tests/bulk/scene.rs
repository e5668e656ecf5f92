//! Batches of images, and their state in the service.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures_util::TryStreamExt as _;
use imgpush_client::{DownloadOptions, Image, Status};
use imgpush_scene::{Run, Scene, Side, sha512sums};
use serde_json::Value;

pub(crate) const MIB: u64 = 1 << 20;

pub(crate) fn scene(side: Side) -> Scene {
    Scene::builder().on(side).start_blocking()
}

/// A name for a file whose image name is unique.
pub(crate) fn unique(scene: &Scene, name: &str) -> String {
    format!("{}-{name}", scene.tag)
}

/// `imgpush push --json` of these files.
pub(crate) fn push(scene: &Scene, files: &[PathBuf], more: &[&str]) -> Command {
    let mut command = scene.command(&["push", "--json", "--tag", &scene.tag]);
    command.args(more).args(files);
    command
}

/// The reports of each image, and that of the batch if the run completed.
pub(crate) fn reports(run: &Run) -> (Vec<Value>, Value) {
    let is_batch = |line: &Value| line.get("batch").is_some();
    let (mut batches, reports): (Vec<_>, Vec<_>) = run.objects().into_iter().partition(is_batch);
    (reports, batches.pop().map_or(Value::Null, |mut line| line["batch"].take()))
}

/// The reports of verified images.
pub(crate) fn verified_reports(run: &Run) -> Vec<Value> {
    let (reports, _) = reports(run);
    reports.into_iter().filter(|report| report["verified"] == true).collect()
}

pub(crate) fn images(scene: &Scene) -> Vec<Image> {
    scene.block_on(scene.images())
}

/// Deletes the records that killed runs have left; they have the property of their run.
pub(crate) fn delete_records_of_killed_runs(scene: &Scene) {
    for image in images(scene) {
        if image.property("imgpush_run").is_some() {
            scene.block_on(scene.client.delete(image.id())).unwrap();
        }
    }
}

/// Asserts that the service has one complete, active image of each file, and no others.
pub(crate) fn has_exactly(scene: &Scene, files: &[PathBuf], what: &str) {
    let mut names: BTreeMap<String, Vec<Image>> = BTreeMap::new();
    for image in images(scene) {
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

/// The bytes of an image, as the service sends them.
pub(crate) fn bytes_of(scene: &Scene, id: &str) -> Vec<u8> {
    scene.block_on(async {
        let data = scene.client.download(id, &DownloadOptions::default()).await.unwrap();
        let pieces: Vec<_> = data.try_collect().await.unwrap();
        pieces.concat()
    })
}

/// The name of the image of a file.
pub(crate) fn image_name(file: &Path) -> String {
    file.file_stem().unwrap().to_str().unwrap().to_owned()
}
