//! The one place that writes: results to stdout, all else to stderr.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use imgpush_engine::Shard;
use serde::Serialize;
use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

use crate::color::ColorWhen;
use crate::exit_code::Code;
use crate::json;
use crate::stdout::{Stdout, StdoutWriter};
use crate::text::for_terminal;

/// Writes to the terminal, or to whatever stands there. Control characters in what it is given are escaped.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    /// Whether colours are wanted on stderr.
    colour: bool,
    /// Whether colours are wanted in results.
    result_colour: bool,
    /// Whether stderr is a terminal.
    watched: bool,
    /// The shard that JSON documents name.
    shard: Option<Shard>,
    out: Arc<Stdout>,
}

impl Printer {
    /// # Errors
    ///
    /// When the process may open no more files.
    pub(crate) fn new(color: ColorWhen) -> std::io::Result<Self> {
        let out = Arc::new(Stdout::new()?);
        let watched = std::io::stderr().is_terminal();
        let result_colour = color.is_on(out.is_terminal());
        Ok(Printer { colour: color.is_on(watched), result_colour, watched, shard: None, out })
    }

    /// This printer for the results of a shard, which JSON documents then name.
    pub(crate) fn of_shard(self, shard: Option<Shard>) -> Self {
        Printer { shard, ..self }
    }

    /// Whether stderr is a terminal.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    /// Whether colours are wanted there.
    pub(crate) fn is_coloured(&self) -> bool {
        self.colour
    }

    /// Whether colours are wanted in results.
    pub(crate) fn has_coloured_results(&self) -> bool {
        self.result_colour
    }

    /// A line of the result. A reader that has gone away (`| head -1`) has all it wanted.
    pub(crate) fn result(&self, line: &str) {
        self.result_lines(&for_terminal(line));
    }

    /// Prints a JSON document of the result. Returns false if it could not be written.
    pub(crate) fn json(&self, body: &impl Serialize) -> bool {
        self.result_lines(&json::line(self.shard, body))
    }

    /// Prints a line that is a JSON document already.
    pub(crate) fn json_line(&self, line: &str) {
        self.result_lines(&json::escaped_line(line));
    }

    /// Prints the last JSON document of a shard, which shows that its report is complete.
    pub(crate) fn end_of_shard(&self, is_json: bool, totals: &impl Serialize) {
        if is_json && self.shard.is_some() {
            self.json(&json::Batch { batch: totals });
        }
    }

    /// Prints lines of the result whose parts are escaped already. Returns false if they could not be written.
    pub(crate) fn result_lines(&self, lines: &str) -> bool {
        self.result_bytes(lines.as_bytes())
    }

    /// A line of the result for another program, byte for byte, unless a terminal would read it; false when
    /// nobody gets it.
    pub(crate) fn result_for_programs(&self, line: &[u8]) -> bool {
        match self.out.is_terminal() {
            true => self.result_bytes(for_terminal(&String::from_utf8_lossy(line)).as_bytes()),
            false => self.result_bytes(line),
        }
    }

    fn result_bytes(&self, lines: &[u8]) -> bool {
        self.out.write(&[lines, b"\n"].concat())
    }

    /// The standard output for data.
    ///
    /// # Errors
    ///
    /// When the system starts no more threads.
    #[expect(clippy::unused_self, reason = "all output goes through a printer")]
    pub(crate) fn data_writer(&self) -> std::io::Result<StdoutWriter> {
        Stdout::writer()
    }

    /// The exit code of the program; `code` is that of the command. A result that could not be written is a
    /// failure of a command that had none.
    pub(crate) fn finish(&self, code: Code) -> Code {
        let Err(error) = self.out.finish() else { return code };
        self.error(&["cannot write to standard output".to_owned(), error.to_string()], &[]);
        code.unless_done_or_warned()
    }

    /// Prints a line to stderr.
    pub(crate) fn note(&self, line: &str) {
        self.note_line(&for_terminal(line));
    }

    /// Prints a JSON document to stderr.
    pub(crate) fn note_json(&self, body: &impl Serialize) {
        self.note_line(&json::line(self.shard, body));
    }

    #[expect(clippy::unused_self, reason = "all output goes through a printer")]
    fn note_line(&self, line: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// A line of a summary. On a terminal it is broken at words, unless one of them fits nowhere.
    pub(crate) fn summary(&self, line: &str) {
        let size = terminal_size::terminal_size_of(std::io::stderr()).filter(|_| self.watched);
        match size {
            Some((columns, _)) => {
                broken(&for_terminal(line), columns.0.into())
                    .iter()
                    .for_each(|line| self.note_line(line));
            }
            None => self.note(line),
        }
    }

    /// An error: what happened, level by level, then what to do next.
    pub(crate) fn error(&self, chain: &[String], hints: &[String]) {
        let mut text = String::new();
        for (level, line) in chain.iter().map(|line| for_terminal(line)).enumerate() {
            match level {
                0 => text.push_str(&format!("{} {line}\n", self.painted("error:", "1;31"))),
                _ => text.push_str(&format!("  Caused by: {line}\n")),
            }
        }
        if !hints.is_empty() {
            text.push('\n');
        }
        for hint in hints.iter().map(|hint| for_terminal(hint)) {
            text.push_str(&format!("{} {hint}\n", self.painted("hint:", "1;36")));
        }
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// The text in a colour, where colours are wanted.
    pub(crate) fn painted(&self, text: &str, sgr: &str) -> String {
        painted(self.colour, text, sgr)
    }

    /// The same for a result.
    pub(crate) fn painted_result(&self, text: &str, sgr: &str) -> String {
        painted(self.result_colour, text, sgr)
    }
}

fn painted(is_coloured: bool, text: &str, sgr: &str) -> String {
    if is_coloured { format!("\x1b[{sgr}m{text}\x1b[0m") } else { text.to_owned() }
}

/// The line in pieces that fit; all but the first are indented to the width of a label.
fn broken(line: &str, columns: usize) -> Vec<String> {
    let options = Options::new(columns)
        .subsequent_indent(LABEL)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation);
    let pieces = textwrap::wrap(line, options);
    match pieces.iter().any(|piece| display_width(piece) > columns) {
        true => vec![line.to_owned()],
        false => pieces.into_iter().map(Into::into).collect(),
    }
}

/// As wide as `  time      `.
const LABEL: &str = "            ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_words_and_never_within_a_digest() {
        let time = "  time      hash 1.8 s of 2.1 s: limited by hashing";
        assert_eq!(
            broken(time, 34),
            ["  time      hash 1.8 s of 2.1 s:", "            limited by hashing"]
        );
        assert_eq!(broken(time, 80), [time]);
        let digest = format!("  verified  sha512 {}", "a".repeat(128));
        assert_eq!(broken(&digest, 80), [&*digest]);
    }
}
