//! Packaging: checks of the packages that the workspace publishes.

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::places::root;
use crate::step::{cargo, run};

/// Packages all crates, and checks that those to be published have complete metadata. Nothing is built, so a
/// file that is missing in a package is not detected: [`verify`] does that.
pub(crate) fn check() -> Result<()> {
    let metadata = metadata()?;
    let gaps: Vec<String> = published(&metadata).flat_map(gaps).collect();
    if !gaps.is_empty() {
        bail!("{}", gaps.join("\n"));
    }
    // All required versions are in the lock file, and downloaded since the first build.
    run(cargo(PACK).args(["--no-verify", "--offline"]))
}

/// Packages all crates, and builds each from its package.
pub(crate) fn verify() -> Result<()> {
    run(&mut cargo(PACK))
}

/// Uncommitted changes are allowed, as in all other checks.
const PACK: [&str; 5] = ["package", "--workspace", "--quiet", "--locked", "--allow-dirty"];

/// The packages of the workspace that may be published.
pub(crate) fn published(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    let packages = metadata.workspace_packages().into_iter();
    packages.filter(|package| package.publish.as_ref().is_none_or(|to| !to.is_empty()))
}

/// The metadata of the workspace, without its dependencies.
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
