//! An embedded image service.
