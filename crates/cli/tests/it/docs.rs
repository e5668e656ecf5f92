//! The documentation: every command line in a page is one that the program accepts, and every message in the page
//! for troubleshooting is one that it prints.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use imgpush_scene::{Run, imgpush};

#[test]
fn every_command_line_of_a_page_has_a_subcommand_and_options_that_exist() {
    let mut program = Program::default();
    let mut faults = Vec::new();
    let mut count = 0;
    for page in pages() {
        for line in command_lines(&std::fs::read_to_string(&page).unwrap()) {
            for command in commands(&line) {
                count += 1;
                if let Err(fault) = program.check(&command) {
                    faults.push(format!("{}: {}: {fault}", page.display(), command.join(" ")));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 50, "only {count} command lines were found");
}

#[test]
fn a_command_line_with_an_unknown_word_is_found() {
    let mut program = Program::default();
    for (line, fault) in [
        ("imgpush push --cloud prod disk.raw", None),
        ("id=$(imgpush push -j 4 disk.raw) | imgpush image list", None),
        ("imgpush image import noble --wait", None),
        ("imgpush image ls --long", None),
        ("imgpush pusch disk.raw", Some("pusch")),
        ("imgpush image lost", Some("lost")),
        ("imgpush push --clowd prod disk.raw", Some("--clowd")),
        ("sudo imgpush image show noble -z", Some("-z")),
        ("A=b imgpush push --clowd", Some("--clowd")),
        ("cargo tree -p imgpush -e normal", None),
    ] {
        let faults = commands(line).iter().find_map(|command| program.check(command).err());
        assert_eq!(faults.as_deref(), fault, "{line}");
    }
}

#[test]
fn every_message_for_troubleshooting_is_one_of_the_program() {
    let mut sources = String::new();
    for path in files_below(&root().join("crates"), "rs") {
        if path.components().any(|part| part.as_os_str() == "src") {
            sources += &joined(&std::fs::read_to_string(path).unwrap());
        }
    }
    let page = std::fs::read_to_string(root().join("docs/guide/troubleshooting.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    let messages: Vec<&str> = rows
        .filter_map(|row| row.split(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert!(messages.len() > 30, "only {} messages were found", messages.len());
    for message in messages {
        // A word in capitals stands for a value.
        let is_value = |word: &str| word.chars().all(|c| c.is_ascii_uppercase());
        let words: Vec<&str> =
            message.split_inclusive(|c: char| !c.is_ascii_alphabetic()).collect();
        let is_text =
            |word: &&str| !is_value(word.trim_end_matches(|c: char| !c.is_ascii_alphabetic()));
        let texts = words.split(|word| !is_text(word) && word.trim() != "");
        for text in texts.map(<[&str]>::concat) {
            assert!(sources.contains(text.trim()), "{message}: no message has {text:?}");
        }
    }
}

/// The source with the literals that go over several lines in one.
fn joined(source: &str) -> String {
    let mut pieces = source.split("\\\n");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |joined, piece| joined + piece.trim_start())
}

/// What the program says of its subcommands and options.
#[derive(Default)]
struct Program {
    helps: BTreeMap<Vec<String>, Help>,
}

/// The help of one subcommand.
struct Help {
    subcommands: BTreeSet<String>,
    /// Whether it does nothing without a subcommand.
    needs_subcommand: bool,
    options: BTreeSet<String>,
}

impl Program {
    /// Returns the first word of a command that the program does not know.
    fn check(&mut self, words: &[String]) -> Result<(), String> {
        let mut path = Vec::new();
        let mut has_all_subcommands = false;
        for word in words.iter().skip(1) {
            if word == "--" {
                return Ok(());
            }
            if word.starts_with('-') && word.len() > 1 {
                let option = word.split('=').next().unwrap_or_default();
                if !self.help(&path).options.contains(option) {
                    return Err(option.to_owned());
                }
            } else if !has_all_subcommands {
                let help = self.help(&path);
                if help.subcommands.contains(word) {
                    path.push(word.clone());
                } else if help.needs_subcommand {
                    return Err(word.clone());
                } else {
                    has_all_subcommands = true;
                }
            }
        }
        Ok(())
    }

    fn help(&mut self, path: &[String]) -> &Help {
        self.helps.entry(path.to_vec()).or_insert_with(|| {
            let run = Run::of(imgpush().args(path).arg("--help").output().unwrap());
            assert_eq!(run.code, Some(0), "{path:?}: {}", run.stderr);
            Help::parse(&run.stdout)
        })
    }
}

impl Help {
    fn parse(text: &str) -> Help {
        let usage = text.lines().find(|line| line.starts_with("Usage: ")).unwrap_or_default();
        let commands = text.lines().skip_while(|line| *line != "Commands:").skip(1);
        let commands = commands.take_while(|line| line.starts_with(' '));
        // Further lines of a description are indented more.
        let names = commands.filter(|line| !line.starts_with("    ")).flat_map(|line| {
            let marks = ["[alias: ", "[aliases: "];
            let aliases = marks.iter().find_map(|mark| line.split_once(mark));
            let aliases = aliases.map_or("", |(_, aliases)| aliases);
            let aliases = aliases.trim_end_matches(']').split(", ");
            line.split_whitespace().take(1).chain(aliases)
        });
        let lines = text.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        let options = lines.flat_map(|line| {
            let words = line.split([' ', ',', '=', '[']);
            words.take_while(|word| word.is_empty() || word.starts_with('-'))
        });
        Help {
            subcommands: names.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            needs_subcommand: usage.ends_with("<COMMAND>"),
            options: options.filter(|word| word.len() > 1).map(str::to_owned).collect(),
        }
    }
}

/// The command lines in the blocks for a shell, with those that go over several lines in one.
fn command_lines(page: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut block: Option<&str> = None;
    let mut begun = String::new();
    for line in page.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = if block.is_none() { Some(language) } else { None };
            continue;
        }
        let typed = match block {
            Some("sh" | "bash") => Some(line),
            Some("console") if begun.is_empty() => line.strip_prefix("$ "),
            Some("console") => Some(line),
            _ => None,
        };
        if let Some(typed) = typed {
            begun += typed.trim_end_matches('\\');
            if !typed.ends_with('\\') {
                lines.push(std::mem::take(&mut begun));
            }
        }
    }
    lines
}

/// The calls of imgpush in a command line, each with its words.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut command: Option<Vec<String>> = None;
    // Whether the next word is the name of a program.
    let mut is_start = true;
    for word in words(line) {
        let ends = ["|", "||", "&&", ";", "&", "(", ")", ">", "2>/dev/null"].contains(&&*word);
        if ends || word.starts_with('#') {
            commands.extend(command.take());
            is_start = true;
        } else if let Some(command) = &mut command {
            command.push(word);
        } else if is_start && word == "imgpush" {
            command = Some(vec![word]);
        } else {
            let runs_another = ["$", "sudo", "nohup", "xargs", "time"].contains(&&*word);
            is_start = is_start && (runs_another || word.contains('='));
        }
    }
    commands.extend(command);
    commands
}

/// The words of a line as a shell has them: quotes hold words together, brackets, `;` and `>` stand by
/// themselves.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, ' ') => words.push(String::new()),
            (None, '(' | ')' | ';' | '>') => words.extend([character.to_string(), String::new()]),
            _ => words.last_mut().unwrap().push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The pages for users and developers.
fn pages() -> Vec<PathBuf> {
    let names = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "tests/cloud/README.md"];
    let mut pages: Vec<PathBuf> = names.iter().map(|name| root().join(name)).collect();
    pages.extend(files_below(&root().join("docs"), "md"));
    let crates = std::fs::read_dir(root().join("crates")).unwrap();
    let readmes = crates.map(|folder| folder.unwrap().path().join("README.md"));
    pages.extend(readmes.filter(|readme| readme.exists()));
    pages
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}
