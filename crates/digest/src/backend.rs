//! The names of the backends, which are sets of kernels.

/// The names, slowest first.
pub(crate) const NAMES: [&str; 4] = ["portable", "scalar", "avx2", "avx512"];
