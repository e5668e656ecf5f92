//! The entries of one image of one target in a journal. Each push of a batch reads and writes them.

use std::sync::Arc;

use super::journal::{Journal, Key, Known, RequestedRecord, VerifiedImage};
use crate::push::ledger::{Earlier, Records};
use crate::push::report::{Note, NoteId, Report};

/// Access to the entries of one image of one target.
#[derive(Clone)]
pub(super) struct JournalEntry {
    journal: Arc<Journal>,
    key: Key,
    /// The current stamp of the source; without one, no earlier verification applies.
    stamp: Option<String>,
}

impl JournalEntry {
    pub(super) fn new(journal: Arc<Journal>, key: Key, stamp: Option<String>) -> Self {
        JournalEntry { journal, key, stamp }
    }

    /// Returns what earlier batches have recorded for the image.
    pub(super) fn earlier(&self) -> Option<Earlier> {
        let Known { requested, verified } = self.journal.known(&self.key);
        let is_unchanged = |verified: &VerifiedImage| self.stamp.as_ref() == Some(&verified.stamp);
        if let Some(VerifiedImage { id, os_hash_algo, os_hash_value, .. }) =
            verified.filter(is_unchanged)
        {
            return Some(Earlier::Verified { id, os_hash_algo, os_hash_value });
        }
        let RequestedRecord { id, token } = requested?;
        Some(Earlier::Begun { id, token })
    }

    /// Records that the image is verified, if the source has a stamp and the image a digest.
    pub(super) fn record_verification(&self, report: &mut Report) {
        let hash = report.os_hash_algo.clone().zip(report.os_hash_value.clone());
        let Some(((os_hash_algo, os_hash_value), stamp)) = hash.zip(self.stamp.clone()) else {
            return;
        };
        let verified = VerifiedImage { id: report.id.clone(), stamp, os_hash_algo, os_hash_value };
        if let Err(error) = self.journal.image_verified(&self.key, verified) {
            let text = format!("cannot record this image in the journal: {error}");
            report.notes.push(Note { id: NoteId::Journal, text });
        }
    }
}

impl Records for JournalEntry {
    fn asking(&self, id: &str, token: Option<&str>) -> std::io::Result<()> {
        let (id, token) = (id.to_owned(), token.map(str::to_owned));
        self.journal.record_requested(&self.key, RequestedRecord { id, token })
    }

    fn gone(&self, id: &str) {
        // If this fails, the next batch looks for the record and does not find it.
        let _ = self.journal.record_deleted(&self.key, id);
    }
}

/// Reports to the journal, then to the caller.
pub(super) struct BothRecords(pub(super) Arc<dyn Records>, pub(super) Arc<dyn Records>);

impl Records for BothRecords {
    fn asking(&self, id: &str, token: Option<&str>) -> std::io::Result<()> {
        self.0.asking(id, token)?;
        self.1.asking(id, token)
    }

    fn gone(&self, id: &str) {
        self.0.gone(id);
        self.1.gone(id);
    }
}
