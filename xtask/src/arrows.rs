//! The arrows between crates, exactly as `docs/design.md` draws them; what may not be below digest and
//! formats; and where `unsafe` may stand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use crate::root;
use crate::step::say;

/// From each crate to those it may, and must, depend on.
const ARROWS: [(&str, &[&str]); 6] = [
    ("imgpush-digest", &[]),
    ("imgpush-formats", &[]),
    ("imgpush-client", &[]),
    ("imgpush-engine", &["imgpush-client", "imgpush-digest", "imgpush-formats"]),
    ("imgpush", &["imgpush-client", "imgpush-engine", "imgpush-sandbox"]),
    ("imgpush-sandbox", &[]),
];

/// Crates that read bytes and nothing else, and what they may not pull in.
const PURE: [&str; 2] = ["imgpush-digest", "imgpush-formats"];
const IMPURE: [&str; 8] =
    ["tokio", "hyper", "reqwest", "rustls", "ring", "aws-lc-rs", "native-tls", "openssl"];

/// Crates without `unsafe`, by the root of their modules.
const SAFE: [&str; 4] = [
    "crates/formats/src/lib.rs",
    "crates/client/src/lib.rs",
    "crates/sandbox/src/lib.rs",
    "crates/cli/src/main.rs",
];
/// Crates with some, and the paths in them where it may stand.
const PARTLY_SAFE: [(&str, &[&str]); 2] =
    [("crates/digest/src", &["arch/"]), ("crates/engine/src", &["pool", "source/mmap.rs"])];

pub(crate) fn check() -> Result<()> {
    let metadata = MetadataCommand::new().current_dir(root()).exec().context("cargo metadata")?;
    let mut faults = wrong_arrows(&drawn(&metadata));
    faults.extend(impurities(&metadata)?);
    faults.extend(unsafe_places(&root())?);
    if faults.is_empty() {
        say("arrows and unsafe are where they belong");
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

/// The normal dependencies among the crates of the workspace.
fn drawn(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let crates = metadata.workspace_packages();
    let crates = crates.iter().filter(|package| ours.contains(package.name.as_str()));
    crates
        .map(|package| {
            let to = package.dependencies.iter().filter(|dependency| {
                dependency.kind == DependencyKind::Normal && ours.contains(dependency.name.as_str())
            });
            (package.name.to_string(), to.map(|dependency| dependency.name.clone()).collect())
        })
        .collect()
}

fn wrong_arrows(drawn: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut faults = Vec::new();
    for (from, to) in ARROWS {
        let wanted: BTreeSet<String> = to.iter().map(ToString::to_string).collect();
        let Some(found) = drawn.get(from) else {
            faults.push(format!("there is no crate {from}"));
            continue;
        };
        for extra in found.difference(&wanted) {
            faults.push(format!("{from} must not depend on {extra}"));
        }
        for missing in wanted.difference(found) {
            faults.push(format!("{from} should depend on {missing}, as docs/design.md draws it"));
        }
    }
    faults
}

/// What stands below the pure crates, through normal dependencies.
fn impurities(metadata: &Metadata) -> Result<Vec<String>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata resolved nothing")?;
    let nodes: BTreeMap<&PackageId, _> =
        resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let mut faults = Vec::new();
    for pure in PURE {
        let start = metadata.packages.iter().find(|package| package.name.as_str() == pure);
        let mut waiting = vec![&start.with_context(|| format!("no crate {pure}"))?.id];
        let mut seen = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            if !seen.insert(id) {
                continue;
            }
            let name = names.get(id).copied().unwrap_or_default();
            if IMPURE.contains(&name) {
                faults.push(format!("{pure} must not pull in {name}"));
            }
            for dependency in nodes.get(id).map(|node| &node.deps).into_iter().flatten() {
                if dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal) {
                    waiting.push(&dependency.pkg);
                }
            }
        }
    }
    Ok(faults)
}

fn unsafe_places(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for path in SAFE {
        let source = std::fs::read_to_string(root.join(path)).context(path)?;
        if !source.contains("#![forbid(unsafe_code)]") {
            faults.push(format!("{path} must say #![forbid(unsafe_code)]"));
        }
    }
    for (folder, places) in PARTLY_SAFE {
        for path in sources(&root.join(folder))? {
            let inside = path.strip_prefix(root.join(folder))?.to_string_lossy().into_owned();
            let source = std::fs::read_to_string(&path)?;
            if has_unsafe(&source) && !places.iter().any(|place| inside.starts_with(place)) {
                faults.push(format!("{folder}/{inside} must not use unsafe"));
            }
        }
    }
    Ok(faults)
}

/// Whether the word stands in code, outside comments.
fn has_unsafe(source: &str) -> bool {
    source.lines().any(|line| {
        let code = line.split("//").next().unwrap_or_default();
        code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
    })
}

fn sources(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_too_many_and_one_too_few_are_named() {
        let mut drawn: BTreeMap<String, BTreeSet<String>> = ARROWS
            .iter()
            .map(|(from, to)| (from.to_string(), to.iter().map(ToString::to_string).collect()))
            .collect();
        assert_eq!(wrong_arrows(&drawn), Vec::<String>::new());
        drawn.entry("imgpush-sandbox".into()).or_default().insert("imgpush-digest".into());
        drawn.entry("imgpush-engine".into()).or_default().remove("imgpush-formats");
        assert_eq!(
            wrong_arrows(&drawn),
            [
                "imgpush-engine should depend on imgpush-formats, as docs/design.md draws it",
                "imgpush-sandbox must not depend on imgpush-digest",
            ]
        );
    }

    #[test]
    fn the_word_counts_only_in_code() {
        assert!(has_unsafe("let x = unsafe { f() };"));
        assert!(has_unsafe("unsafe fn f() {}"));
        assert!(!has_unsafe("// unsafe is forbidden here"));
        assert!(!has_unsafe("#![forbid(unsafe_code)]"));
        assert!(!has_unsafe("Failure::FormatUnsafe"));
    }
}
