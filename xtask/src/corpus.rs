//! Real disk images and the results of other programs for them, for tests and for the table in `docs/`.
//!
//! They belong to many projects and have many licences, so they are not part of this repository.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::cloud::Cloud;
use crate::places::{root, target};
use crate::step::{EarlyStep, WORKSPACE, cargo, run, run_in_idle_time, say};

/// The reason for leaving tests out if there is no corpus.
pub(crate) const MISSING: &str = "no corpus of disk images; set IMGPUSH_CORPUS_SOURCE to the folder with unpack.sh and make-matrix.sh";

/// The folder with the corpus, if there is one.
pub(crate) fn source() -> Option<PathBuf> {
    // A folder that is named explicitly must exist, so it is an error if it does not.
    let given = std::env::var_os("IMGPUSH_CORPUS_SOURCE").map(|given| root().join(given));
    given.or_else(|| Some(root().join("../shared/corpus")).filter(|folder| folder.exists()))
}

/// Extracts and generates the images, once; returns their folders, as in `PATH`.
pub(crate) fn folders() -> Result<OsString> {
    create(run)
}

/// Creates the images by commands that are run in this way.
fn create(run: impl Fn(&mut Command) -> Result<()>) -> Result<OsString> {
    let source = source().context(MISSING)?;
    let corpus = target().join("corpus");
    let (real, generated) = (corpus.join("real"), corpus.join("generated"));
    let python = Cloud::python();
    let stamp = corpus.join(if python.exists() { "judged" } else { "made" });
    if !stamp.exists() {
        say(&format!("creating disk images in {}", corpus.display()));
        let script = |name: &str, folder: &PathBuf| {
            let mut command = Command::new("bash");
            command.arg(source.join(name)).arg(folder);
            command
        };
        run(&mut script("unpack.sh", &real))?;
        std::fs::copy(source.join("MANIFEST.tsv"), real.join("MANIFEST.tsv"))?;
        let mut make = script("make-matrix.sh", &generated);
        if python.exists() {
            // The inspector that the service uses.
            make.env("ORACLE_PY", python);
        } else {
            say("no cloud is installed, so its inspector cannot judge the generated images");
        }
        run(&mut make)?;
        std::fs::write(stamp, "")?;
    }
    Ok(std::env::join_paths([real, generated])?)
}

/// Compares the detector with qemu and the service's inspector for these images, and their bytes after a
/// conversion with those of qemu. It takes minutes, so it runs in idle time. The cloud must be installed, since its
/// inspector judges the images.
pub(crate) fn test() -> Option<EarlyStep> {
    source()?;
    Some(EarlyStep::run(IMAGES, tests()))
}

/// The same at once.
pub(crate) fn run_verb() -> Result<()> {
    tests()?.iter_mut().try_for_each(run)
}

pub(crate) const IMAGES: &str = "real disk images";

fn tests() -> Result<Vec<Command>> {
    let folders = create(|command| run_in_idle_time(command))?;
    // One selection of packages, so that nothing is built again. Only the tests of conversion match.
    let conversions = ["--test", "it", "--", "--ignored", "images_of_the_corpus_have_the_bytes"];
    let detection = [
        ["--test", "corpus", "--test", "changed"],
        ["--", "--nocapture", "--ignored", "--skip=differential::"],
    ]
    .concat();
    let test = |arguments: &[&str]| {
        let mut command = cargo(["test"]);
        command.args(WORKSPACE).args(arguments).env("IMGPUSH_CORPUS", &folders);
        command
    };
    Ok(vec![test(&conversions), test(&detection)])
}

/// Writes the table of `docs/disk-images.md`.
pub(crate) fn table() -> Result<()> {
    let example = ["run", "--quiet", "--locked", "-p", "imgpush-formats", "--example", "compare"];
    let output = cargo(example)
        .env("IMGPUSH_CORPUS", folders()?)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("the example `compare` failed: {}", output.status);
    }
    let page = root().join("docs/disk-images.md");
    std::fs::write(&page, output.stdout)?;
    say(&format!("wrote {}", page.display()));
    Ok(())
}

/// Uploads the small images to a real Glance with every `disk_format`.
pub(crate) fn verdicts() -> Result<()> {
    let cloud = Cloud::of_tests()?;
    cloud.call("clean")?;
    Cloud::install()?;
    let folders = folders()?;
    cloud.call("up")?;
    let compared = cloud.environment().and_then(|environment| {
        run(cargo(["test"])
            .args(WORKSPACE)
            .args(["--test", "cloud", "real::verdicts", "--", "--nocapture", "--ignored"])
            .env("IMGPUSH_CORPUS", folders)
            .envs(environment))
    });
    let down = cloud.call("clean");
    compared.and(down)
}
