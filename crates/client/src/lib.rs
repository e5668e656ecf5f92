//! The Image resource.
