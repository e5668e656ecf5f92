//! Digests of one stream on the calling thread, and of many streams at once.

use std::fmt;

use crate::block_hasher::BlockHasher;
use crate::schedule::{Job, compress_many};
use crate::{Algorithm, Digests, Platform, portable};

/// Bytes that all algorithms hash before the next ones, so that they stay in the second-level cache.
const SLICE_BYTES: usize = 128 << 10;

/// Hashes one stream with several algorithms, on the calling thread.
///
/// ```
/// use imgpush_digest::{Algorithm, Stream, update_many};
///
/// let mut streams = ["a", "b"].map(|_| Stream::new([Algorithm::Md5, Algorithm::Sha512]));
/// let [a, b] = &mut streams;
/// update_many(&mut [(a, b"abc"), (b, b"")]);
/// let [a, b] = streams.map(|stream| stream.finish().get(Algorithm::Md5).unwrap().to_string());
/// assert_eq!(a, "900150983cd24fb0d6963f7d28e17f72");
/// assert_eq!(b, "d41d8cd98f00b204e9800998ecf8427e");
/// ```
pub struct Stream {
    order: Vec<Algorithm>,
    platform: Platform,
    blocks: Vec<BlockHasher>,
    others: Vec<portable::Hasher>,
}

impl Stream {
    /// A stream with these algorithms, each used once, in the minimum number of passes.
    #[must_use]
    pub fn new(algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        Stream::on(Platform::detect(), algorithms)
    }

    /// The same with the kernels of this platform.
    #[must_use]
    pub fn on(platform: Platform, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let mut order: Vec<Algorithm> = Vec::new();
        let mut blocks: Vec<BlockHasher> = Vec::new();
        let mut others = Vec::new();
        for algorithm in algorithms {
            if order.contains(&algorithm) {
                continue;
            }
            order.push(algorithm);
            if let Some(hasher) = portable::Hasher::new(algorithm) {
                others.push(hasher);
            } else if !blocks.iter_mut().any(|hasher| hasher.add(algorithm)) {
                let mut hasher = BlockHasher::new();
                hasher.add(algorithm);
                blocks.push(hasher);
            }
        }
        Stream { order, platform, blocks, others }
    }

    /// Adds the next bytes of the stream, in pieces of any size.
    pub fn update(&mut self, bytes: &[u8]) {
        if let ([only], []) = (&mut self.blocks[..], &self.others[..]) {
            only.update(self.platform, bytes);
            return;
        }
        for slice in bytes.chunks(SLICE_BYTES) {
            self.blocks.iter_mut().for_each(|hasher| hasher.update(self.platform, slice));
            self.others.iter_mut().for_each(|hasher| hasher.update(slice));
        }
    }

    /// The digests of all bytes that were added, in the requested order.
    #[must_use]
    pub fn finish(self) -> Digests {
        let blocks = self.blocks.into_iter().flat_map(BlockHasher::finish);
        let others = self.others.into_iter().map(portable::Hasher::finish);
        Digests::in_order(&self.order, &blocks.chain(others).collect::<Vec<_>>())
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stream").field(&self.order).finish_non_exhaustive()
    }
}

/// Adds bytes to many streams. This is several times as fast as one stream after another: MD5 and SHA-2
/// compute up to 32 streams in the lanes of the vector registers. The streams may use different algorithms
/// and lengths; the lane of a stream that ends is reused. Fewer than four streams, and algorithms without
/// lanes on this platform, are hashed one after another.
///
/// All streams use the platform of the first one.
pub fn update_many(streams: &mut [(&mut Stream, &[u8])]) {
    let Some(platform) = streams.first().map(|(stream, _)| stream.platform) else { return };
    let mut jobs = Vec::with_capacity(streams.len());
    for (stream, bytes) in streams {
        stream.others.iter_mut().for_each(|hasher| hasher.update(bytes));
        for hasher in &mut stream.blocks {
            let blocks = hasher.take(platform, bytes);
            jobs.push(Job { states: &mut hasher.states, blocks });
        }
    }
    compress_many(platform, &mut jobs);
}
