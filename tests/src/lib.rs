//! A proxy with scripted faults, for the tests of the complete system; their other helpers are in
//! `imgpush-scene`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod proxy;

/// The README, whose snippets have to compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The library page of the guide, whose snippets have to compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/library.md")]
pub struct LibraryPage;
