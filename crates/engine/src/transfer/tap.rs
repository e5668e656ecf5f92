//! The digests of a view of a source that can be read only once, computed while it is uploaded.
//!
//! `push::job` sets it up. A thread converts what the gate of a branch sees; a failure affects the view only.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use imgpush_source::pool::Pool;
use imgpush_source::{Chunk, Provenance, Source, SourceError, catch_panic};
use tokio::sync::oneshot;

use super::gate::TailGate;
use crate::convert::StoredView;
use crate::integrity::Produced;
use crate::integrity::produced::DEFAULT_ALGORITHMS;
use crate::resources::Hashing;

/// Chunks that wait for the conversion. Each is one that the upload has to do without.
const WAITING_CHUNKS: usize = 1;

/// Buffers of the view.
const CHUNKS: usize = 4;
const CHUNK_BYTES: usize = 1 << 20;

/// A gate that copies what it sees.
pub(crate) struct Tap {
    gate: Box<dyn TailGate>,
    /// `None` once the view has failed or is complete.
    copy: Option<SyncSender<Chunk>>,
}

/// The result of a tap, after the gate was asked whether it opens.
pub(crate) type Tapped = oneshot::Receiver<Result<Produced, SourceError>>;

impl Tap {
    /// Starts to compute the view of what the gate sees. Returns the gate if there is no thread for it.
    pub(crate) fn on(
        gate: Box<dyn TailGate>,
        name: &str,
        view: StoredView,
    ) -> Result<(Self, Tapped), Box<dyn TailGate>> {
        let (copy, chunks) = sync_channel(WAITING_CHUNKS);
        let (finished, tapped) = oneshot::channel();
        let source = Box::new(Copied { name: name.to_owned(), chunks });
        let name = name.to_owned();
        let started = std::thread::Builder::new().name("imgpush-view".into()).spawn(move || {
            let _ = finished.send(catch_panic(&name, || hash(view, source)));
        });
        match started {
            Ok(_) => Ok((Tap { gate, copy: Some(copy) }, tapped)),
            Err(_) => Err(gate),
        }
    }
}

impl TailGate for Tap {
    fn see(&mut self, chunk: &Chunk) {
        self.gate.see(chunk);
        if self.copy.as_ref().is_some_and(|copy| copy.send(chunk.clone()).is_err()) {
            self.copy = None;
        }
    }

    fn opens(&mut self) -> bool {
        self.copy = None;
        self.gate.opens()
    }
}

/// Hashes a view.
fn hash(view: StoredView, source: Box<dyn Source>) -> Result<Produced, SourceError> {
    let mut viewed = view.of_blocking(source)?;
    let pool = Pool::new(CHUNKS, CHUNK_BYTES);
    let mut hasher = Hashing::of(1).hasher(DEFAULT_ALGORITHMS);
    let mut bytes = 0;
    while let Some(chunk) = viewed.next_chunk(&pool)? {
        hasher.update(&chunk);
        bytes += chunk.len();
    }
    let digests = hasher.finish();
    viewed.finish(&digests)?;
    Ok(Produced { bytes, digests, provenance: Provenance::default(), ignored_bytes: 0 })
}

/// What the gate has seen, as a source.
struct Copied {
    name: String,
    chunks: Receiver<Chunk>,
}

impl Source for Copied {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> Option<u64> {
        None
    }

    fn next_chunk(&mut self, _: &Pool) -> Result<Option<Chunk>, SourceError> {
        Ok(self.chunks.recv().ok())
    }
}
