//! `cargo xtask api`: the public items of each library as `docs/api/CRATE.txt`, so that reviews show changes
//! of them.
//!
//! The items are read from rustdoc's JSON, which is unstable; its version must be one that the crate
//! `public-api` supports.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::package;
use crate::places::{root, target};
use crate::step::{WORKSPACE, cargo, run, say};

const FOLDER: &str = "docs/api";

/// Writes the lists.
pub(crate) fn write() -> Result<()> {
    let folder = root().join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    for (name, items) in lists()? {
        let path = folder.join(format!("{name}.txt"));
        std::fs::write(&path, &items).with_context(|| path.display().to_string())?;
        say(&format!("{FOLDER}/{name}.txt: {} items", items.lines().count()));
    }
    Ok(())
}

/// Fails if a list differs from the code, and shows the difference; and if the documentation has a warning.
pub(crate) fn check() -> Result<()> {
    let mut differences = String::new();
    for (name, items) in lists()? {
        let path = root().join(FOLDER).join(format!("{name}.txt"));
        let listed = std::fs::read_to_string(path).unwrap_or_default();
        let difference = difference(&listed, &items);
        if !difference.is_empty() || listed != items {
            _ = writeln!(differences, "{FOLDER}/{name}.txt:\n{difference}");
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    bail!(
        "the public items have changed:\n{differences}Run `cargo xtask api` if the change is intended"
    )
}

fn difference(old: &str, new: &str) -> String {
    let [before, after] = [old, new].map(|text| text.lines().collect::<BTreeSet<_>>());
    let mut lines = String::new();
    for line in old.lines().filter(|line| !after.contains(line)) {
        _ = writeln!(lines, "  - {line}");
    }
    for line in new.lines().filter(|line| !before.contains(line)) {
        _ = writeln!(lines, "  + {line}");
    }
    lines
}

/// The public items of each published library, by the name of its package.
fn lists() -> Result<Vec<(String, String)>> {
    let metadata = package::metadata()?;
    let json = rustdoc_json()?;
    let mut lists = Vec::new();
    for package in package::published(&metadata) {
        if let Some(library) = package.targets.iter().find(|target| target.is_lib()) {
            let path = json.join(format!("{}.json", library.name.replace('-', "_")));
            let items = items(&path).with_context(|| path.display().to_string())?;
            lists.push((package.name.to_string(), items));
        }
    }
    lists.sort();
    Ok(lists)
}

/// Makes rustdoc describe all crates, with the checks of their documentation; returns the folder with its output.
///
/// Unstable features are only enabled for rustdoc. If they were enabled for cargo, build scripts would
/// notice, and all dependencies would be built again.
fn rustdoc_json() -> Result<PathBuf> {
    let wrapper = target().join("tools").join("unstable-rustdoc");
    std::fs::create_dir_all(target().join("tools"))?;
    std::fs::write(&wrapper, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n")?;
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755))?;
    run(cargo(["doc", "--no-deps"]).args(WORKSPACE).env("RUSTDOC", wrapper).env(
        "RUSTDOCFLAGS",
        "-D warnings -D rustdoc::broken_intra_doc_links -Z unstable-options --output-format json",
    ))?;
    Ok(target().join("doc"))
}

/// One line per item. For a derived trait the `impl` is enough.
fn items(json: &Path) -> Result<String> {
    let read = |omit_derived| -> Result<Vec<String>> {
        let api = public_api::Builder::from_rustdoc_json(json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(omit_derived)
            .build()
            .context("public-api cannot read this version of rustdoc's JSON")?;
        Ok(api.items().map(ToString::to_string).collect())
    };
    let written: BTreeSet<String> = read(true)?.into_iter().collect();
    let is_shown = |line: &String| {
        written.contains(line)
            || line.starts_with("impl") && !line.contains("::StructuralPartialEq for ")
    };
    Ok(read(false)?.into_iter().filter(is_shown).map(|line| line + "\n").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_and_removed_items_are_shown() {
        let old = "pub fn a()\npub fn b()\n";
        assert_eq!(difference(old, old), "");
        assert_eq!(difference(old, "pub fn b()\npub fn c()\n"), "  - pub fn a()\n  + pub fn c()\n");
    }
}
