//! Rules for the help of all commands.

use clap::{Arg, Command as Cli, FromArgMatches as _};

use super::{Args, heading};

/// All commands that the help shows, with full names.
fn commands() -> Vec<Cli> {
    let mut cli = Args::cli();
    cli.build();
    let mut commands = vec![cli];
    let mut next = 0;
    while let Some(command) = commands.get(next) {
        let below = command.get_subcommands().filter(|it| it.get_name() != "help");
        let below: Vec<_> = below.cloned().collect();
        commands.extend(below);
        next += 1;
    }
    assert!(commands.len() > 40);
    commands
}

fn name(command: &Cli) -> String {
    command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn shown(command: &Cli) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_hide_set())
}

#[test]
fn the_groups_of_options_have_one_order() {
    for command in commands() {
        let options = shown(&command).filter(|arg| !arg.is_positional());
        let mut last = 0;
        let mut seen = Vec::new();
        for option in options {
            let group = option.get_help_heading();
            let group = group.unwrap_or_else(|| panic!("{}: {}", name(&command), option.get_id()));
            if seen.contains(&group) {
                continue;
            }
            seen.push(group);
            let place = heading::ORDER.iter().position(|known| *known == group);
            let place = place.unwrap_or_else(|| panic!("{group} has no place"));
            assert!(place >= last, "{}: {group} comes too late", name(&command));
            last = place;
        }
        let positional = shown(&command).find(|arg| arg.is_positional());
        assert!(positional.is_none_or(|arg| arg.get_help_heading().is_none()));
    }
}

#[test]
fn every_help_line_is_a_short_phrase() {
    let check = |of: &str, text: String| {
        assert!(text.starts_with(|c: char| c.is_ascii_uppercase() || c == '-'), "{of}: {text}");
        assert!(text.len() <= 100 && !text.ends_with('.'), "{of}: {text}");
    };
    for command in commands() {
        let about = command.get_about().map(ToString::to_string);
        check(&name(&command), about.unwrap_or_default());
        for arg in shown(&command) {
            let help = arg.get_help().map(ToString::to_string);
            check(&format!("{} {}", name(&command), arg.get_id()), help.unwrap_or_default());
            // The long help begins with the line of the short one.
            if let (Some(short), Some(long)) = (arg.get_help(), arg.get_long_help()) {
                assert!(long.to_string().starts_with(&short.to_string()));
            }
        }
    }
}

#[test]
fn examples_fit_80_columns_and_can_be_copied() {
    let mut count = 0;
    for command in commands() {
        let Some(text) = command.get_after_help().map(ToString::to_string) else { continue };
        for line in text.lines() {
            assert!(line.chars().count() < 80, "{}: {line}", name(&command));
        }
        for example in text.replace("\\\n", "").lines().filter(|line| line.starts_with("  ")) {
            for call in calls(example) {
                count += 1;
                let parsed = Args::cli().try_get_matches_from(&call);
                assert!(parsed.is_ok(), "{}: {example}\n{}", name(&command), parsed.unwrap_err());
            }
        }
    }
    assert!(count > 60, "only {count} examples were found");
}

/// The calls of imgpush in a line of a shell, each with its words.
fn calls(line: &str) -> Vec<Vec<&str>> {
    if line.trim_start().starts_with('#') {
        return Vec::new();
    }
    let commands = line.split(['|', '>', '(', ')']);
    let calls = commands.filter_map(|command| {
        let (before, call) = command.split_once("imgpush ")?;
        // It adds the last argument.
        let added = before.ends_with("xargs ").then_some("ID");
        Some(["imgpush"].into_iter().chain(call.split_whitespace()).chain(added).collect())
    });
    calls.collect()
}

#[test]
fn options_of_conversions_need_a_conversion() {
    let misfit = |command: &str, options: &[&str]| {
        let call = ["imgpush"].into_iter().chain(command.split(' ')).chain(options.iter().copied());
        let matches = Args::cli().try_get_matches_from(call).unwrap();
        Args::from_arg_matches(&matches).unwrap().misfit()
    };
    for command in ["push disk.raw", "image stage noble", "pull noble"] {
        for (option, value) in [("--spool", "folder"), ("--compress", "zlib")] {
            let expected = format!("{option} needs --convert");
            assert_eq!(misfit(command, &[option, value]), Some(&*expected), "{command}");
            let with_conversion = [option, value, "--convert", "qcow2"];
            assert_eq!(misfit(command, &with_conversion), None, "{command}");
        }
        assert_eq!(misfit(command, &[]), None, "{command}");
    }
    let convert = ["--spool", "folder", "--compress", "zstd"];
    assert_eq!(misfit("convert disk.raw disk.qcow2", &convert), None);
}
