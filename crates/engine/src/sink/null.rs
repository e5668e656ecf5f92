//! Nowhere: for hashing a source through the very pipeline of a push, and for measuring that.

use imgpush_digest::Algorithm;

use crate::SourceError;
use crate::pipeline::{self, Item, Produced, Stop};
use crate::pool::Pool;
use crate::source::Source;

/// Reads the source to its end and hashes it; gives it back with the digests.
///
/// # Errors
///
/// As the source fails.
///
/// # Cancel safety
///
/// Dropping the future ends the reading; the source is gone then.
pub async fn drain(
    source: Box<dyn Source>,
    pool: &Pool,
    algorithms: &[Algorithm],
) -> Result<(Produced, Box<dyn Source>), SourceError> {
    drain_telling(source, pool, algorithms, |_| {}).await
}

/// The same, telling the number of bytes read.
pub(crate) async fn drain_telling(
    source: Box<dyn Source>,
    pool: &Pool,
    algorithms: &[Algorithm],
    tell: impl Fn(u64),
) -> Result<(Produced, Box<dyn Source>), SourceError> {
    let name = source.name().to_owned();
    let failed = |error| SourceError::Read { name: name.clone(), at: 0, source: error };
    let mut flow =
        pipeline::start(source, Vec::new(), pool.clone(), algorithms, None).map_err(failed)?;
    let mut read = 0;
    while let Some(Item::Chunk(chunk)) = flow.queue.recv().await {
        read += chunk.len() as u64;
        tell(read);
    }
    let outcome =
        flow.outcome.await.map_err(|_| failed(std::io::Error::other("reading stopped")))?;
    match outcome.result {
        Ok(read) => Ok((read.produced, outcome.source)),
        Err(Stop::Source(error)) => Err(error),
        Err(Stop::Claim(_)) => unreachable!("nothing was claimed"),
        Err(Stop::Unwanted) => unreachable!("the queue was read to its end"),
    }
}
