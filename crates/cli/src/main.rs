//! imgpush
fn main() {}
