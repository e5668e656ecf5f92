//! Selection of kernels by the features of the CPU, at run time.

use std::str::FromStr;
use std::sync::OnceLock;

#[cfg(not(imgpush_backend = "portable"))]
use crate::arch;
use crate::blocks::{Block, States};
#[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
use crate::lanes::transposed;
use crate::lanes::{Lane, alone};
use crate::{Error, backend, portable};

#[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
use arch::x86_64::features::{Avx2, Avx2Sha, Avx512, Avx512Sha, Units};

/// A set of kernels that this CPU supports. Only detection creates one, so a value of this type guarantees
/// support.
///
/// | name | what it adds |
/// |---|---|
/// | `portable` | the crates md-5 and sha2, which detect SHA-NI and AVX2 themselves |
/// | `scalar` | an MD5 kernel for any 64-bit CPU |
/// | `avx2` | MD5 and SHA-512, MD5 and SHA-256 in one pass; lanes of 256 bits |
/// | `avx512` | the same with AVX-512, and all three in one pass; lanes of 512 bits |
///
/// The variable `IMGPUSH_BACKEND` selects one. Building with `--cfg imgpush_backend="NAME"` excludes all
/// faster ones, and with `portable` does not compile them.
#[derive(Clone, Copy, Debug)]
pub struct Platform(Level);

#[derive(Clone, Copy, Debug)]
enum Level {
    Portable,
    #[cfg(not(imgpush_backend = "portable"))]
    Scalar,
    #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
    Avx2 {
        avx2: Avx2,
        sha: Option<Avx2Sha>,
    },
    #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
    Avx512 {
        avx2: Avx2,
        avx512: Avx512,
        sha: Option<(Avx2Sha, Avx512Sha)>,
        units: Units,
    },
}

impl Platform {
    /// The names, slowest first.
    pub const NAMES: [&str; 4] = backend::NAMES;

    /// The fastest, or the one that `IMGPUSH_BACKEND` selects. An unknown or unavailable name is ignored
    /// here; [`Platform::from_environment`] reports it.
    #[must_use]
    pub fn detect() -> Self {
        static FOUND: OnceLock<Platform> = OnceLock::new();
        *FOUND.get_or_init(|| {
            let named = Platform::from_environment().ok().flatten();
            named.unwrap_or_else(Platform::fastest)
        })
    }

    /// The one that `IMGPUSH_BACKEND` selects, if the variable is set and not empty.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBackend`] and [`Error::UnavailableBackend`].
    pub fn from_environment() -> Result<Option<Self>, Error> {
        match std::env::var_os("IMGPUSH_BACKEND") {
            Some(name) if !name.is_empty() => name.to_string_lossy().parse().map(Some),
            _ => Ok(None),
        }
    }

    /// All that this CPU supports, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Platform::NAMES.iter().filter_map(|name| name.parse().ok()).collect()
    }

    /// The number of names that the build includes.
    const ALLOWED: usize = if cfg!(imgpush_backend = "portable") {
        1
    } else if cfg!(imgpush_backend = "scalar") {
        2
    } else if cfg!(imgpush_backend = "avx2") {
        3
    } else {
        Platform::NAMES.len()
    };

    fn fastest() -> Self {
        Platform::available().pop().unwrap_or(Platform(Level::Portable))
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Portable => "portable",
            #[cfg(not(imgpush_backend = "portable"))]
            Level::Scalar => "scalar",
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx2 { .. } => "avx2",
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx512 { .. } => "avx512",
        }
    }

    /// Whether several digests of one stream cost less in one pass than one after another.
    pub(crate) fn fuses(self) -> bool {
        !matches!(self.name(), "portable" | "scalar")
    }

    /// Whether MD5 and SHA-512 in one pass take hardly longer than the slower of them. With AVX2, both use the same
    /// units of the CPU: one pass takes 1.4 times as long on a Zen 3, and 1.9 times if its core is shared.
    pub(crate) fn fuses_sha512(self) -> bool {
        self.name() == "avx512"
    }

    /// Whether SHA-256 is computed in one pass with MD5.
    pub(crate) fn fuses_sha256(self) -> bool {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx2 { sha, .. } => sha.is_some(),
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx512 { sha, .. } => sha.is_some(),
            _ => false,
        }
    }
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Platform::NAMES.into_iter().position(|known| known == name);
        let number = known.ok_or_else(|| Error::UnknownBackend(name.to_owned()))?;
        let name = Platform::NAMES[number];
        let level = match name {
            _ if number >= Platform::ALLOWED => None,
            "portable" => Some(Level::Portable),
            #[cfg(not(imgpush_backend = "portable"))]
            "scalar" => cfg!(target_pointer_width = "64").then_some(Level::Scalar),
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            "avx2" => Avx2::new().map(|avx2| Level::Avx2 { avx2, sha: Avx2Sha::new() }),
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            "avx512" => Avx2::new().zip(Avx512::new()).map(|(avx2, avx512)| Level::Avx512 {
                avx2,
                avx512,
                sha: Avx2Sha::new().zip(Avx512Sha::new()),
                units: Units::of_cpu(),
            }),
            _ => None,
        };
        level.map(Platform).ok_or(Error::UnavailableBackend(name))
    }
}

