//! The digests of a view of a source that can be read only once, computed while it is uploaded.
//!
//! `push::job` sets it up. A thread converts what the gate of a branch sees. A failure affects the view only, and so
//! does a conversion that is much slower than the upload: a large hole is hashed, too, and meanwhile the service
//! would time out.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use imgpush_source::pool::Pool;
use imgpush_source::{Chunk, CustomError, Source, SourceError, catch_panic};
use tokio::sync::oneshot;

use super::gate::TailGate;
use crate::convert::StoredView;
use crate::integrity::Produced;
use crate::integrity::produced::DEFAULT_ALGORITHMS;
use crate::resources::Hashing;

/// Chunks that wait for the conversion. Each is one that the upload has to do without.
const WAITING_CHUNKS: usize = 1;

/// How long the upload waits for the conversion of a chunk.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause between two attempts to pass a chunk on.
const PAUSE: Duration = Duration::from_millis(2);

/// Buffers of the view.
const CHUNKS: usize = 4;
const CHUNK_BYTES: usize = 1 << 20;

/// A gate that copies what it sees.
pub(crate) struct Tap {
    gate: Box<dyn TailGate>,
    /// `None` once the view has failed or is complete.
    copy: Option<SyncSender<Copied>>,
}

/// What the gate has seen.
enum Copied {
    Chunk(Chunk),
    End,
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
        let (copy, copies) = sync_channel(WAITING_CHUNKS);
        let (finished, tapped) = oneshot::channel();
        let source = Box::new(CopiedSource { name: name.to_owned(), copies, is_ended: false });
        let name = name.to_owned();
        let started = std::thread::Builder::new().name("imgpush-view".into()).spawn(move || {
            let produced = catch_panic(&name, || hash(view, source, || finished.is_closed()));
            let _ = finished.send(produced);
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
        self.pass_on(Copied::Chunk(chunk.clone()));
    }

    fn opens(&mut self) -> bool {
        self.pass_on(Copied::End);
        self.copy = None;
        self.gate.opens()
    }
}

impl Tap {
    /// Passes on what the gate has seen, or gives the view up.
    fn pass_on(&mut self, mut copied: Copied) {
        let Some(copy) = &self.copy else { return };
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            copied = match copy.try_send(copied) {
                Ok(()) => return,
                Err(TrySendError::Full(copied)) => copied,
                Err(TrySendError::Disconnected(_)) => break,
            };
            std::thread::sleep(PAUSE);
        }
        self.copy = None;
    }
}

/// Hashes a view, unless its result is not wanted any more.
fn hash(
    view: StoredView,
    source: Box<dyn Source>,
    is_unwanted: impl Fn() -> bool,
) -> Result<Produced, SourceError> {
    let name = source.name().to_owned();
    let mut viewed = view.of_blocking(source)?;
    let hasher = Hashing::of(1).hasher(DEFAULT_ALGORITHMS);
    Produced::read(
        viewed.as_mut(),
        &Pool::new(CHUNKS, CHUNK_BYTES),
        hasher,
        |_| match is_unwanted() {
            true => Err(cut_off(&name)),
            false => Ok(()),
        },
    )
}

/// The error of a source of which only the start was copied.
fn cut_off(name: &str) -> SourceError {
    CustomError::new(name, "its conversion was much slower than the upload").into()
}

/// What the gate has seen, as a source.
struct CopiedSource {
    name: String,
    copies: Receiver<Copied>,
    is_ended: bool,
}

impl Source for CopiedSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> Option<u64> {
        None
    }

    fn next_chunk(&mut self, _: &Pool) -> Result<Option<Chunk>, SourceError> {
        if self.is_ended {
            return Ok(None);
        }
        match self.copies.recv() {
            Ok(Copied::Chunk(chunk)) => Ok(Some(chunk)),
            Ok(Copied::End) => {
                self.is_ended = true;
                Ok(None)
            }
            Err(_) => Err(cut_off(&self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use imgpush_source::{BytesSource, Source as _};

    use super::*;

    struct Open;

    impl TailGate for Open {
        fn see(&mut self, _: &Chunk) {}

        fn opens(&mut self) -> bool {
            true
        }
    }

    fn tap() -> (Tap, Tapped) {
        let view = StoredView { decompressed: None, is_raw: false };
        Tap::on(Box::new(Open), "pipe", view).ok().unwrap()
    }

    #[test]
    fn a_view_has_the_digests_of_all_chunks() {
        let (mut tap, mut tapped) = tap();
        let mut source = BytesSource::new("pipe", vec![7; 3 << 20]);
        let pool = Pool::new(4, 1 << 20);
        while let Some(chunk) = source.next_chunk(&pool).unwrap() {
            tap.see(&chunk);
        }
        assert!(tap.opens());
        let produced = loop {
            match tapped.try_recv() {
                Ok(produced) => break produced.unwrap(),
                Err(oneshot::error::TryRecvError::Empty) => std::thread::sleep(PAUSE),
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(produced.bytes, 3 << 20);
        let sha512 = imgpush_digest::hash(imgpush_digest::Algorithm::Sha512, &vec![7; 3 << 20]);
        assert_eq!(produced.digests.get(imgpush_digest::Algorithm::Sha512), Some(&sha512));
    }

    /// An upload that was aborted must not look like a shorter source.
    #[test]
    fn a_view_of_a_part_is_an_error() {
        let (mut tap, tapped) = tap();
        tap.see(&Chunk::Hole(1 << 20));
        drop(tap);
        assert!(tapped.blocking_recv().unwrap().is_err());
    }
}
