//! What users read, word for word, in the files of `tests/snapshots`: help, usual output, and what is wrong with a
//! command line. The errors of the libraries are in the unit tests of the program.
//!
//! `CONTRIBUTING.md` says how changed texts are accepted.

mod commands;
mod help;
mod image;

mod json;
mod placeholders;

mod usage;

use std::path::Path;

use imgpush_scene::{Run, Scene};

use self::placeholders::with_placeholders;

/// The folder of all snapshots.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");

/// Compares a text with its snapshot.
fn compare(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(FOLDER);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Runs of the program, with what each printed and its exit code.
struct Transcript {
    text: String,
}

impl Transcript {
    fn new() -> Self {
        Transcript { text: String::new() }
    }

    /// Runs the program in a scene.
    fn run(&mut self, scene: &Scene, arguments: &[&str]) {
        self.add(arguments, &scene.run(arguments));
    }

    /// Adds a run with these arguments.
    fn add(&mut self, arguments: &[&str], run: &Run) {
        let quoted = |argument: &&str| match argument.contains([' ', '*']) || argument.is_empty() {
            true => format!("'{argument}'"),
            false => (*argument).to_owned(),
        };
        let words: Vec<_> = arguments.iter().map(quoted).collect();
        let code = run.code.expect("it ended by itself");
        let command = format!("$ imgpush {}", words.join(" "));
        self.text.push_str(&format!("{}\n[exit code: {code}]\n", command.trim_end()));
        for (stream, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
            if !text.is_empty() {
                self.text.push_str(&format!("[{stream}]\n{}", json::broken(text)));
                // A cut last line would look like a complete one.
                self.text.push_str(if text.ends_with('\n') { "" } else { "[no end of line]\n" });
            }
        }
        self.text.push('\n');
    }

    /// Compares all runs with the snapshot. `folder` is where they ran.
    fn compare(self, name: &str, folder: &Path) {
        compare(&format!("output_{name}"), &with_placeholders(&self.text, folder));
    }
}
