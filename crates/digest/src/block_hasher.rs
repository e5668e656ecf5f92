//! MD5 and the SHA-2 family over one stream: splitting into blocks, padding and output.
//!
//! The kernels get complete blocks only. This module splits the stream into them, pads its end and formats
//! the digests, in the same way for every kernel.

use crate::blocks::{BLOCK_BYTES, Block, States};
use crate::constants::{
    MD5_INITIAL, SHA224_INITIAL, SHA256_INITIAL, SHA384_INITIAL, SHA512_256_INITIAL, SHA512_INITIAL,
};
use crate::{Algorithm, Digest, Platform, portable};

/// Some digests of one stream.
#[derive(Clone)]
pub(crate) struct BlockHasher {
    algorithms: Vec<Algorithm>,
    pub(crate) states: States,
    /// The beginning of an incomplete block.
    buffer: Block,
    buffered: usize,
    /// Number of bytes so far.
    bytes: u64,
}

impl BlockHasher {
    pub(crate) fn new() -> Self {
        BlockHasher {
            algorithms: Vec::new(),
            states: States::default(),
            buffer: [0; BLOCK_BYTES],
            buffered: 0,
            bytes: 0,
        }
    }

    /// Adds an algorithm before the first byte; returns false if it is none of these, or if its state is in
    /// use.
    pub(crate) fn add(&mut self, algorithm: Algorithm) -> bool {
        let States { md5, sha512, sha256 } = &mut self.states;
        let added = match algorithm {
            Algorithm::Md5 => begin(md5, MD5_INITIAL),
            Algorithm::Sha224 => begin(sha256, SHA224_INITIAL),
            Algorithm::Sha256 => begin(sha256, SHA256_INITIAL),
            Algorithm::Sha384 => begin(sha512, SHA384_INITIAL),
            Algorithm::Sha512 => begin(sha512, SHA512_INITIAL),
            Algorithm::Sha512_256 => begin(sha512, SHA512_256_INITIAL),
            _ => false,
        };
        if added {
            self.algorithms.push(algorithm);
        }
        added
    }

    /// Takes the next bytes of the stream. It returns complete blocks, which the caller has to add to
    /// [`states`](Self::states) before any other call.
    #[must_use]
    pub(crate) fn take<'a>(&mut self, platform: Platform, mut bytes: &'a [u8]) -> &'a [Block] {
        self.bytes += bytes.len() as u64;
        if self.buffered > 0 {
            let missing = bytes.len().min(BLOCK_BYTES - self.buffered);
            let (first, rest) = bytes.split_at(missing);
            self.buffer[self.buffered..][..missing].copy_from_slice(first);
            self.buffered += missing;
            bytes = rest;
            if self.buffered < BLOCK_BYTES {
                return &[];
            }
            platform.compress(&mut self.states, &[self.buffer]);
        }
        let (blocks, rest) = bytes.as_chunks();
        self.buffer[..rest.len()].copy_from_slice(rest);
        self.buffered = rest.len();
        blocks
    }

    pub(crate) fn update(&mut self, platform: Platform, bytes: &[u8]) {
        let blocks = self.take(platform, bytes);
        platform.compress(&mut self.states, blocks);
    }

    pub(crate) fn finish(self) -> impl Iterator<Item = Digest> {
        let tail = &self.buffer[..self.buffered];
        let bits = u128::from(self.bytes) * 8;
        let States { md5, sha512, sha256 } = self.states;
        let md5 = md5.map(|mut state| {
            // RFC 1321, 3.2: the low 64 bits, the lowest byte first.
            let length = bits.to_le_bytes();
            portable::md5(&mut state, Padded::new(tail, 64, &length[..8]).blocks());
            state.map(u32::to_le_bytes)
        });
        let sha512 = sha512.map(|mut state| {
            // FIPS 180-4, 5.1.2.
            portable::sha512(&mut state, Padded::new(tail, 128, &bits.to_be_bytes()).blocks());
            state.map(u64::to_be_bytes)
        });
        let sha256 = sha256.map(|mut state| {
            // FIPS 180-4, 5.1.1.
            let length = bits.to_be_bytes();
            portable::sha256(&mut state, Padded::new(tail, 64, &length[8..]).blocks());
            state.map(u32::to_be_bytes)
        });
        self.algorithms.into_iter().filter_map(move |algorithm| {
            let state = match algorithm {
                Algorithm::Md5 => md5.as_ref()?.as_flattened(),
                Algorithm::Sha224 | Algorithm::Sha256 => sha256.as_ref()?.as_flattened(),
                _ => sha512.as_ref()?.as_flattened(),
            };
            Some(Digest::new(algorithm, &state[..algorithm.digest_bytes()]))
        })
    }
}

fn begin<T>(state: &mut Option<T>, initial: T) -> bool {
    let free = state.is_none();
    if free {
        *state = Some(initial);
    }
    free
}

/// The last blocks of a stream: its remaining bytes, a one bit, zeros, and the total length in bits.
struct Padded {
    bytes: [u8; 2 * BLOCK_BYTES],
    length: usize,
}

impl Padded {
    fn new(tail: &[u8], block_bytes: usize, length: &[u8]) -> Self {
        let mut bytes = [0; 2 * BLOCK_BYTES];
        bytes[..tail.len()].copy_from_slice(tail);
        bytes[tail.len()] = 0x80;
        let end = (tail.len() + 1 + length.len()).next_multiple_of(block_bytes);
        bytes[end - length.len()..end].copy_from_slice(length);
        Padded { bytes, length: end }
    }

    fn blocks<const N: usize>(&self) -> &[[u8; N]] {
        self.bytes[..self.length].as_chunks().0
    }
}
