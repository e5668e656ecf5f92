//! A source that returns to its owner when the wrapper around it is dropped.

use std::sync::{Arc, Mutex, PoisonError};

use imgpush_digest::{Algorithm, Digests};
use imgpush_source::{
    Chunk, Compressed, Pool, Provenance, Published, ReadAt, Rewind, Source, SourceError,
    SourceTimes,
};

/// Where a lent source returns to.
pub(crate) struct Lender(Arc<Mutex<Option<Box<dyn Source>>>>);

/// Lends a source, to wrap it for one pass.
pub(crate) fn lend(source: Box<dyn Source>) -> (Box<dyn Source>, Lender) {
    let lender = Lender(Arc::default());
    (Box::new(Lent { source: Some(source), lender: Arc::clone(&lender.0) }), lender)
}

impl Lender {
    /// Takes the source back; none while it is in use.
    pub(crate) fn take(self) -> Option<Box<dyn Source>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

struct Lent {
    /// Only the destructor takes it.
    source: Option<Box<dyn Source>>,
    lender: Arc<Mutex<Option<Box<dyn Source>>>>,
}

impl Lent {
    fn source(&self) -> &dyn Source {
        self.source.as_deref().expect("it is there until it is dropped")
    }

    fn source_mut(&mut self) -> &mut dyn Source {
        self.source.as_deref_mut().expect("it is there until it is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.lender.lock().unwrap_or_else(PoisonError::into_inner) = self.source.take();
    }
}

#[deny(clippy::missing_trait_methods)]
impl Source for Lent {
    fn name(&self) -> &str {
        self.source().name()
    }

    fn file_name(&self) -> Option<String> {
        self.source().file_name()
    }

    fn image_name(&self) -> Option<String> {
        self.source().image_name()
    }

    fn content_name(&self) -> Option<String> {
        self.source().content_name()
    }

    fn size(&self) -> Option<u64> {
        self.source().size()
    }

    fn stamp(&self) -> Option<String> {
        self.source().stamp()
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        self.source_mut().next_chunk(pool)
    }

    fn wants(&self) -> &[Algorithm] {
        self.source().wants()
    }

    fn check(&mut self) -> Result<(), SourceError> {
        self.source_mut().check()
    }

    fn finish(&mut self, digests: &Digests) -> Result<(), SourceError> {
        self.source_mut().finish(digests)
    }

    fn provenance(&self) -> Option<&Provenance> {
        self.source().provenance()
    }

    fn times(&mut self) -> SourceTimes {
        self.source_mut().times()
    }

    fn published(&self) -> &[Published] {
        self.source().published()
    }

    fn compressed(&mut self) -> Option<&mut dyn Compressed> {
        self.source_mut().compressed()
    }

    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        self.source_mut().random_access()
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        self.source_mut().rewind()
    }
}
