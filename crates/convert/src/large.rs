//! Compressed clusters that are larger than a buffer: grains of a VMDK can have 1 GiB. They are decompressed
//! step by step on the calling thread.

use flate2::{Decompress, FlushDecompress, Status};

use crate::error::ConvertError;
use crate::input::{Input, Reuse};
use crate::read::{Codec, CompressedCluster};

/// Bytes of the image that are read at once.
const STORED_BYTES: u64 = 256 << 10;

/// Space for bytes that are not wanted.
const SCRATCH_BYTES: u64 = 64 << 10;

/// A large cluster that is being decompressed.
pub(crate) struct LargeCluster {
    cluster: CompressedCluster,
    decoder: Decompress,
    /// Bytes of the image that were read.
    read: u64,
    stored: Vec<u8>,
    /// Number of bytes of `stored` that the decoder has taken.
    taken: usize,
    is_ended: bool,
    /// Bytes of the disk that are left.
    left: u64,
}

impl LargeCluster {
    pub(crate) fn new(cluster: CompressedCluster, length: u64) -> Result<Self, ConvertError> {
        let has_header = match cluster.codec {
            Codec::Deflate => false,
            Codec::Zlib => true,
            Codec::Zstd => {
                let what = "a zstd cluster of more than 2 MiB".to_owned();
                return Err(ConvertError::Unsupported { what });
            }
        };
        Ok(LargeCluster {
            cluster,
            decoder: Decompress::new(has_header),
            read: 0,
            stored: Vec::new(),
            taken: 0,
            is_ended: false,
            left: length,
        })
    }

    /// Bytes of the disk that are left.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Fills `space` with the next bytes of the disk, and returns their number, which is smaller only at the
    /// end of the cluster.
    pub(crate) fn fill(
        &mut self,
        input: &mut dyn Input,
        space: &mut [u8],
    ) -> Result<usize, ConvertError> {
        let mut scratch = vec![0; usize::try_from(SCRATCH_BYTES).unwrap_or_default()];
        while self.decoder.total_out() < self.cluster.skip {
            let wanted = (self.cluster.skip - self.decoder.total_out()).min(SCRATCH_BYTES);
            let wanted = usize::try_from(wanted).unwrap_or_default();
            let space = scratch.get_mut(..wanted).unwrap_or_default();
            if self.decode(input, space)? == 0 {
                return Err(self.invalid());
            }
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(space.len());
        let mut filled = 0;
        while filled < wanted {
            let rest = space.get_mut(filled..wanted).unwrap_or_default();
            match self.decode(input, rest)? {
                0 => return Err(self.invalid()),
                count => filled += count,
            }
        }
        self.left -= filled as u64;
        if self.left == 0 && self.cluster.codec == Codec::Zlib {
            // The checksum is at the end of the stream.
            while self.decode(input, &mut scratch)? > 0 {
                if self.decoder.total_out() > self.cluster.unpacked {
                    return Err(self.invalid());
                }
            }
        }
        Ok(filled)
    }

    /// Decompresses some bytes; none at the end of the stream.
    fn decode(&mut self, input: &mut dyn Input, space: &mut [u8]) -> Result<usize, ConvertError> {
        loop {
            if self.is_ended {
                return Ok(0);
            }
            let is_last = self.taken == self.stored.len() && !self.read_more(input)?;
            let (before_in, before) = (self.decoder.total_in(), self.decoder.total_out());
            let stored = self.stored.get(self.taken..).unwrap_or_default();
            let status = self.decoder.decompress(stored, space, FlushDecompress::None);
            let status = status.map_err(|_| self.invalid())?;
            let progress = self.decoder.total_in() - before_in;
            self.taken += usize::try_from(progress).unwrap_or_default();
            self.is_ended = matches!(status, Status::StreamEnd);
            let count = self.decoder.total_out() - before;
            if count > 0 {
                return Ok(usize::try_from(count).unwrap_or_default());
            }
            if progress == 0 && !self.is_ended && is_last {
                return Err(self.invalid());
            }
        }
    }

    /// Reads the next compressed bytes; false if there are none.
    fn read_more(&mut self, input: &mut dyn Input) -> Result<bool, ConvertError> {
        let wanted = (self.cluster.stored - self.read).min(STORED_BYTES);
        self.stored.resize(usize::try_from(wanted).unwrap_or_default(), 0);
        self.taken = 0;
        let at = self.cluster.host.saturating_add(self.read);
        let count = input.read(at, &mut self.stored, Reuse::Edges)?;
        self.stored.truncate(count);
        self.read += count as u64;
        Ok(count > 0)
    }

    fn invalid(&self) -> ConvertError {
        let CompressedCluster { host, .. } = self.cluster;
        ConvertError::damaged(host, "the compressed cluster is invalid or truncated")
    }
}
