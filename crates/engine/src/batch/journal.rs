//! The journal of a batch: which records were requested, and which images are verified. A line is on the disk
//! before the next step.
//!
//! The file consists of JSON lines. The first line contains the format of the file. Each other line is one
//! event: a record is about to be requested, a record is deleted, an image is verified. The file is locked
//! while a batch uses it, so an unfinished entry belongs to a batch that is over.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a journal cannot be used. No task was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be opened, read or written.
    #[error("cannot use the journal {}", path.display())]
    Io {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Another batch is using the file.
    #[error("the journal {} is in use by another command", path.display())]
    Busy {
        /// The path of the file.
        path: PathBuf,
    },
    /// The path is not a regular file, or the file is too large.
    #[error("{} is not a valid journal: {reason}", path.display())]
    NotAFile {
        /// The path of the file.
        path: PathBuf,
        /// The reason.
        reason: &'static str,
    },
    /// The file exists, and is not a journal.
    #[error("{} is not a journal: it has no journal entry", path.display())]
    NoJournal {
        /// The path of the file.
        path: PathBuf,
    },
}

/// Identifies an image in a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Key {
    /// The name of the source in messages, without secrets. Sources that differ only in a secret are
    /// distinguished by their stamp.
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

/// An image that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VerifiedImage {
    pub(super) id: String,
    /// The stamp of the source when it was read.
    pub(super) stamp: String,
    pub(super) os_hash_algo: String,
    pub(super) os_hash_value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The format of the file.
    Journal(u32),
    #[serde(rename = "asking")]
    Requested {
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
    #[serde(rename = "proved")]
    Verified {
        #[serde(flatten)]
        key: Key,
        #[serde(flatten)]
        verified: VerifiedImage,
    },
}

/// The only format so far.
const FORMAT: u32 = 1;

/// Maximum size of a journal. A line is shorter than 1 KiB, so this is enough for a million images.
const MOST_BYTES: u64 = 1 << 30;

/// The entries of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// A record that was requested, without a later entry.
    pub(super) requested: Option<RequestedRecord>,
    pub(super) verified: Option<VerifiedImage>,
}

/// A journal that this process has locked.
pub(super) struct Journal {
    state: Mutex<State>,
    /// A sentence about the unreadable lines of the file.
    damage: Option<String>,
}

struct State {
    file: File,
    known: HashMap<Key, Known>,
}

impl Journal {
    /// Opens or creates the file, and reads its entries. A line that is cut, by a killed process or a full
    /// disk, is removed at the end of the file and skipped elsewhere; [`damage`](Journal::damage) reports it.
    pub(super) fn open(path: &Path) -> Result<Arc<Self>, JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        let not_a_file = |reason| JournalError::NotAFile { path: path.to_owned(), reason };
        // Opening a FIFO would block.
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(not_a_file("it is not a regular file"));
        }
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(failed)?;
        lock(&file, path)?;
        let mut text = Vec::new();
        (&file).take(MOST_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
        if text.len() as u64 > MOST_BYTES {
            return Err(not_a_file("it is larger than 1 GiB"));
        }
        let Contents { known, unreadable, complete, has_header } = Contents::of(&text);
        if complete == 0 && !text.is_empty() {
            return Err(JournalError::NoJournal { path: path.to_owned() });
        }
        file.set_len(complete).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let damage = unreadable.first().map(|first| {
            format!(
                "{} lines of the journal {} cannot be read, the first of them line {first}: what they \
                 recorded is looked up or uploaded again",
                unreadable.len(),
                path.display()
            )
        });
        let journal = Journal { state: Mutex::new(State { file, known }), damage };
        if !has_header {
            journal.write(Line::Journal(FORMAT)).map_err(failed)?;
        }
        Ok(Arc::new(journal))
    }

    /// Returns a sentence about the unreadable lines.
    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Returns the entries of earlier batches for an image. A requested record is returned once; the caller
    /// has to handle it.
    pub(super) fn known(&self, key: &Key) -> Known {
        let mut state = self.lock();
        let Some(known) = state.known.get_mut(key) else { return Known::default() };
        Known { requested: known.requested.take(), verified: known.verified.clone() }
    }

    pub(super) fn record_requested(
        &self,
        key: &Key,
        record: RequestedRecord,
    ) -> std::io::Result<()> {
        self.write(Line::Requested { key: key.clone(), record })
    }

    pub(super) fn record_deleted(&self, key: &Key, id: &str) -> std::io::Result<()> {
        self.write(Line::Gone { key: key.clone(), id: id.to_owned() })
    }

    pub(super) fn image_verified(&self, key: &Key, verified: VerifiedImage) -> std::io::Result<()> {
        self.write(Line::Verified { key: key.clone(), verified })
    }

    /// Writes a line and syncs it to the disk.
    fn write(&self, line: Line) -> std::io::Result<()> {
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        let mut state = self.lock();
        state.file.write_all(text.as_bytes())?;
        state.file.sync_data()?;
        // A record that this batch has requested is not an earlier entry.
        if !matches!(line, Line::Requested { .. }) {
            line.apply_to(&mut state.known);
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Locks the file. A child process that is about to execute another program holds a lock of its parent for a
/// moment, even one that was released; hence the retries.
fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    let mut attempts = 0;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if attempts < LOCK_ATTEMPTS => {
                attempts += 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Busy { path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => {
                return Err(JournalError::Io { path: path.to_owned(), source });
            }
        }
    }
}

const LOCK_ATTEMPTS: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The content of a journal.
struct Contents {
    known: HashMap<Key, Known>,
    /// The numbers of the unreadable lines, from 1.
    unreadable: Vec<usize>,
    /// Bytes up to the end of the last readable line; 0 if there is none.
    complete: u64,
    has_header: bool,
}

impl Contents {
    fn of(text: &[u8]) -> Self {
        let mut contents = Contents {
            known: HashMap::new(),
            unreadable: Vec::new(),
            complete: 0,
            has_header: false,
        };
        let mut at = 0;
        for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            at += line.len() as u64;
            match serde_json::from_slice::<Line>(line) {
                // A line without a line end may be the start of a longer one.
                Ok(parsed) if line.ends_with(b"\n") && parsed.is_known() => {
                    contents.has_header |= matches!(parsed, Line::Journal(_));
                    contents.complete = at;
                    parsed.apply_to(&mut contents.known);
                }
                _ => contents.unreadable.push(number + 1),
            }
        }
        contents
    }
}

