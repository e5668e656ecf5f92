//! The record that a push has asked for, known also when the push ends by a panic.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::push::ledger::Records;

/// Hears of the records of one push, and passes that on.
pub(super) struct AskedRecord {
    id: Mutex<Option<String>>,
    next: Option<Arc<dyn Records>>,
}

impl AskedRecord {
    pub(super) fn before(next: Option<Arc<dyn Records>>) -> Self {
        AskedRecord { id: Mutex::default(), next }
    }

    /// The id of the record that may be there.
    pub(super) fn id(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records for AskedRecord {
    fn asking(&self, id: &str, token: Option<&str>) -> io::Result<()> {
        self.next.as_ref().map_or(Ok(()), |next| next.asking(id, token))?;
        *self.lock() = Some(id.to_owned());
        Ok(())
    }

    fn gone(&self, id: &str) {
        let mut asked = self.lock();
        if asked.as_deref() == Some(id) {
            *asked = None;
        }
        if let Some(next) = &self.next {
            next.gone(id);
        }
    }
}

/// Passes on to the journal, then to another.
pub(super) struct JournalAnd(pub(super) Arc<dyn Records>, pub(super) Arc<dyn Records>);

impl Records for JournalAnd {
    fn asking(&self, id: &str, token: Option<&str>) -> io::Result<()> {
        self.0.asking(id, token)?;
        self.1.asking(id, token)
    }

    fn gone(&self, id: &str) {
        self.0.gone(id);
        self.1.gone(id);
    }
}
