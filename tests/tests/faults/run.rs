//! How a run of the program ended.

use std::process::Output;
use std::time::Duration;

use imgpush_tests::said;
use serde_json::Value;

/// How a run of the program ended, and what it said.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    /// What `--json` printed.
    pub(crate) json: Value,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Run {
    pub(crate) fn of(output: &Output, password: &str, took: Duration) -> Self {
        let (stdout, stderr) = said(output, password);
        let json = serde_json::from_str(&stdout).unwrap_or(Value::Null);
        Run { code: output.status.code(), json, stderr, took }
    }

    /// How often the data was sent, as the program says.
    pub(crate) fn attempts(&self) -> u64 {
        self.json["attempts"].as_u64().unwrap_or_else(|| panic!("no attempts: {self:?}"))
    }

    /// How many notes of that id there are.
    pub(crate) fn notes(&self, id: &str) -> usize {
        let notes = self.json["notes"].as_array().unwrap_or_else(|| panic!("no notes: {self:?}"));
        notes.iter().filter(|note| note["id"] == id).count()
    }

    /// It failed with that code, and left no record.
    pub(crate) fn failed(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let error = &self.json["error"];
        assert_eq!(error["exit_code"], code, "{self:?}");
        assert!(error["record"] == "removed" || error["record"] == "none", "{self:?}");
    }

    /// It says so, in whichever of the lines of its error.
    pub(crate) fn says(&self, words: &str) {
        assert!(self.stderr.contains(words), "{words:?} is not said: {self:?}");
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {:?} after {:?}\n{}\n{:#}", self.code, self.took, self.stderr, self.json)
    }
}