impl Line {
    /// Whether this program supports the format.
    fn is_known(&self) -> bool {
        !matches!(self, Line::Journal(format) if *format != FORMAT)
    }

    /// Applies the line to the known entries.
    fn apply_to(self, known: &mut HashMap<Key, Known>) {
        match self {
            Line::Journal(_) => {}
            Line::Requested { key, record } => {
                known.entry(key).or_default().requested = Some(record);
            }
            Line::Gone { key, id } => {
                let known = known.entry(key).or_default();
                known.requested.take_if(|record| record.id == id);
                known.verified.take_if(|image| image.id == id);
            }
            Line::Verified { key, verified } => {
                known.insert(key, Known { requested: None, verified: Some(verified) });
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

    fn verified_image(id: &str) -> VerifiedImage {
        let text = |text: &str| text.to_owned();
        VerifiedImage {
            id: text(id),
            stamp: text("s"),
            os_hash_algo: text("a"),
            os_hash_value: text("v"),
        }
    }

    fn requested(id: &str) -> RequestedRecord {
        RequestedRecord { id: id.to_owned(), token: (id == "2").then(|| "t".to_owned()) }
    }

    fn only_requested(id: &str) -> Known {
        Known { requested: Some(requested(id)), verified: None }
    }

    #[test]
    fn entries_are_available_to_the_next_batch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path).unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::Busy { .. })));
        journal.record_requested(&key("a"), requested("1")).unwrap();
        journal.record_requested(&key("b"), requested("2")).unwrap();
        journal.image_verified(&key("b"), verified_image("2")).unwrap();
        journal.record_requested(&key("c"), requested("3")).unwrap();
        journal.record_deleted(&key("c"), "3").unwrap();
        drop(journal);

        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.known(&key("a")), only_requested("1"));
        assert_eq!(journal.known(&key("b")).verified, Some(verified_image("2")));
        assert_eq!(journal.known(&key("c")), Known::default());
        assert_eq!(journal.known(&key("d")), Known::default());
    }

    #[test]
    fn an_incomplete_last_line_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path).unwrap();
        journal.record_requested(&key("a"), requested("1")).unwrap();
        drop(journal);
        let complete = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&complete[..], br#"{"proved":{"source":"a","na"#].concat()).unwrap();

        let journal = Journal::open(&path).unwrap();
        assert!(journal.damage().is_some_and(|damage| damage.contains("line 3")));
        assert_eq!(journal.known(&key("a")), only_requested("1"));
        journal.record_requested(&key("b"), requested("2")).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path).unwrap().known(&key("b")), only_requested("2"));
    }

    #[test]
    fn a_journal_of_an_earlier_version_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let line = r#"{"asking":{"source":"a","name":"n","cloud":"c","id":"1"}}"#;
        std::fs::write(&path, format!("{{\"journal\":1}}\n{line}\n")).unwrap();
        assert_eq!(Journal::open(&path).unwrap().known(&key("a")), only_requested("1"));
    }

    #[test]
    fn a_file_that_is_no_journal_is_left_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        for text in ["hello\n", "hello", "{\"journal\":2}\n", "{\"a\":1}\n{\"b\":2}\n"] {
            std::fs::write(&path, text).unwrap();
            let refused = Journal::open(&path).err().unwrap();
            assert!(matches!(refused, JournalError::NoJournal { .. }), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_damaged_line_loses_only_its_entry_and_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.damage(), None);
        for (source, id) in [("a", "1"), ("b", "2"), ("c", "3")] {
            journal.record_requested(&key(source), requested(id)).unwrap();
        }
        drop(journal);
        let sound = std::fs::read_to_string(&path).unwrap();
        for (line, lost) in [(0, None), (1, Some("a")), (2, Some("b")), (3, Some("c"))] {
            let mut lines: Vec<_> = sound.lines().map(str::to_owned).collect();
            lines[line].replace_range(3..6, "\0\0\0");
            std::fs::write(&path, lines.join("\n") + "\n").unwrap();
            let journal = Journal::open(&path).unwrap();
            let damage = journal.damage().unwrap();
            assert!(damage.contains(&format!("line {}", line + 1)), "{damage}");
            for (source, id) in [("a", "1"), ("b", "2"), ("c", "3")] {
                let expected =
                    if lost == Some(source) { Known::default() } else { only_requested(id) };
                assert_eq!(journal.known(&key(source)), expected, "line {line} is damaged");
            }
            // The next entry can be read.
            journal.record_requested(&key("d"), requested("4")).unwrap();
            drop(journal);
            assert_eq!(Journal::open(&path).unwrap().known(&key("d")), only_requested("4"));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_path_that_is_not_a_regular_file_is_rejected_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        for path in [Path::new("/dev/zero"), Path::new("/dev/null"), folder.path(), &fifo] {
            let refused = Journal::open(path).err().unwrap();
            assert!(matches!(refused, JournalError::NotAFile { .. }), "{refused:?}");
        }
    }
}
