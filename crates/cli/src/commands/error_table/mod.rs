//! Every error that the program prints, as it prints it, in snapshots.
//!
//! A table has a case for each variant of one error type. The variants are read from the source file of the type,
//! so that a variant without a case fails the test; those that are left out are named beside the table, with the
//! reason. The printer writes to the stderr of the process, so each table is printed by a process of its own.
//!
//! Errors whose types are private to one command are in the snapshots of the output (`tests/it/snapshots`):
//! patterns of file names, lists of digests, folders of `pull`, unknown columns, the report, the sandbox, and
//! what clap says of the command line.

mod client;
mod pull;
mod push;
mod samples;
mod source;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;
use std::process::Command;

use crate::color::ColorWhen;
use crate::exit_code::Code;
use crate::printer::Printer;

/// Set for the process that prints a table.
const PRINTS: &str = "IMGPUSH_PRINTS_ERROR_TABLE";

/// Makes a test of each function that prints a table; the snapshot has its name.
macro_rules! tables {
    ($($name:ident)*) => {
        mod tables {
            $(#[test]
            fn $name() {
                crate::commands::error_table::compare(
                    concat!(module_path!(), "::", stringify!($name)),
                    stringify!($name),
                    super::$name,
                );
            })*
        }
    };
}
use tables;

/// Compares what a table prints with its snapshot. `test` is the path of the test that calls this.
fn compare(test: &str, name: &str, print: fn(&mut ErrorTable)) {
    if std::env::var_os(PRINTS).is_some() {
        return print(&mut ErrorTable::new());
    }
    let (_, test) = test.split_once("::").expect("the path begins with the crate");
    let printed = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", test])
        .env(PRINTS, "1")
        .output()
        .unwrap();
    let text = String::from_utf8(printed.stderr).unwrap();
    assert!(printed.status.success(), "{test}: {text}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("error_{name}"), text));
}

/// The cases of one error type.
struct ErrorTable {
    printer: Printer,
    variants: BTreeSet<String>,
}

impl ErrorTable {
    fn new() -> Self {
        ErrorTable { printer: Printer::new(ColorWhen::Never).unwrap(), variants: BTreeSet::new() }
    }

    /// Prints a case. Its title begins with the variant.
    fn case(&mut self, title: &str, print: impl FnOnce(&Printer) -> Code) {
        self.printer.note(&format!("## {title}"));
        let code = print(&self.printer).number();
        self.printer.note(&format!("exit code: {code}"));
        self.printer.note("");
        self.variants.extend(title.split(' ').next().map(str::to_owned));
    }

    /// Asserts that there is a case for each variant of an enum, but for those left out.
    fn covers(&self, file: &str, name: &str, left_out: &[&str]) {
        let in_file = variants(file, name);
        for variant in left_out {
            assert!(in_file.contains(*variant), "{name}::{variant} is left out and not there");
        }
        let missing: Vec<_> = in_file
            .iter()
            .filter(|variant| !self.variants.contains(*variant))
            .filter(|variant| !left_out.contains(&variant.as_str()))
            .collect();
        assert!(missing.is_empty(), "no case for {missing:?} of {name} in {file}");
    }
}

/// The name of the variant, which is the first word of a derived `Debug`, and in what else the case differs.
fn title(error: &impl Debug, what: &str) -> String {
    let text = format!("{error:?}");
    let variant: String = text.chars().take_while(|c| c.is_alphanumeric()).collect();
    format!("{variant} {what}").trim_end().to_owned()
}

/// The variants of an enum in a source file below `crates`, formatted by rustfmt.
fn variants(file: &str, name: &str) -> BTreeSet<String> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let (_, after) = text.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let (body, _) = after.split_once("\n}").unwrap();
    let words = body.lines().filter_map(|line| line.strip_prefix("    "));
    let words = words.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let found: BTreeSet<String> =
        words.map(|line| line.chars().take_while(|c| c.is_alphanumeric()).collect()).collect();
    assert!(!found.is_empty(), "no variants of {name} in {file}");
    found
}
