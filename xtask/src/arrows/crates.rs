//! The dependencies between crates, and the forbidden ones of some crates.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Metadata, PackageId};

use super::list::{self, CrateRules};

/// Crates without I/O, and the packages that they must not depend on.
const PURE: [&str; 2] = ["imgpush-digest", "imgpush-formats"];
const IMPURE: [&str; 8] =
    ["tokio", "hyper", "reqwest", "rustls", "ring", "aws-lc-rs", "native-tls", "openssl"];

/// The normal dependencies among the crates of the list.
pub(super) fn dependencies(
    metadata: &Metadata,
    rules: &[CrateRules],
) -> BTreeMap<String, BTreeSet<String>> {
    let ours: BTreeSet<&str> = rules.iter().map(|rules| rules.name.as_str()).collect();
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

/// Differences between the dependencies and the list.
pub(super) fn differences(
    rules: &[CrateRules],
    found: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let mut faults = Vec::new();
    for CrateRules { name, imports, .. } in rules {
        let wanted: BTreeSet<String> = imports.iter().cloned().collect();
        let Some(found) = found.get(name) else {
            faults.push(format!("there is no crate {name}"));
            continue;
        };
        for extra in found.difference(&wanted) {
            faults.push(format!("{name} must not depend on {extra}"));
        }
        for missing in wanted.difference(found) {
            faults.push(format!("{name} should depend on {missing}, according to {}", list::PATH));
        }
    }
    faults
}

/// Crates in the folder of libraries that are missing in the list.
pub(super) fn unlisted(metadata: &Metadata, rules: &[CrateRules]) -> Vec<String> {
    let folder = metadata.workspace_root.join("crates");
    let crates = metadata.workspace_packages();
    let crates = crates.iter().filter(|package| package.manifest_path.starts_with(&folder));
    crates
        .filter(|package| rules.iter().all(|rules| rules.name != package.name.as_str()))
        .map(|package| format!("{} lacks the crate {}", list::PATH, package.name))
        .collect()
}

/// Forbidden packages among all normal dependencies of the pure crates.
pub(super) fn impurities(metadata: &Metadata) -> Result<Vec<String>> {
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
                faults.push(format!("{pure} must not depend on {name}"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_and_missing_dependencies_are_named() {
        let rules = |name: &str, imports: &[&str]| CrateRules {
            name: name.into(),
            imports: imports.iter().map(ToString::to_string).collect(),
            ..CrateRules::default()
        };
        let rules = [rules("engine", &["digest", "formats"]), rules("sandbox", &[])];
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let mut found = BTreeMap::from([
            ("engine".to_owned(), set(&["digest", "formats"])),
            ("sandbox".to_owned(), set(&[])),
        ]);
        assert_eq!(differences(&rules, &found), Vec::<String>::new());
        found.insert("engine".into(), set(&["digest"]));
        found.insert("sandbox".into(), set(&["digest"]));
        assert_eq!(
            differences(&rules, &found),
            [
                "engine should depend on formats, according to docs/layers.txt",
                "sandbox must not depend on digest",
            ]
        );
    }
}