/// Bytes that one kernel processes before the next one, if several read the same blocks: they stay in the
/// first-level cache.
const SLICE_BLOCKS: usize = (16 << 10) / size_of::<Block>();

/// Kernels for one stream.
impl Platform {
    /// Adds blocks to each state.
    pub(crate) fn compress(self, states: &mut States, blocks: &[Block]) {
        let States { md5, sha512, sha256 } = states;
        match (md5, sha512, sha256) {
            (Some(md5), Some(sha512), Some(sha256)) => {
                self.md5_sha512_sha256(md5, sha512, sha256, blocks);
            }
            (Some(md5), Some(sha512), None) => self.md5_sha512(md5, sha512, blocks),
            (Some(md5), None, Some(sha256)) => self.md5_sha256(md5, sha256, blocks),
            (Some(md5), None, None) => self.md5(md5, blocks),
            (None, sha512, sha256) => {
                for blocks in blocks.chunks(SLICE_BLOCKS) {
                    if let Some(sha512) = sha512.as_mut() {
                        self.sha512(sha512, blocks);
                    }
                    if let Some(sha256) = sha256.as_mut() {
                        sha256_alone(sha256, blocks);
                    }
                }
            }
        }
    }

    fn md5(self, state: &mut [u32; 4], blocks: &[Block]) {
        match self.0 {
            Level::Portable => portable::md5(state, halves(blocks)),
            #[cfg(not(imgpush_backend = "portable"))]
            _ => arch::md5::compress(state, blocks),
        }
    }

    fn sha512(self, state: &mut [u64; 8], blocks: &[Block]) {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx2 { avx2, .. } | Level::Avx512 { avx2, .. } => avx2.sha512(state, blocks),
            _ => portable::sha512(state, blocks),
        }
    }

    fn md5_sha512(self, md5: &mut [u32; 4], sha512: &mut [u64; 8], blocks: &[Block]) {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx512 { avx512, units, .. } => avx512.md5_sha512(units, md5, sha512, blocks),
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx2 { avx2, .. } => avx2.md5_sha512(md5, sha512, blocks),
            _ => {
                for blocks in blocks.chunks(SLICE_BLOCKS) {
                    self.md5(md5, blocks);
                    self.sha512(sha512, blocks);
                }
            }
        }
    }

    fn md5_sha256(self, md5: &mut [u32; 4], sha256: &mut [u32; 8], blocks: &[Block]) {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx2 { sha: Some(sha), .. } | Level::Avx512 { sha: Some((sha, _)), .. } => {
                sha.md5_sha256(md5, sha256, blocks);
            }
            _ => {
                for blocks in blocks.chunks(SLICE_BLOCKS) {
                    self.md5(md5, blocks);
                    sha256_alone(sha256, blocks);
                }
            }
        }
    }

    fn md5_sha512_sha256(
        self,
        md5: &mut [u32; 4],
        sha512: &mut [u64; 8],
        sha256: &mut [u32; 8],
        blocks: &[Block],
    ) {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx512 { sha: Some((_, sha)), units, .. } => {
                sha.md5_sha512_sha256(units, md5, sha512, sha256, blocks);
            }
            _ => {
                for blocks in blocks.chunks(SLICE_BLOCKS) {
                    self.md5_sha512(md5, sha512, blocks);
                    sha256_alone(sha256, blocks);
                }
            }
        }
    }
}

