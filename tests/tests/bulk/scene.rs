//! Batches of images, and what the service has of them.

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

/// A name for a file whose image has a name that nothing else has.
pub(crate) fn unique(scene: &Scene, name: &str) -> String {
    format!("{}-{name}", scene.tag)
}

/// `imgpush push --json` of these files.
pub(crate) fn push(scene: &Scene, files: &[PathBuf], more: &[&str]) -> Command {
    let mut command = scene.command(&["push", "--json", "--tag", &scene.tag]);
    command.args(more).args(files);
    command
}

/// What is said of each image, and of the batch by a run that came to its end.
pub(crate) fn reports(run: &Run) -> (Vec<Value>, Value) {
    let is_batch = |line: &Value| line.get("batch").is_some();
    let (mut batches, reports): (Vec<_>, Vec<_>) = run.objects().into_iter().partition(is_batch);
    (reports, batches.pop().map_or(Value::Null, |mut line| line["batch"].take()))
}

/// What is said of images that are proved.
pub(crate) fn proved(run: &Run) -> Vec<Value> {
    let (reports, _) = reports(run);
    reports.into_iter().filter(|report| report["verified"] == true).collect()
}

pub(crate) fn images(scene: &Scene) -> Vec<Image> {
    scene.block_on(scene.images())
}

/// Deletes the records that killed runs have left; they have the property of their run.
pub(crate) fn delete_left_of_killed_runs(scene: &Scene) {
    for image in images(scene) {
        if image.property("imgpush_run").is_some() {
            scene.block_on(scene.client.delete(image.id())).unwrap();
        }
    }
}

/// The service has one image of each file, active and whole, and nothing else.
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

/// The bytes of an image, as the service gives them to others.
pub(crate) fn bytes_of(scene: &Scene, id: &str) -> Vec<u8> {
    scene.block_on(async {
        let data = scene.client.download(id, &DownloadOptions::default()).await.unwrap();
        let pieces: Vec<_> = data.try_collect().await.unwrap();
        pieces.concat()
    })
}

/// What the program calls the image of a file.
pub(crate) fn image_name(file: &Path) -> String {
    file.file_stem().unwrap().to_str().unwrap().to_owned()
}
