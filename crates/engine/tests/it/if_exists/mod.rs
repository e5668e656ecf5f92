//! Existing images: identical ones are not uploaded again, and replaced ones are retired only after
//! verification; against the sandbox.

mod ids;
mod modes;
mod others;
mod published;
mod records;
mod replacing;
mod scene;
