//! `cargo xtask arrows`: checks the imports between crates and within each crate against `docs/layers.txt`,
//! the dependencies of digest and formats, and the places of `unsafe` code.

mod crates;
mod cycles;
mod layers;
pub(crate) mod list;
mod modules;
mod syntax;
mod unsafe_places;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{Metadata, MetadataCommand, Target, TargetKind};

use crate::places::root;
use crate::step::say;
use list::CrateRules;
use modules::Modules;

/// Checks all crates of the workspace, and shows their layers.
pub(crate) fn check() -> Result<()> {
    let metadata = MetadataCommand::new().current_dir(root()).exec().context("cargo metadata")?;
    let rules = list::read()?;
    let mut faults = crates::differences(&rules, &crates::dependencies(&metadata, &rules));
    faults.extend(crates::unlisted(&metadata, &rules));
    faults.extend(crates::impurities(&metadata)?);
    let mut all_cycles = 0;
    for Root { package: name, file, is_product, .. } in roots(&metadata) {
        let rules = rules.iter().find(|rules| rules.name == name && is_product);
        let shown = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        let modules = Modules::load(&file, &read)?;
        let found = layers::check(&modules, rules);
        let counts = format!(
            "{} files, {} imports between them, {} cycles",
            modules.files.len(),
            found.imports,
            found.cycles
        );
        match rules {
            Some(rules) => {
                say(&format!("{name}: {counts}"));
                show(rules);
                faults.extend(unsafe_places::faults(rules, &file, &shown)?);
            }
            None if modules.files.len() > 1 => say(&format!("{shown}: {counts}")),
            None => {}
        }
        all_cycles += found.cycles;
        faults.extend(found.faults.into_iter().map(|fault| format!("{shown}: {fault}")));
    }
    say(&format!("{all_cycles} cycles"));
    if faults.is_empty() {
        say("imports, type names and unsafe code follow the rules");
        return Ok(());
    }
    bail!("{} faults\n{}", faults.len(), faults.join("\n"))
}

/// Prints layers that match a crate's imports, as a start for the list.
pub(crate) fn suggest(name: &str) -> Result<()> {
    let metadata = MetadataCommand::new().current_dir(root()).exec().context("cargo metadata")?;
    let root = roots(&metadata).into_iter().find(|root| root.package == name && root.is_product);
    let root = root.with_context(|| format!("there is no crate {name}"))?;
    for row in layers::suggest(&Modules::load(&root.file, &read)?) {
        say(&format!("  layer {}", row.join(" ")));
    }
    Ok(())
}

fn show(rules: &CrateRules) {
    for (number, layer) in rules.layers.iter().enumerate() {
        say(&format!("  {:>3}  {}", rules.layers.len() - number, layer.join(" · ")));
    }
}

/// A crate of the workspace: each program, test, benchmark and example counts as one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Root {
    is_test: bool,
    package: String,
    file: PathBuf,
    /// Whether it is the library of its package, or the program of a package without a library.
    is_product: bool,
}

/// All crates, tests last.
fn roots(metadata: &Metadata) -> Vec<Root> {
    let mut roots = Vec::new();
    for package in metadata.workspace_packages() {
        let has_library = package.targets.iter().any(Target::is_lib);
        for target in &package.targets {
            if !target.kind.contains(&TargetKind::CustomBuild) {
                roots.push(Root {
                    is_test: !(target.is_lib() || target.is_bin()),
                    package: package.name.to_string(),
                    file: target.src_path.clone().into_std_path_buf(),
                    is_product: target.is_lib() || target.is_bin() && !has_library,
                });
            }
        }
    }
    roots.sort();
    roots
}

fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}
