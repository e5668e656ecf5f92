//! The one place that writes: results to stdout, all else to stderr.

use std::io::{IsTerminal as _, Write as _};

use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

/// Writes to the terminal, or to whatever stands there.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    /// Whether colours are wanted on stderr.
    colour: bool,
    /// Whether colours are wanted in results.
    result_colour: bool,
    /// Whether somebody watches stderr.
    watched: bool,
}

impl Printer {
    pub(crate) fn new() -> Self {
        let watched = std::io::stderr().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let result_colour = std::io::stdout().is_terminal() && !refused;
        Printer { colour: watched && !refused, result_colour, watched }
    }

    /// Whether somebody watches stderr.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    /// Whether colours are wanted there.
    pub(crate) fn is_coloured(&self) -> bool {
        self.colour
    }

    /// A line of the result. A reader that has gone away (`| head -1`) has all it wanted.
    pub(crate) fn result(&self, line: &str) {
        self.result_bytes(line.as_bytes());
    }

    /// A line of the result with names of files, which are bytes.
    #[expect(clippy::unused_self, reason = "all output goes through a printer")]
    pub(crate) fn result_bytes(&self, line: &[u8]) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(line).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    }

    /// The same; false when the reader has gone away.
    #[expect(clippy::unused_self, reason = "all output goes through a printer")]
    pub(crate) fn result_is_read(&self, line: &str) -> bool {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
    }

    /// A line for whoever watches.
    #[expect(clippy::unused_self, reason = "all output goes through a printer")]
    pub(crate) fn note(&self, line: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// A line of a summary. On a terminal it is broken at words, unless one of them fits nowhere.
    pub(crate) fn summary(&self, line: &str) {
        let line = for_terminal(line);
        let size = terminal_size::terminal_size_of(std::io::stderr()).filter(|_| self.watched);
        match size {
            Some((columns, _)) => {
                broken(&line, columns.0.into()).iter().for_each(|line| self.note(line));
            }
            None => self.note(&line),
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

/// The line in pieces that fit, all but the first behind its label.
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

/// As wide as `  time    `.
const LABEL: &str = "          ";

/// The text with control characters escaped: what comes from elsewhere, the names of files and the
/// answers of servers, must not steer the terminal.
pub(crate) fn for_terminal(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => plain.extend(character.escape_default()),
            false => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_words_and_never_within_a_digest() {
        let time = "  time    hash 1.8 s of 2.1 s: hashing is the limit";
        assert_eq!(
            broken(time, 32),
            ["  time    hash 1.8 s of 2.1 s:", "          hashing is the limit"]
        );
        assert_eq!(broken(time, 80), [time]);
        let digest = format!("  proved  sha512 {}", "a".repeat(128));
        assert_eq!(broken(&digest, 80), [&*digest]);
    }
}
