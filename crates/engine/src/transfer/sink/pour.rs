//! Copies a source to sinks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use imgpush_digest::Algorithm;
use imgpush_source::Source;
use imgpush_source::SourceError;
use imgpush_source::pool::Pool;

use super::body::{Body, Meter};
use super::target::{Sink, SinkError};
use crate::integrity::Produced;
use crate::progress::NoProgress;
use crate::resources::Hashing;
use crate::timing::Stopwatch;
use crate::transfer::error::TransferError;
use crate::transfer::pass::{Pass, Slowest};

/// The result of [`pour`].
#[non_exhaustive]
pub struct Poured {
    /// The number of bytes, and their digests.
    pub produced: Produced,
    /// The result of each sink, in their order.
    pub results: Vec<Result<(), SinkError>>,
    /// The source, at its end.
    pub source: Box<dyn Source>,
}

impl fmt::Debug for Poured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poured")
            .field("produced", &self.produced)
            .field("results", &self.results)
            .field("source", &self.source.name())
            .finish()
    }
}

/// Reads a source once to its end, hashes it, and writes it to all sinks, at the rate of the slowest.
///
/// # Errors
///
/// Returns the error of the source. No sink gets the last chunk then.
///
/// # Cancel safety
///
/// Dropping the future stops the reader; the source is lost, and no sink gets the last chunk.
pub async fn pour(
    source: Box<dyn Source>,
    pool: &Pool,
    algorithms: &[Algorithm],
    sinks: &mut [&mut dyn Sink],
) -> Result<Poured, Arc<SourceError>> {
    let name = source.name().to_owned();
    let size = source.size();
    let failed = |error| SourceError::Read { name: name.clone(), at: 0, source: error };
    let pass = Pass {
        source,
        head: Vec::new(),
        pool: pool.clone(),
        hashing: Hashing::of(1),
        algorithms: algorithms.to_vec(),
        gates: sinks.iter().map(|_| None).collect(),
        needs_digests: true,
        slowest: Slowest::Wait,
        watch: Stopwatch::start(),
        // A sink cannot get the data in another pass.
        silence_timeout: Duration::MAX,
        listeners: Vec::new(),
    };
    let no_thread = |source| SourceError::NoThread { name: name.clone(), source };
    let running = pass.start().map_err(no_thread)?;
    let meter = || Meter::new(Arc::new(NoProgress), Stopwatch::start());
    let taking = sinks
        .iter_mut()
        .zip(running.branches)
        .map(|(sink, branch)| sink.take(Body::new(branch, size, meter())));
    let (results, end) = tokio::join!(join_all(taking), running.end);
    let end = end.map_err(|_| failed(std::io::Error::other("reading stopped")))?;
    match end.result {
        Ok(produced) => Ok(Poured { produced, results, source: end.source }),
        Err(TransferError::Source(error)) => Err(error),
        Err(error) => unreachable!("a pass without gates that reads to the end: {error}"),
    }
}
