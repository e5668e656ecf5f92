//! A qcow2 image in a file, in one pass over the raw source.

use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;

use imgpush_source::pool::{CHUNK_BYTES, Pool};
use imgpush_source::{Source, SourceError};

use super::allocator::Allocator;
use super::cluster_map::ClusterMap;
use super::error::WriteError;
use super::geometry::Geometry;
use super::image::{Image, Position};
use super::options::WriteOptions;
use super::pipeline::Pipeline;
use super::stream::Qcow2Source;

/// An image that was written into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of the disk: those of the raw source, rounded up to 512.
    pub virtual_size: u64,
}

/// Writes a source into an empty file, from its start, with the same bytes as
/// [`Qcow2Source`](super::Qcow2Source) has.
///
/// The source is read once if its size is known, or with a [`spool`](WriteOptions::spool); otherwise it is read
/// once before to find its size. Tables are written when the clusters that they refer to are. After an error the
/// file is incomplete, and has no valid header. `progress` is called with the bytes of the source that were read
/// so far.
///
/// # Errors
///
/// The options are invalid, the source cannot be read, has changed, or differs from its published digests, the
/// disk is too large for the size of clusters, or the file cannot be written.
pub fn write_to(
    mut source: Box<dyn Source>,
    options: &WriteOptions,
    file: &mut (impl Write + Seek),
    progress: &mut dyn FnMut(u64),
) -> Result<Written, WriteError> {
    options.check()?;
    let raw_bytes = match source.size() {
        Some(bytes) => bytes,
        None if options.spool.is_some() => return write_spooled(source, options, file, progress),
        None => measure(&mut *source)?,
    };
    let geometry = Geometry::new(raw_bytes, options.cluster_bytes)
        .ok_or_else(|| WriteError::too_large(&*source, raw_bytes, options.cluster_bytes))?;
    let algorithms = source.wants().to_vec();
    let mut pipeline = Pipeline::new(source, options)?;
    pipeline.hash(&algorithms);

    let map = write_data(&mut pipeline, geometry, file, progress)?;
    let read = pipeline.summary().bytes;
    if read != raw_bytes {
        return Err(WriteError::Source(SourceError::Size {
            name: pipeline.source().name().to_owned(),
            expected: raw_bytes,
            found: read,
        }));
    }
    let digests = pipeline.digests();
    pipeline.source_mut().finish(&digests)?;

    let image = Image::new(geometry, map, options.compression).ok_or_else(|| {
        WriteError::too_large(pipeline.source(), raw_bytes, options.cluster_bytes)
    })?;
    write_tables(&Arc::new(image), file).map_err(WriteError::Output)
}

/// Writes the image of a source whose size is found by the pass that fills the spool file.
fn write_spooled(
    source: Box<dyn Source>,
    options: &WriteOptions,
    file: &mut (impl Write + Seek),
    progress: &mut dyn FnMut(u64),
) -> Result<Written, WriteError> {
    let mut image = Qcow2Source::prepare(source, options, progress)?;
    let mut header = vec![0; usize::try_from(options.cluster_bytes).unwrap_or(usize::MAX)];
    image.fill(&mut header)?;
    file.seek(SeekFrom::Start(options.cluster_bytes)).map_err(WriteError::Output)?;
    let mut space = vec![0; CHUNK_BYTES];
    loop {
        let count = image.fill(&mut space)?;
        if count == 0 {
            break;
        }
        file.write_all(space.get(..count).unwrap_or_default()).map_err(WriteError::Output)?;
    }
    file.rewind().map_err(WriteError::Output)?;
    file.write_all(&header).and_then(|()| file.flush()).map_err(WriteError::Output)?;
    Ok(Written { bytes: image.bytes(), virtual_size: image.virtual_size() })
}

/// The size of a source, which is read for that.
fn measure(source: &mut dyn Source) -> Result<u64, WriteError> {
    let name = source.name().to_owned();
    if source.rewind().is_none() {
        return Err(WriteError::ReadOnce { name });
    }
    let pool = Pool::new(4, CHUNK_BYTES);
    let mut bytes = 0;
    while let Some(chunk) = source.next_chunk(&pool)? {
        bytes += chunk.len();
    }
    source.rewind().ok_or(WriteError::ReadOnce { name })?.to_start()?;
    Ok(bytes)
}

/// Writes the clusters of the disk, and leaves space for the tables before them.
fn write_data(
    pipeline: &mut Pipeline,
    geometry: Geometry,
    file: &mut (impl Write + Seek),
    progress: &mut dyn FnMut(u64),
) -> Result<ClusterMap, WriteError> {
    let mut map = ClusterMap::default();
    let mut allocator = Allocator::new(geometry);
    let mut at = 0;
    let mut output = Vec::with_capacity(2 * CHUNK_BYTES);
    let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(WriteError::Output);
    while let Some(cluster) = pipeline.next(progress)? {
        map.push(cluster.in_disk());
        let place = allocator.place(cluster.in_disk());
        // Zeros take the place of tables.
        while at < place.offset {
            let count = (place.offset - at).min(CHUNK_BYTES as u64);
            output.resize(output.len() + usize::try_from(count).unwrap_or(usize::MAX), 0);
            at += count;
            if output.len() >= CHUNK_BYTES {
                write(&output)?;
                output.clear();
            }
        }
        output.extend_from_slice(cluster.data.bytes());
        at += place.bytes;
        if output.len() >= CHUNK_BYTES {
            write(&output)?;
            output.clear();
        }
    }
    let end = allocator.clusters() << geometry.cluster_bits;
    output.resize(output.len() + usize::try_from(end - at.min(end)).unwrap_or(usize::MAX), 0);
    write(&output)?;
    Ok(map)
}

/// Writes the refcounts after the data, then the L2 tables, the L1 table and at last the header.
fn write_tables(image: &Arc<Image>, file: &mut (impl Write + Seek)) -> std::io::Result<Written> {
    let cluster_bits = image.geometry.cluster_bits;
    file.seek(SeekFrom::Start(image.area.start << cluster_bits))?;
    for cluster in image.refcounts() {
        file.write_all(&cluster)?;
    }
    let mut position = image.start();
    loop {
        let before = position;
        let Position { allocator, cursor } = &mut position;
        let Some(cluster) = image.map.next(cursor) else { break };
        if let Some((_, offset)) = allocator.place(cluster).table {
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(&image.l2(before))?;
        }
    }
    file.seek(SeekFrom::Start(1 << cluster_bits))?;
    for cluster in image.l1() {
        file.write_all(&cluster)?;
    }
    file.rewind()?;
    file.write_all(&image.header())?;
    file.flush()?;
    Ok(Written { bytes: image.bytes(), virtual_size: image.geometry.virtual_bytes })
}
