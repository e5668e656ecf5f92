//! The names of the backends, the sets of kernels.

/// The names, slowest first.
pub(crate) const NAMES: [&str; 4] = ["portable", "scalar", "avx2", "avx512"];
