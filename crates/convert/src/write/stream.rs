//! A qcow2 image as a source of bytes.

use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use imgpush_digest::{Algorithm, Digests};
use imgpush_source::{
    Chunk, Compressed, Pool, Provenance, Published, ReadAt, Rewind, Source, SourceError,
    SourceTimes,
};

use super::cluster_map::ClusterMap;
use super::clusters::Clusters;
use super::error::WriteError;
use super::geometry::Geometry;
use super::image::Image;
use super::options::WriteOptions;
use super::pieces::Pieces;
use super::pipeline::Pipeline;
use super::spool::ClusterSpool;

/// The bytes of a qcow2 image of a raw source, which was read once to learn the size of the image.
///
/// Without a [`spool`](WriteOptions::spool) it is read again for its data. If it has other data then, reading
/// the image ends with an error before its end. With a spool, the source is verified by the first pass and not
/// read any more; the image can be read again even if the source can be read only once.
///
/// ```
/// use imgpush_convert::write::{Qcow2Source, WriteOptions};
/// use imgpush_source::{BytesSource, Pool, Source as _};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let raw = BytesSource::new("disk.raw", vec![7; 100_000]);
/// let mut image = Qcow2Source::prepare(Box::new(raw), &WriteOptions::default(), &mut |_| {})?;
/// let (pool, mut bytes) = (Pool::within(64 << 20), 0);
/// while let Some(chunk) = image.next_chunk(&pool)? {
///     bytes += chunk.len();
/// }
/// assert_eq!(image.size(), Some(bytes));
/// # Ok(()) }
/// # example().unwrap();
/// ```
pub struct Qcow2Source {
    clusters: Clusters,
    image: Arc<Image>,
    options: WriteOptions,
    pieces: Pieces,
    /// The rest of the last piece.
    rest: Bytes,
    /// Bytes returned so far.
    at: u64,
    /// The algorithms for the digests of the raw bytes.
    algorithms: Vec<Algorithm>,
    /// Digests of the raw bytes that are known before they are read.
    published: Vec<Published>,
    /// The digests of the raw bytes, once all of them are read.
    digests: Digests,
}

impl Qcow2Source {
    /// Reads the source once, which finds the size of the image.
    ///
    /// It keeps four bytes of memory for each cluster with data. `progress` is called with the bytes of the
    /// source that were read so far, which reach its size.
    ///
    /// # Errors
    ///
    /// The options are invalid, the source cannot be read, the disk is too large for the size of clusters. Without
    /// a [`spool`](WriteOptions::spool): the source can be read only once. With one: the spool file cannot be
    /// written, the source has changed, or differs from its published digests.
    pub fn prepare(
        mut source: Box<dyn Source>,
        options: &WriteOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, WriteError> {
        options.check()?;
        let mut spool = options.spool.as_deref().map(ClusterSpool::create).transpose()?;
        if spool.is_none() && source.rewind().is_none() {
            return Err(WriteError::ReadOnce { name: source.name().to_owned() });
        }
        let algorithms = source.wants().to_vec();
        // A digest of what the source itself decompresses applies to bytes two layers below.
        let mut published = source.published().to_vec();
        published.retain(|one| !one.is_compressed);
        published.iter_mut().for_each(|one| one.is_compressed = true);
        let mut pipeline = Pipeline::new(source, options)?;
        if spool.is_some() {
            pipeline.hash(&algorithms);
        }
        let mut map = ClusterMap::default();
        while let Some(cluster) = pipeline.next(progress)? {
            map.push(cluster.in_disk());
            if let Some(spool) = &mut spool {
                spool.write(cluster.data.bytes())?;
            }
        }
        let (raw_bytes, cluster_bytes) = (pipeline.summary().bytes, options.cluster_bytes);
        let image = Geometry::new(raw_bytes, cluster_bytes)
            .and_then(|geometry| Image::new(geometry, map, options.compression))
            .ok_or_else(|| WriteError::too_large(pipeline.source(), raw_bytes, cluster_bytes))?;
        let image = Arc::new(image);
        Ok(Qcow2Source {
            clusters: clusters(pipeline, spool, cluster_bytes)?,
            pieces: Pieces::new(&image),
            image,
            options: options.clone(),
            rest: Bytes::new(),
            at: 0,
            algorithms,
            published,
            digests: Digests::default(),
        })
    }

    /// The size of the disk in the image, in bytes: that of the raw source, rounded up to 512.
    #[must_use]
    pub fn virtual_size(&self) -> u64 {
        self.image.geometry.virtual_bytes
    }

    /// The size of the image in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.image.bytes()
    }

