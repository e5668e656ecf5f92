//! Many hashes of one stream.
