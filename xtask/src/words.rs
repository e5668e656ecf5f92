//! Words of a private language that must not come back: `cargo xtask check` looks for them in all sources and pages.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::places::root;

/// Words, and what to write instead.
const WORDS: [(&str, &str); 15] = [
    ("proved", "verified"),
    ("unproved", "not verified"),
    ("unbegun", "not started"),
    ("is content", "keeps, accepts"),
    ("be content", "keep, accept"),
    ("laid ready", "staged"),
    ("by turns", "alternately"),
    ("lets go of", "releases"),
    ("gone on with", "resumed"),
    ("its kin", "and similar"),
    ("as it came", "unchanged"),
    ("mended", "fixed, retried"),
    ("whoever", "name the actor"),
    ("behind the last byte", "after the last byte"),
    ("so many seconds", "a number, or N seconds"),
];

/// Where a word stands for itself: this list, keys of earlier versions, the history.
const EXCEPT: [&str; 4] = [
    "xtask/src/words.rs",
    "crates/engine/src/batch/journal.rs",
    "docs/json-output.md",
    "CHANGELOG.md",
];

/// Fails if one of the words is there.
pub(crate) fn check() -> Result<()> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--", "*.rs", "*.md", "*.toml", "*.snap", "*.sh", "*.py"])
        .current_dir(root())
        .output()
        .context("git ls-files")?;
    let files = String::from_utf8(listed.stdout).context("names of files")?;
    let mut found = Vec::new();
    for file in files.split('\0').filter(|file| !file.is_empty() && !EXCEPT.contains(file)) {
        // A listed file may be deleted and not committed yet.
        let Ok(text) = std::fs::read_to_string(root().join(Path::new(file))) else { continue };
        for (number, line) in text.lines().enumerate() {
            let words = WORDS.iter().filter(|(word, _)| has_word(line, word));
            found.extend(words.map(|(word, instead)| {
                format!("{file}:{}: \"{word}\": write {instead}", number + 1)
            }));
        }
    }
    ensure!(found.is_empty(), "words of a private language:\n{}", found.join("\n"));
    Ok(())
}

/// Whether the line has these words, not as parts of longer ones.
fn has_word(line: &str, word: &str) -> bool {
    let line = line.to_lowercase();
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::has_word;

    #[test]
    fn a_word_is_found_at_its_borders_only() {
        for (line, is_found) in [
            ("the image is Proved.", true),
            ("improved, approved", false),
            ("fn proved_by()", false),
            ("proved", true),
        ] {
            assert_eq!(has_word(line, "proved"), is_found, "{line}");
        }
    }
}
