//! The help of every command, which the help itself lists.

use std::collections::BTreeSet;
use std::path::Path;

use imgpush_scene::{Run, imgpush_in};

use super::{FOLDER, compare};

/// A command added to the program is found by its help, and fails until it has a snapshot; so does a snapshot whose
/// command is no longer there.
#[test]
fn every_command_has_help() {
    let folder = tempfile::tempdir().unwrap();
    let mut commands = vec![Vec::new()];
    let mut next = 0;
    while let Some(command) = commands.get(next).cloned() {
        next += 1;
        let listed = listed_commands(&help(folder.path(), &command, "-h", 80));
        commands.extend(listed.into_iter().map(|name| [&command[..], &[name]].concat()));
    }
    assert!(commands.len() > 40, "{commands:?}");

    let name = |command: &Vec<String>| {
        format!("help_{}", [&["imgpush".to_owned()], &command[..]].concat().join("_"))
    };
    let names: BTreeSet<_> = commands.iter().map(name).collect();
    for command in &commands {
        compare(&name(command), &all_help(folder.path(), command));
    }
    let files = std::fs::read_dir(FOLDER).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let there = files.filter_map(|file| Some(file.strip_suffix(".snap")?.to_owned()));
    let there: BTreeSet<_> = there.filter(|name| name.starts_with("help_")).collect();
    assert_eq!(there, names);
}

/// The short and the long help of a command, each at two widths.
fn all_help(folder: &Path, command: &[String]) -> String {
    let mut text = String::new();
    for (option, columns) in [("-h", 80), ("-h", 120), ("--help", 80), ("--help", 120)] {
        let words = [&["imgpush".to_owned()], command].concat().join(" ");
        let title = format!("{words} {option}, {columns} columns");
        text.push_str(&format!("{title}\n{}\n\n", "=".repeat(title.len())));
        text.push_str(&help(folder, command, option, columns));
        text.push('\n');
    }
    text
}

fn help(folder: &Path, command: &[String], option: &str, columns: u8) -> String {
    let mut program = imgpush_in(folder);
    // clap takes the width from it where no terminal has one.
    program.env("COLUMNS", columns.to_string()).args(command).arg(option);
    let run = Run::of(program.output().unwrap());
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{command:?} {option}");
    run.stdout
}

/// The commands in a help text, but for `help`.
fn listed_commands(text: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    // More than two spaces begin a line that goes on with what a command is for.
    let names =
        lines.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let names = names.filter_map(|line| line.split(' ').next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}
