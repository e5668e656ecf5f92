//! Detection of the disk format of a source: by random access, or from the first chunks of a stream.
//!
//! [`inspect`] is public; `push` and `push::stage` call [`sniff`] before they create or use a record.

use std::ops::Range;

use backon::BackoffBuilder as _;
use imgpush_formats::{Detector, Inspection, TAIL_BYTES};
use imgpush_source::{Chunk, Pool, ReadAt, Source, SourceError, catch_panic, off_runtime};

use crate::retry::{RetryOptions, requested_pause};

/// Buffers of an inspection that has to read the complete source.
const STREAM_CHUNKS: usize = 2;
const STREAM_CHUNK_BYTES: usize = 1 << 20;

/// Detects the format of a source. It reads a few ranges if the source has
/// [`random_access`](Source::random_access), otherwise the complete source.
///
/// # Errors
///
/// Returns the errors of the source.
pub fn inspect(source: &mut dyn Source) -> Result<Inspection, SourceError> {
    if let Some(inspection) = inspect_by_random_access(source)? {
        return Ok(inspection);
    }
    let pool = Pool::new(STREAM_CHUNKS, STREAM_CHUNK_BYTES);
    let mut detector = Detector::new();
    while let Some(chunk) = source.next_chunk(&pool)? {
        chunk.slices().for_each(|slice| detector.push(&slice));
    }
    source.check()?;
    Ok(detector.finish())
}

/// Inspects the end, the start, and the ranges that the start refers to.
pub(crate) fn inspect_by_random_access(
    source: &mut dyn Source,
) -> Result<Option<Inspection>, SourceError> {
    let Some(length) = source.size() else { return Ok(None) };
    let name = source.name().to_owned();
    let Some(random_access) = source.random_access() else { return Ok(None) };
    let tail_offset = length.saturating_sub(TAIL_BYTES as u64);
    let inspected = Detector::seek(length, |range| {
        let is_tail = range.start == tail_offset;
        let bytes = read_range(random_access, range)?;
        let found = tail_offset + bytes.len() as u64;
        if is_tail && found < length {
            return Err(SourceError::Shrank { name: name.clone(), expected: length, found });
        }
        Ok(bytes)
    });
    match inspected {
        Ok(inspection) => Ok(Some(inspection)),
        // The address of a server that does not answer range requests correctly.
        Err(error) if source.random_access().is_none() => {
            tracing::warn!(%error, "reading the source from its start");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reads a range. A detector requests at most 1 MiB.
fn read_range(source: &mut dyn ReadAt, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
    let length = range.end.saturating_sub(range.start);
    let mut bytes = vec![0; usize::try_from(length).expect("a detector requests at most 1 MiB")];
    let filled = source.read_at(range.start, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// The result of an inspection, and the chunks that were read for it and are not sent yet.
pub(crate) struct Sniffed {
    pub(crate) head: Vec<Chunk>,
    pub(crate) inspection: Inspection,
    /// Whether the inspection covers the end of the source.
    pub(crate) is_complete: bool,
}

/// Inspects a source by random access, or reads chunks until the format is decided. The chunks stay in the
/// pool, so at most half of the pool is used. Returns the source. After a transient error it rewinds the
/// source, if that is possible, and retries.
pub(crate) async fn sniff(
    mut source: Box<dyn Source>,
    pool: &Pool,
    retry: &RetryOptions,
) -> Result<(Box<dyn Source>, Sniffed), SourceError> {
    let mut pauses = retry.schedule().build();
    loop {
        let pool = pool.clone();
        let name = source.name().to_owned();
        let (back, sniffed) = off_runtime(move || {
            let name = source.name().to_owned();
            let sniffed = catch_panic(&name, || sniff_blocking(source.as_mut(), &pool));
            (source, sniffed)
        })
        .await
        .map_err(|source| SourceError::NoThread { name, source })?;
        source = back;
        let error = match sniffed {
            Ok(sniffed) => return Ok((source, sniffed)),
            Err(error) => error,
        };
        if !error.is_worth_a_retry() || source.rewind().is_none() {
            return Err(error);
        }
        let Some(pause) = pauses.next() else { return Err(error) };
        let pause = pause.max(requested_pause(error.retry_after()));
        tracing::warn!(%error, ?pause, "retrying to read the source");
        tokio::time::sleep(pause).await;
        source = to_start(source).await?;
    }
}

/// Rewinds a source that has a [`rewind`](Source::rewind).
pub(crate) async fn to_start(mut source: Box<dyn Source>) -> Result<Box<dyn Source>, SourceError> {
    let name = source.name().to_owned();
    off_runtime(move || {
        let name = source.name().to_owned();
        catch_panic(&name, || source.rewind().expect("the caller has checked it").to_start())?;
        Ok(source)
    })
    .await
    .map_err(|source| SourceError::NoThread { name, source })?
}

fn sniff_blocking(source: &mut dyn Source, pool: &Pool) -> Result<Sniffed, SourceError> {
    if let Some(inspection) = inspect_by_random_access(source)? {
        return Ok(Sniffed { head: Vec::new(), inspection, is_complete: true });
    }
    let mut detector = Detector::new();
    let mut head = Vec::new();
    let mut read = 0;
    let mut is_complete = false;
    while !detector.is_decided() && head.len() < pool.chunks() / 2 {
        let Some(chunk) = source.next_chunk(pool)? else {
            is_complete = true;
            break;
        };
        read += chunk.len();
        chunk.slices().for_each(|slice| detector.push(&slice));
        head.push(chunk);
    }
    let size = source.size().or(is_complete.then_some(read));
    Ok(Sniffed { head, inspection: detector.so_far(size), is_complete })
}