/// Kernels for many streams.
impl Platform {
    /// The number of streams with these states from which on lanes are faster than one stream after another.
    /// A kernel takes the same time for one lane as for all; measured on Zen 4 and Zen 5.
    pub(crate) fn min_streams(self, states: &States) -> usize {
        let least = match self.0 {
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx2 { .. } => 8,
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx512 { .. } => 4,
            _ => usize::MAX,
        };
        // With SHA-NI the kernel for one stream is fast, so more lanes must be in use.
        if states.sha256.is_some() { least.max(6) } else { least }
    }

    /// The maximum number of streams in lanes.
    pub(crate) fn max_streams(self) -> usize {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx2 { .. } => 16,
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx512 { .. } => 32,
            _ => 1,
        }
    }

    /// Adds to each lane's state the number of blocks that the shortest lane has.
    pub(crate) fn md5_lanes(self, lanes: &mut [Lane<[u32; 4]>]) {
        for lanes in lanes.chunks_mut(self.max_streams()) {
            match self.0 {
                #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
                Level::Avx2 { avx2, .. } => match lanes.len() {
                    1 => alone(lanes, |state, blocks| self.md5(state, blocks)),
                    2..=8 => transposed(lanes, |states, lanes| avx2.md5_x8(states, lanes)),
                    _ => transposed(lanes, |states, lanes| avx2.md5_x16(states, lanes)),
                },
                #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
                Level::Avx512 { avx512, .. } => match lanes.len() {
                    1 => alone(lanes, |state, blocks| self.md5(state, blocks)),
                    2..=16 => transposed(lanes, |states, lanes| avx512.md5_x16(states, lanes)),
                    _ => transposed(lanes, |states, lanes| avx512.md5_x32(states, lanes)),
                },
                _ => alone(lanes, |state, blocks| self.md5(state, blocks)),
            }
        }
    }

    /// As [`md5_lanes`](Self::md5_lanes).
    pub(crate) fn sha512_lanes(self, lanes: &mut [Lane<[u64; 8]>]) {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx2 { avx2, .. } => {
                for lanes in lanes.chunks_mut(4) {
                    match lanes.len() {
                        1 => alone(lanes, |state, blocks| self.sha512(state, blocks)),
                        _ => transposed(lanes, |states, lanes| avx2.sha512_x4(states, lanes)),
                    }
                }
            }
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx512 { avx512, .. } => {
                for lanes in lanes.chunks_mut(8) {
                    match lanes.len() {
                        1 => alone(lanes, |state, blocks| self.sha512(state, blocks)),
                        _ => transposed(lanes, |states, lanes| avx512.sha512_x8(states, lanes)),
                    }
                }
            }
            _ => alone(lanes, |state, blocks| self.sha512(state, blocks)),
        }
    }

    /// As [`md5_lanes`](Self::md5_lanes). With SHA-NI, lanes are only faster if half of them are in use, and
    /// lanes of 256 bits never are.
    pub(crate) fn sha256_lanes(self, lanes: &mut [Lane<[u32; 8]>]) {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx2 { avx2, sha: None } => {
                for lanes in lanes.chunks_mut(8) {
                    transposed(lanes, |states, lanes| avx2.sha256_x8(states, lanes));
                }
            }
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx512 { avx512, sha, .. } => {
                for lanes in lanes.chunks_mut(16) {
                    match lanes.len() {
                        0..8 if sha.is_some() => alone(lanes, sha256_alone),
                        _ => transposed(lanes, |states, lanes| avx512.sha256_x16(states, lanes)),
                    }
                }
            }
            _ => alone(lanes, sha256_alone),
        }
    }
}

fn sha256_alone(state: &mut [u32; 8], blocks: &[Block]) {
    portable::sha256(state, halves(blocks));
}

