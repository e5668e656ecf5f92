//! What is published: the packages of the workspace, and whether they could be.

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::places::root;
use crate::step::{cargo, run};

/// Packs all crates, and looks whether those that are to be published say what they are. Nothing is built, so
/// that a package that lacks a file is not found: [`verify`] does that.
pub(crate) fn check() -> Result<()> {
    let metadata = metadata()?;
    let gaps: Vec<String> = published(&metadata).flat_map(gaps).collect();
    if !gaps.is_empty() {
        bail!("{}", gaps.join("\n"));
    }
    // All that it could look up is in the lock file, and here since the first build.
    run(cargo(PACK).args(["--no-verify", "--offline"]))
}

/// Packs all crates, and builds each from its package.
pub(crate) fn verify() -> Result<()> {
    run(&mut cargo(PACK))
}

/// With uncommitted changes too, as every other check.
const PACK: [&str; 5] = ["package", "--workspace", "--quiet", "--locked", "--allow-dirty"];

/// The packages of the workspace that may be published.
pub(crate) fn published(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    let packages = metadata.workspace_packages().into_iter();
    packages.filter(|package| package.publish.as_ref().is_none_or(|to| !to.is_empty()))
}

/// The workspace, without what it depends on.
pub(crate) fn metadata() -> Result<Metadata> {
    MetadataCommand::new().no_deps().current_dir(root()).exec().context("cargo metadata")
}

fn gaps(package: &Package) -> Vec<String> {
    let fields = [
        ("description", package.description.is_some()),
        ("keywords", !package.keywords.is_empty()),
        ("categories", !package.categories.is_empty()),
        ("readme", package.readme.is_some()),
        ("license", package.license.is_some()),
        ("rust-version", package.rust_version.is_some()),
    ];
    let missing = fields.into_iter().filter(|(_, is_there)| !is_there);
    missing.map(|(field, _)| format!("{} lacks the field `{field}`", package.name)).collect()
}
