//! `cargo xtask docs`: pictures, the user guide as a book, man pages, and the documentation of the libraries.
//! `cargo xtask check` checks the links of all pages, without building a book.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::pictures;
use crate::places::{root, target};
use crate::step::{cargo, run, say};

/// The pages of the book, below the root.
const GUIDE: &str = "docs/guide";

/// The list of the pages of the book, in `GUIDE`.
const SUMMARY: &str = "SUMMARY.md";

/// Draws the pictures and builds the book, if their programs are installed, then the man pages and the
/// documentation of the libraries.
pub(crate) fn build() -> Result<()> {
    if has(&["tmux", "-V"]) && has(&["chromium", "--version"]) {
        pictures::write()?;
    } else {
        say("the pictures are not drawn: install tmux and Chromium");
    }
    if has(&["mdbook", "--version"]) {
        let book = staged_book()?;
        run(Command::new("mdbook").arg("build").arg(&book))?;
        say(&format!("the guide: {}", book.join("html/index.html").display()));
    } else {
        say("the guide is not built: install mdBook with `cargo install mdbook --locked`");
    }
    let man = target().join("man");
    run(cargo(["run", "--locked", "-p", "imgpush", "--", "man", "--overwrite"]).arg(&man))?;
    run(&mut cargo(["doc", "--workspace", "--no-deps", "--locked"]))?;
    say(&format!("the libraries: {}", target().join("doc").display()));
    Ok(())
}

/// Whether the program of this command is installed.
fn has(command: &[&str]) -> bool {
    let mut version = Command::new(command[0]);
    version.args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// Copies the guide into `target/book`, with the other pages of `docs` as chapters below `reference/`. mdBook
/// renders only what lies in one folder and is in the summary, and the guide links to the other pages.
fn staged_book() -> Result<PathBuf> {
    let book = target().join("book");
    let pages = book.join("src");
    if book.exists() {
        std::fs::remove_dir_all(&book).context("target/book")?;
    }
    let docs = root().join("docs");
    let (mut reference, mut decisions) = (String::new(), String::new());
    for file in files_below(&docs)? {
        let path = file.strip_prefix(&docs).context("a file of docs")?;
        let staged = match path.strip_prefix("guide") {
            Ok(path) => pages.join(path),
            Err(_) if path == Path::new("book.toml") => book.join(path),
            Err(_) => pages.join("reference").join(path),
        };
        std::fs::create_dir_all(staged.parent().context("a folder")?)?;
        if !is_page(path) && path != Path::new("book.toml") {
            std::fs::copy(&file, &staged).with_context(|| file.display().to_string())?;
            continue;
        }
        let text = read(&file)?;
        let text = if path.starts_with("guide") {
            text.replace("](../", "](reference/")
        } else if is_page(path) {
            let title = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("?");
            let is_decision = path.starts_with("decisions");
            let list = if is_decision { &mut decisions } else { &mut reference };
            *list += &format!("- [{title}](reference/{})\n", path.display());
            text.replace("](guide/", "](../")
        } else {
            text.replace("\"guide\"", "\"src\"").replace("../target/book/html", "html")
        };
        std::fs::write(&staged, text).with_context(|| staged.display().to_string())?;
    }
    let summary = pages.join(SUMMARY);
    let chapters = format!("\n# Reference\n\n{reference}\n# Decisions\n\n{decisions}");
    std::fs::write(&summary, read(&summary)? + &chapters)?;
    Ok(book)
}

/// Fails where a relative link of a page leads to no file or no heading, and where the summary of the guide lacks a
/// page.
pub(crate) fn check() -> Result<()> {
    let pages = pages()?;
    let mut texts = BTreeMap::new();
    for page in &pages {
        texts.insert(page.clone(), read(page)?);
    }
    let mut faults = Vec::new();
    for (page, text) in &texts {
        for link in links(text) {
            if let Err(fault) = follow(page, &link, &texts) {
                let page = page.strip_prefix(root()).unwrap_or(page);
                faults.push(format!("{}: {link}: {fault}", page.display()));
            }
        }
    }
    let guide = root().join(GUIDE);
    let listed: BTreeSet<PathBuf> =
        links(&read(&guide.join(SUMMARY))?).iter().map(|link| guide.join(link)).collect();
    let chapters = pages.iter().filter(|page| page.starts_with(&guide) && !page.ends_with(SUMMARY));
    for missing in chapters.filter(|page| !listed.contains(*page)) {
        faults.push(format!("{GUIDE}/{SUMMARY} lacks {}", missing.display()));
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

/// All Markdown files for readers.
fn pages() -> Result<Vec<PathBuf>> {
    let root = root();
    let mut pages: Vec<PathBuf> = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
        .iter()
        .chain(&["tests/cloud/README.md"])
        .map(|name| root.join(name))
        .collect();
    let crates = std::fs::read_dir(root.join("crates")).context("crates")?;
    for folder in crates {
        pages.push(folder?.path().join("README.md"));
    }
    pages.extend(files_below(&root.join("docs"))?);
    pages.retain(|path| is_page(path) && path.exists());
    Ok(pages)
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}

/// All files below a folder, in a stable order.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = std::fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// Follows a relative link; the error says what is missing.
fn follow(page: &Path, link: &str, texts: &BTreeMap<PathBuf, String>) -> Result<(), &'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(());
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => page.to_owned(),
        path => page.with_file_name("").join(path),
    };
    let target = target.canonicalize().map_err(|_| "there is no such file")?;
    if anchor.is_empty() {
        return Ok(());
    }
    let text = texts.get(&target).ok_or("an anchor into a file that is no page")?;
    let has_anchor = anchors(text).contains(anchor);
    has_anchor.then_some(()).ok_or("there is no such heading")
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The targets of all links and pictures.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text) {
        // The pieces of a line between backticks are alternately text and code.
        for piece in line.split('`').step_by(2) {
            let mut rest = piece;
            while let Some((_, after)) = rest.split_once("](") {
                let (link, after) = after.split_once(')').unwrap_or((after, ""));
                links.push(link.to_owned());
                rest = after;
            }
        }
    }
    links
}

/// The anchors of all headings, as GitHub and mdBook name them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let headings = prose(text).filter(|line| line.starts_with('#'));
    for heading in headings {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|&c| c.is_alphanumeric() || "-_ ".contains(c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let mut unique = anchor.clone();
        for number in 1.. {
            if anchors.insert(unique) {
                break;
            }
            unique = format!("{anchor}-{number}");
        }
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# One page\n[a](b.md), `[c](d)`\n```sh\n# [e](f)\n```\n## `x` and y\n## `x` and y\n[g](#h)\n";

    #[test]
    fn links_in_code_do_not_count() {
        assert_eq!(links(PAGE), ["b.md", "#h"]);
    }

    #[test]
    fn an_anchor_is_the_heading_in_lower_case_with_hyphens() {
        let expected = ["one-page", "x-and-y", "x-and-y-1"].map(str::to_owned);
        assert_eq!(anchors(PAGE), BTreeSet::from(expected));
    }

    #[test]
    fn a_link_needs_its_file_and_its_heading() {
        let page = root().join("README.md");
        let texts = BTreeMap::from([(page.clone(), PAGE.to_owned())]);
        let follow = |link| follow(&page, link, &texts);
        assert_eq!(follow("docs/guide/push.md"), Ok(()));
        assert_eq!(follow("https://example.org/no.md"), Ok(()));
        assert_eq!(follow("#x-and-y-1"), Ok(()));
        assert_eq!(follow("docs/no.md"), Err("there is no such file"));
        assert_eq!(follow("#z"), Err("there is no such heading"));
    }
}
