//! What happens to the images of a batch.

use std::time::Duration;

use crate::push::error::PushError;
use crate::push::report::Report;

/// What happens to the images of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub enum BatchEvent {
    /// A job has begun with one.
    Begun {
        /// Its number, from 0.
        number: usize,
        /// What it is read from.
        source: String,
    },
    /// It has come to its end.
    Ended(Outcome),
}

/// What became of one image of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Its number, from 0.
    pub number: usize,
    /// What it is read from.
    pub source: String,
    /// When it was begun, from the start of the batch.
    pub begun: Duration,
    /// A result a target, in their order.
    pub results: Vec<Result<Report, PushError>>,
}
