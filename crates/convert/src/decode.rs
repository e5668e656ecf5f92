//! Decompression of single clusters.

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder, InBuffer, Operation as _, OutBuffer};

use crate::read::Codec;

/// The decoders of one thread. Each is created when it is first needed.
#[derive(Default)]
pub(crate) struct Decoders {
    deflate: Option<libdeflater::Decompressor>,
    zstd: Option<Decoder<'static>>,
}

/// Compressed data is invalid, or ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid;

impl Decoders {
    /// Decompresses `stored` into `space`, which has the size of the cluster, and returns the number of bytes.
    ///
    /// What is accepted is what qemu accepts: see [`Codec`].
    pub(crate) fn decode(
        &mut self,
        codec: Codec,
        stored: &[u8],
        space: &mut [u8],
    ) -> Result<usize, Invalid> {
        match codec {
            Codec::Deflate => {
                let decoder = self.deflate.get_or_insert_default();
                match decoder.deflate_decompress(stored, space) {
                    Ok(count) if count == space.len() => Ok(count),
                    // The stream may be longer than the cluster, or invalid only after it.
                    _ => inflate(false, stored, space),
                }
            }
            Codec::Zlib => {
                let decoder = self.deflate.get_or_insert_default();
                match decoder.zlib_decompress(stored, space) {
                    Ok(count) => Ok(count),
                    Err(_) => inflate(true, stored, space),
                }
            }
            Codec::Zstd => self.unzstd(stored, space),
        }
    }

    /// A streaming decoder, since the length of the frame is unknown. As in qemu, frames are decompressed
    /// until the cluster is full, and the last one must be complete.
    fn unzstd(&mut self, stored: &[u8], space: &mut [u8]) -> Result<usize, Invalid> {
        if self.zstd.is_none() {
            self.zstd = Some(Decoder::new().map_err(|_| Invalid)?);
        }
        let decoder = self.zstd.as_mut().ok_or(Invalid)?;
        decoder.reinit().map_err(|_| Invalid)?;
        let full = space.len();
        let mut input = InBuffer::around(stored);
        let mut output = OutBuffer::around(space);
        let mut left = 0;
        while output.pos() < full {
            let before = (input.pos(), output.pos());
            left = decoder.run(&mut input, &mut output).map_err(|_| Invalid)?;
            if (input.pos(), output.pos()) == before {
                return Err(Invalid);
            }
        }
        if left == 0 { Ok(full) } else { Err(Invalid) }
    }
}

/// Decompresses step by step, until `space` is full or the stream ends. A zlib stream must end.
fn inflate(has_header: bool, stored: &[u8], space: &mut [u8]) -> Result<usize, Invalid> {
    let mut decoder = Decompress::new(has_header);
    let status = decoder.decompress(stored, space, FlushDecompress::Finish);
    let count = usize::try_from(decoder.total_out()).map_err(|_| Invalid)?;
    match status {
        Ok(Status::StreamEnd) if has_header || count == space.len() => Ok(count),
        Ok(_) if !has_header && count == space.len() => Ok(count),
        _ => Err(Invalid),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn data(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n * n / 7 % 251) as u8).collect()
    }

    fn compressed(codec: Codec, data: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        match codec {
            Codec::Deflate => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Codec::Zlib => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Codec::Zstd => zstd::stream::encode_all(data, 3).unwrap(),
        }
    }

    #[test]
    fn what_follows_the_stream_is_ignored() {
        let data = data(65_536);
        for codec in [Codec::Deflate, Codec::Zlib, Codec::Zstd] {
            let mut stored = compressed(codec, &data);
            for garbage in [0, 1, 511] {
                stored.extend(vec![0xa5; garbage]);
                let mut space = vec![0; data.len()];
                let decoded = Decoders::default().decode(codec, &stored, &mut space);
                assert_eq!((decoded, space == data), (Ok(data.len()), true), "{codec:?}");
            }
        }
    }

    #[test]
    fn a_deflate_stream_that_is_longer_than_the_cluster_fills_it() {
        let data = data(65_536 + 4096);
        let mut stored = compressed(Codec::Deflate, &data);
        let mut space = vec![0; 65_536];
        let mut decoders = Decoders::default();
        assert_eq!(decoders.decode(Codec::Deflate, &stored, &mut space), Ok(65_536));
        assert!(space == data[..65_536]);
        // Only what comes after the cluster is damaged.
        let end = stored.len();
        stored[end - 4..].fill(0xff);
        space.fill(0);
        assert_eq!(decoders.decode(Codec::Deflate, &stored, &mut space), Ok(65_536));
        assert!(space == data[..65_536]);
        for codec in [Codec::Zlib, Codec::Zstd] {
            let stored = compressed(codec, &data);
            assert_eq!(decoders.decode(codec, &stored, &mut space), Err(Invalid), "{codec:?}");
        }
    }

    #[test]
    fn data_that_ends_early_is_invalid() {
        let data = data(65_536);
        let mut decoders = Decoders::default();
        for codec in [Codec::Deflate, Codec::Zlib, Codec::Zstd] {
            let stored = compressed(codec, &data);
            let mut space = vec![0; data.len()];
            for cut in [0, 1, stored.len() / 2, stored.len() - 20] {
                let decoded = decoders.decode(codec, &stored[..cut], &mut space);
                assert_eq!(decoded, Err(Invalid), "{codec:?}, {cut} of {}", stored.len());
            }
            let short = compressed(codec, &data[..1000]);
            let expected = if codec == Codec::Zlib { Ok(1000) } else { Err(Invalid) };
            assert_eq!(decoders.decode(codec, &short, &mut space), expected, "{codec:?}");
        }
    }
}