    /// Fills `space` with the next bytes, and returns their number, which is smaller only at the end.
    pub(super) fn fill(&mut self, space: &mut [u8]) -> Result<usize, WriteError> {
        let mut filled = 0;
        while let Some(left) = space.get_mut(filled..).filter(|left| !left.is_empty()) {
            if self.rest.is_empty() {
                match self.pieces.next(&mut self.clusters)? {
                    Some(piece) => self.rest = piece,
                    None => break,
                }
            }
            let count = left.len().min(self.rest.len());
            self.rest.copy_to_slice(left.get_mut(..count).unwrap_or_default());
            filled += count;
        }
        // Releases the memory of a piece that was copied completely.
        if self.rest.is_empty() {
            self.rest = Bytes::new();
        }
        Ok(filled)
    }

    fn failed(&self, error: WriteError) -> SourceError {
        error.into_source_error(self.name())
    }
}

/// The clusters after the first pass: those in the spool, or another pass over the source.
fn clusters(
    mut pipeline: Pipeline,
    spool: Option<ClusterSpool>,
    cluster_bytes: u64,
) -> Result<Clusters, WriteError> {
    let first_pass = pipeline.summary();
    let Some(spool) = spool else {
        pipeline.restart()?;
        return Ok(Clusters::Again { pipeline, first_pass });
    };
    let digests = pipeline.digests();
    pipeline.source_mut().finish(&digests)?;
    let spool = spool.into_clusters(cluster_bytes, first_pass.fingerprint)?;
    let times = pipeline.times();
    Ok(Clusters::Spooled { spool, source: pipeline.into_source(), times })
}

impl std::fmt::Debug for Qcow2Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Qcow2Source")
            .field("name", &self.name())
            .field("options", &self.options)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods)]
impl Source for Qcow2Source {
    fn name(&self) -> &str {
        self.clusters.source().name()
    }

    /// The name of the raw file.
    fn file_name(&self) -> Option<String> {
        self.clusters.source().file_name()
    }

    fn image_name(&self) -> Option<String> {
        self.clusters.source().image_name()
    }

    /// The name of the raw file with the extension `qcow2`.
    fn content_name(&self) -> Option<String> {
        let name = self.clusters.source().content_name()?;
        let is_raw =
            |extension: &str| ["raw", "img"].iter().any(|raw| extension.eq_ignore_ascii_case(raw));
        let stem =
            name.rsplit_once('.').filter(|(stem, extension)| !stem.is_empty() && is_raw(extension));
        Some(format!("{}.qcow2", stem.map_or(&*name, |(stem, _)| stem)))
    }

    fn size(&self) -> Option<u64> {
        Some(self.bytes())
    }

    /// That of the raw source, and the options on which the bytes depend.
    fn stamp(&self) -> Option<String> {
        let WriteOptions { compression, level, cluster_bytes, .. } = &self.options;
        let stamp = self.clusters.source().stamp()?;
        let version = env!("CARGO_PKG_VERSION");
        Some(format!("qcow2 by {version}, {compression:?}, {level:?}, {cluster_bytes}, of {stamp}"))
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        let mut buffer = pool.take().map_err(|source| SourceError::Read {
            name: self.name().to_owned(),
            at: self.at,
            source,
        })?;
        if self.at == 0 {
            self.clusters.hash(&self.algorithms);
        }
        let filled = self.fill(buffer.space()).map_err(|error| self.failed(error))?;
        self.at += filled as u64;
        Ok((filled > 0).then(|| Chunk::of(buffer.into_chunk(filled))))
    }

    /// None: the algorithms of the source are for its raw bytes.
    fn wants(&self) -> &[Algorithm] {
        &[]
    }

    fn check(&mut self) -> Result<(), SourceError> {
        self.clusters.check()
    }

    fn finish(&mut self, _: &Digests) -> Result<(), SourceError> {
        self.digests = self.clusters.finish()?;
        Ok(())
    }

    fn provenance(&self) -> Option<&Provenance> {
        self.clusters.source().provenance()
    }

    fn times(&mut self) -> SourceTimes {
        self.clusters.times()
    }

    /// The digests of the raw bytes.
    fn published(&self) -> &[Published] {
        &self.published
    }

    /// The raw bytes, if they are read with the image.
    fn compressed(&mut self) -> Option<&mut dyn Compressed> {
        if self.clusters.has_raw_bytes() { Some(self) } else { None }
    }

    /// None: most of the image is compressed only when it is read.
    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        None
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        Some(self)
    }
}

/// The raw bytes, which the image takes the place of.
impl Compressed for Qcow2Source {
    fn hash(&mut self, algorithms: &[Algorithm]) {
        let new = algorithms.iter().filter(|algorithm| !self.algorithms.contains(algorithm));
        let new: Vec<_> = new.copied().collect();
        self.algorithms.extend(new);
    }

    fn digests(&self) -> &Digests {
        &self.digests
    }

    fn ignored_bytes(&self) -> u64 {
        0
    }
}

impl Rewind for Qcow2Source {
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.clusters.restart().map_err(|error| self.failed(error))?;
        self.pieces = Pieces::new(&self.image);
        self.rest = Bytes::new();
        self.at = 0;
        self.digests = Digests::default();
        Ok(())
    }
}
