//! Real disk images and what others say of them: for tests and for the table in `docs/`.
//!
//! They are of many projects and licences, so they are not part of this one.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::cloud::Cloud;
use crate::places::{root, target};
use crate::step::{WORKSPACE, cargo, run, say};

/// Why tests are left out where there is none.
pub(crate) const MISSING: &str = "no corpus of disk images; IMGPUSH_CORPUS_SOURCE says where its unpack.sh and make-matrix.sh are";

/// Where the corpus comes from, if there is one.
pub(crate) fn source() -> Option<PathBuf> {
    // Who names one means it, so that it is missed when it is not there.
    let given = std::env::var_os("IMGPUSH_CORPUS_SOURCE").map(|given| root().join(given));
    given.or_else(|| Some(root().join("../shared/corpus")).filter(|folder| folder.exists()))
}

/// Unpacks and generates the images, once; their folders, as in `PATH`.
pub(crate) fn folders() -> Result<OsString> {
    let source = source().context(MISSING)?;
    let corpus = target().join("corpus");
    let (real, generated) = (corpus.join("real"), corpus.join("generated"));
    let python = Cloud::python();
    let stamp = corpus.join(if python.exists() { "judged" } else { "made" });
    if !stamp.exists() {
        say(&format!("making disk images in {}", corpus.display()));
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
            say(
                "no cloud is installed, so nobody says what its inspector makes of generated images",
            );
        }
        run(&mut make)?;
        std::fs::write(stamp, "")?;
    }
    Ok(std::env::join_paths([real, generated])?)
}

/// The images as seen by the recogniser, by qemu and by the service's inspector.
pub(crate) fn test() -> Result<()> {
    run(cargo(["test"])
        .args(WORKSPACE)
        .args(["--test", "corpus", "--test", "changed", "--", "--nocapture", "--ignored"])
        .args(["--skip", "differential::"])
        .env("IMGPUSH_CORPUS", folders()?))
}

/// The table of `docs/disk-images.md`.
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

/// Uploads the small ones to a real Glance as every `disk_format`.
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
