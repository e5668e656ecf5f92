//! What batches have begun and what it has proved, on the disk before the next step.
//!
//! A file of JSON lines. The first says what it is; each of the others is one event: an id that is about
//! to be asked for, a record that is gone again, an image that is proved. The file is locked while a batch
//! has it, so what it has begun and not ended belongs to a batch that is over.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Why a journal cannot be used. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It cannot be opened, read or written.
    #[error("cannot use the journal {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another batch is at work with it.
    #[error("the journal {} is in use by another batch", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// It is something else.
    #[error("{} is no journal: line {line}: {reason}", path.display())]
    NoJournal {
        /// The file.
        path: PathBuf,
        /// The first line that is none of a journal, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Which image of which target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Key {
    /// What messages call the source; one with secrets in it is told from others by its stamp alone.
    pub(super) source: String,
    pub(super) name: String,
    pub(super) cloud: String,
}

/// A record that was requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RequestedRecord {
    pub(super) id: String,
    /// The token of the run that has requested it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
}

/// An image that is proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proved {
    pub(super) id: String,
    /// Of the source, when it was read.
    pub(super) stamp: String,
    pub(super) os_hash_algo: String,
    pub(super) os_hash_value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The format of the file.
    Journal(u32),
    Asking {
        #[serde(flatten)]
        key: Key,
        #[serde(flatten)]
        record: RequestedRecord,
    },
    Gone {
        #[serde(flatten)]
        key: Key,
        id: String,
    },
    Proved {
        #[serde(flatten)]
        key: Key,
        #[serde(flatten)]
        proved: Proved,
    },
}

/// The only format there is.
const FORMAT: u32 = 1;

const BEGINNING: &str = "it does not begin as a journal does";

/// What a journal knows of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// A record that was requested, and of which nothing else was heard.
    pub(super) asked_for: Option<RequestedRecord>,
    pub(super) proved: Option<Proved>,
}

/// A journal that this process has to itself.
pub(super) struct Journal {
    state: Mutex<State>,
}

struct State {
    file: File,
    known: HashMap<Key, Known>,
}

impl Journal {
    /// Opens or makes the file, and reads what is in it.
    pub(super) fn open(path: &Path) -> Result<Arc<Self>, JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Busy { path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        // A line without its end is one that was being written when the process was killed.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut known: HashMap<Key, Known> = HashMap::new();
        let no_journal = |line, reason: &dyn std::fmt::Display| JournalError::NoJournal {
            path: path.to_owned(),
            line,
            reason: reason.to_string(),
        };
        for (at, line) in text[..whole].lines().enumerate() {
            let parsed = serde_json::from_str(line);
            let line: Line = parsed.map_err(|error| no_journal(at + 1, &error))?;
            if (at == 0) != matches!(line, Line::Journal(FORMAT)) {
                return Err(no_journal(at + 1, &BEGINNING));
            }
            line.tell(&mut known);
        }
        if whole == 0 && !text.is_empty() {
            return Err(no_journal(1, &BEGINNING));
        }
        file.set_len(whole as u64).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let journal = Journal { state: Mutex::new(State { file, known }) };
        if whole == 0 {
            journal.write(Line::Journal(FORMAT)).map_err(failed)?;
        }
        Ok(Arc::new(journal))
    }

    /// What earlier batches have left of an image. What they had begun is told once: it is whoever asks that
    /// sees to it.
    pub(super) fn known(&self, key: &Key) -> Known {
        let mut state = self.lock();
        let Some(known) = state.known.get_mut(key) else { return Known::default() };
        Known { asked_for: known.asked_for.take(), proved: known.proved.clone() }
    }

    pub(super) fn asking(&self, key: &Key, record: RequestedRecord) -> std::io::Result<()> {
        self.write(Line::Asking { key: key.clone(), record })
    }

    pub(super) fn gone(&self, key: &Key, id: &str) -> std::io::Result<()> {
        self.write(Line::Gone { key: key.clone(), id: id.to_owned() })
    }

    pub(super) fn proved(&self, key: &Key, proved: Proved) -> std::io::Result<()> {
        self.write(Line::Proved { key: key.clone(), proved })
    }

    /// Writes a line, which is on the disk afterwards.
    fn write(&self, line: Line) -> std::io::Result<()> {
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        let mut state = self.lock();
        state.file.write_all(text.as_bytes())?;
        state.file.sync_data()?;
        // What this batch has begun is no earlier one's.
        if !matches!(line, Line::Asking { .. }) {
            line.tell(&mut state.known);
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// What is known behind this line.
    fn tell(self, known: &mut HashMap<Key, Known>) {
        match self {
            Line::Journal(_) => {}
            Line::Asking { key, record } => {
                known.entry(key).or_default().asked_for = Some(record);
            }
            Line::Gone { key, id } => {
                let known = known.entry(key).or_default();
                known.asked_for.take_if(|asked| asked.id == id);
                known.proved.take_if(|proved| proved.id == id);
            }
            Line::Proved { key, proved } => {
                known.insert(key, Known { asked_for: None, proved: Some(proved) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(source: &str) -> Key {
        Key { source: source.to_owned(), name: "n".to_owned(), cloud: "c".to_owned() }
    }

    fn proved(id: &str) -> Proved {
        let text = |text: &str| text.to_owned();
        Proved { id: text(id), stamp: text("s"), os_hash_algo: text("a"), os_hash_value: text("v") }
    }

    fn requested(id: &str) -> RequestedRecord {
        RequestedRecord { id: id.to_owned(), token: (id == "2").then(|| "t".to_owned()) }
    }

    fn asked_for(id: &str) -> Known {
        Known { asked_for: Some(requested(id)), proved: None }
    }

    #[test]
    fn what_was_written_is_known_to_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path).unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::Busy { .. })));
        journal.asking(&key("a"), requested("1")).unwrap();
        journal.asking(&key("b"), requested("2")).unwrap();
        journal.proved(&key("b"), proved("2")).unwrap();
        journal.asking(&key("c"), requested("3")).unwrap();
        journal.gone(&key("c"), "3").unwrap();
        drop(journal);

        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.known(&key("a")), asked_for("1"));
        assert_eq!(journal.known(&key("b")).proved, Some(proved("2")));
        assert_eq!(journal.known(&key("c")), Known::default());
        assert_eq!(journal.known(&key("d")), Known::default());
    }

    #[test]
    fn a_line_that_a_kill_has_cut_counts_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path).unwrap();
        journal.asking(&key("a"), requested("1")).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], br#"{"proved":{"source":"a","na"#].concat()).unwrap();

        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.known(&key("a")), asked_for("1"));
        journal.asking(&key("b"), requested("2")).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path).unwrap().known(&key("b")), asked_for("2"));
    }

    #[test]
    fn a_journal_of_an_earlier_version_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let line = r#"{"asking":{"source":"a","name":"n","cloud":"c","id":"1"}}"#;
        std::fs::write(&path, format!("{{\"journal\":1}}\n{line}\n")).unwrap();
        assert_eq!(Journal::open(&path).unwrap().known(&key("a")), asked_for("1"));
    }

    #[test]
    fn a_file_that_is_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        let later = "{\"journal\":1}\nnonsense\n";
        for (text, line) in [("hello\n", 1), ("hello", 1), ("{\"journal\":2}\n", 1), (later, 2)] {
            std::fs::write(&path, text).unwrap();
            let refused = Journal::open(&path).err().unwrap();
            assert!(matches!(refused, JournalError::NoJournal { line: at, .. } if at == line));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
