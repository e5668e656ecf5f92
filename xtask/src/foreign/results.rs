//! The results of the suites, and what differs between the two services.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::suites::Suite;
use crate::places::root;

/// The result of a test, or of a command.
#[derive(Debug)]
pub(super) struct Outcome {
    /// `passed`, `failed` or `skipped`; of a command `exit` and the code.
    pub(super) word: String,
    /// The normalised output of a command.
    output: Option<String>,
    /// The reason of a failure.
    reason: String,
}

/// A test whose results differ.
pub(super) struct Difference {
    pub(super) test: String,
    pub(super) real: String,
    pub(super) sandbox: String,
    /// The explanation in `tests/foreign/known.txt`.
    pub(super) reason: Option<String>,
}

impl Outcome {
    pub(super) fn is(&self, word: &str) -> bool {
        self.word == word
    }
}

/// Reads the results that a suite has written.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Outcome>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut outcomes = BTreeMap::new();
    for line in text.lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).with_context(|| path.display().to_string())?;
        let field = |name: &str| line[name].as_str().map(str::to_owned);
        let test = field("test").unwrap_or_default();
        let outcome = Outcome {
            word: field("outcome").unwrap_or_default(),
            output: field("output"),
            reason: field("reason").unwrap_or_default(),
        };
        outcomes.insert(test, outcome);
    }
    Ok(outcomes)
}

/// The explained differences: the end of the name of a test, and the reason.
pub(super) fn known() -> Result<Vec<(String, String)>> {
    let path = root().join("tests/foreign/known.txt");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (test, reason) =
                line.split_once(" | ").context("known.txt: expected TEST | REASON")?;
            Ok((test.trim().to_owned(), reason.trim().to_owned()))
        })
        .collect()
}

/// What fails in the sandbox and not in the real service; of commands, everything that differs.
pub(super) fn differences(
    suite: &Suite,
    real: &BTreeMap<String, Outcome>,
    sandbox: &BTreeMap<String, Outcome>,
    known: &[(String, String)],
) -> Vec<Difference> {
    let mut found = Vec::new();
    for (test, real) in real {
        let sandbox = sandbox.get(test);
        let is_equal = sandbox.is_some_and(|sandbox| match suite.transcripts_of {
            Some(_) => sandbox.word == real.word && sandbox.output == real.output,
            None => sandbox.is(&real.word) || !real.is("passed"),
        });
        if is_equal {
            continue;
        }
        let reason = known.iter().find(|(name, _)| test.ends_with(&**name));
        let shown = |outcome: &Outcome| match &outcome.output {
            Some(output) => format!("{}: {}", outcome.word, last_line(output)),
            None => format!("{} {}", outcome.word, last_line(&outcome.reason)),
        };
        found.push(Difference {
            test: test.clone(),
            real: shown(real),
            sandbox: sandbox.map_or_else(|| "not run".to_owned(), shown),
            reason: reason.map(|(_, reason)| reason.clone()),
        });
    }
    found
}

fn last_line(text: &str) -> &str {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim()
}