/// The blocks of MD5 and SHA-256.
fn halves(blocks: &[Block]) -> &[[u8; 64]] {
    blocks.as_flattened().as_chunks().0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::{MD5_INITIAL, SHA256_INITIAL, SHA512_INITIAL};

    /// Every level, with every combination of kernels that a CPU of this level may support.
    fn all() -> Vec<Platform> {
        Platform::available().into_iter().flat_map(kinds).collect()
    }

    fn kinds(platform: Platform) -> Vec<Platform> {
        match platform.0 {
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx2 { avx2, .. } => vec![platform, Platform(Level::Avx2 { avx2, sha: None })],
            #[cfg(all(target_arch = "x86_64", not(imgpush_backend = "portable")))]
            Level::Avx512 { avx2, avx512, sha, .. } => {
                let kind = |sha, units| Platform(Level::Avx512 { avx2, avx512, sha, units });
                let of_units = |units| [kind(sha, units), kind(None, units)];
                [Units::Vector, Units::Integer].into_iter().flat_map(of_units).collect()
            }
            _ => vec![platform],
        }
    }

    fn blocks(count: usize, seed: usize) -> Vec<Block> {
        let byte = |i: usize| (i.wrapping_mul(0x9e37_79b9) >> 13) as u8;
        (0..count)
            .map(|block| std::array::from_fn(|i| byte((seed * 64 + block) * 128 + i)))
            .collect()
    }

    fn portable(states: &States, blocks: &[Block]) -> States {
        let mut states = states.clone();
        for block in blocks {
            states.md5.iter_mut().for_each(|state| portable::md5(state, halves(&[*block])));
            states.sha512.iter_mut().for_each(|state| portable::sha512(state, &[*block]));
            states.sha256.iter_mut().for_each(|state| portable::sha256(state, halves(&[*block])));
        }
        states
    }

    #[test]
    fn every_kernel_for_one_stream_matches_other_crates() {
        for platform in all() {
            for set in 0..8 {
                let states = States {
                    md5: (set & 1 != 0).then_some(MD5_INITIAL),
                    sha512: (set & 2 != 0).then_some(SHA512_INITIAL),
                    sha256: (set & 4 != 0).then_some(SHA256_INITIAL),
                };
                for count in [0, 1, 2, 3, 200] {
                    let blocks = blocks(count, 1);
                    let mut got = states.clone();
                    platform.compress(&mut got, &blocks);
                    assert_eq!(got, portable(&states, &blocks), "{platform:?}, {count} blocks");
                }
            }
        }
    }

    #[test]
    fn every_kernel_for_many_streams_matches_other_crates() {
        for platform in all() {
            for streams in 1..=33 {
                let inputs: Vec<Vec<Block>> = (0..streams).map(|i| blocks(5, i)).collect();
                let what = format!("{platform:?}, {streams} streams");
                let alone = |state: &mut _, blocks: &[Block]| portable::md5(state, halves(blocks));
                many(&inputs, MD5_INITIAL, |lanes| platform.md5_lanes(lanes), alone, &what);
                let alone = portable::sha512;
                many(&inputs, SHA512_INITIAL, |lanes| platform.sha512_lanes(lanes), alone, &what);
                let alone =
                    |state: &mut _, blocks: &[Block]| portable::sha256(state, halves(blocks));
                many(&inputs, SHA256_INITIAL, |lanes| platform.sha256_lanes(lanes), alone, &what);
            }
        }
    }

    fn many<S: Copy + PartialEq + std::fmt::Debug>(
        inputs: &[Vec<Block>],
        initial: S,
        kernel: impl Fn(&mut [Lane<S>]),
        alone: impl Fn(&mut S, &[Block]),
        what: &str,
    ) {
        let mut got = vec![initial; inputs.len()];
        let mut lanes: Vec<Lane<S>> =
            got.iter_mut().zip(inputs).map(|(state, blocks)| (state, &blocks[..])).collect();
        kernel(&mut lanes);
        let mut wanted = vec![initial; inputs.len()];
        wanted.iter_mut().zip(inputs).for_each(|(state, blocks)| alone(state, blocks));
        assert_eq!(got, wanted, "{what}");
    }
}
