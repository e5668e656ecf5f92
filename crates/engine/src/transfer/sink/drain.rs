//! A sink without output, to hash a source through the pipeline of a push and to measure it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use imgpush_digest::Algorithm;
use imgpush_source::Source;
use imgpush_source::SourceError;
use imgpush_source::pool::Pool;

use super::body::Body;
use super::pour::{Poured, pour};
use super::target::{Sink, SinkError};
use crate::integrity::Produced;

/// Reads a source to its end and hashes it. Returns the digests and the source.
///
/// # Errors
///
/// Returns the error of the source.
///
/// # Cancel safety
///
/// Dropping the future stops the reader; the source is lost.
pub async fn drain(
    source: Box<dyn Source>,
    pool: &Pool,
    algorithms: &[Algorithm],
) -> Result<(Produced, Box<dyn Source>), Arc<SourceError>> {
    let Poured { produced, source, .. } =
        pour(source, pool, algorithms, &mut [&mut Discard]).await?;
    Ok((produced, source))
}

struct Discard;

impl Sink for Discard {
    fn name(&self) -> &str {
        "nowhere"
    }

    fn take(&mut self, mut body: Body) -> BoxFuture<'_, Result<(), SinkError>> {
        Box::pin(async move {
            while body.chunk().await?.is_some() {}
            Ok(())
        })
    }
}
