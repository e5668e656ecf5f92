//! The places that are allowed to contain `unsafe` code.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::list::{self, CrateRules};

/// `unsafe` code outside the places in the list, and crates without any that do not forbid it.
pub(super) fn faults(rules: &CrateRules, root_file: &Path, shown: &str) -> Result<Vec<String>> {
    let folder = root_file.parent().context("a root file is in a folder")?;
    if rules.unsafe_in.is_empty() {
        let source = std::fs::read_to_string(root_file).with_context(|| shown.to_owned())?;
        let forbids = source.contains("#![forbid(unsafe_code)]");
        let fault = format!("{shown} must contain #![forbid(unsafe_code)]");
        return Ok(if forbids { vec![] } else { vec![fault] });
    }
    let mut faults = Vec::new();
    for path in sources(folder)? {
        let inside = path.strip_prefix(folder)?;
        let is_allowed = rules.unsafe_in.iter().any(|place| inside.starts_with(place));
        if !is_allowed && has_unsafe(&std::fs::read_to_string(&path)?) {
            let inside = inside.display();
            faults.push(format!("{}: {inside} must not use unsafe ({})", rules.name, list::PATH));
        }
    }
    for place in &rules.unsafe_in {
        if !folder.join(place).exists() {
            faults.push(format!("{}: there is no {place} ({})", rules.name, list::PATH));
        }
    }
    Ok(faults)
}

/// Whether the keyword occurs in code, outside comments.
fn has_unsafe(source: &str) -> bool {
    source.lines().any(|line| {
        let code = line.split("//").next().unwrap_or_default();
        code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
    })
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
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
    fn the_word_counts_only_in_code() {
        assert!(has_unsafe("let x = unsafe { f() };"));
        assert!(has_unsafe("unsafe fn f() {}"));
        assert!(!has_unsafe("// unsafe is forbidden here"));
        assert!(!has_unsafe("#![forbid(unsafe_code)]"));
        assert!(!has_unsafe("Failure::FormatUnsafe"));
    }
}
