//! Events of a batch.

use std::time::Duration;

use crate::error::ErrorKind;
use crate::pull::error::{PullError, VerificationError};
use crate::pull::report::{DownloadReport, VerificationReport};
use crate::push::error::PushError;
use crate::push::report::Report;

/// An event of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub enum BatchEvent {
    /// A job has started a task.
    Begun {
        /// The number of the task, from 0.
        number: usize,
        /// The name of the task in messages: the source of a push, the image otherwise.
        name: String,
    },
    /// A task has ended.
    Ended(Outcome),
}

/// The outcome of one task.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The number of the task, from 0.
    pub number: usize,
    /// The name of the task in messages: the source of a push, the image otherwise.
    pub name: String,
    /// When the task started, since the start of the batch.
    pub begun: Duration,
    /// One result for each target, in the order of the targets. A download and a verification have one.
    pub results: Vec<TaskResult>,
}

impl Outcome {
    /// Returns whether all results are successes.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.results.iter().all(TaskResult::is_ok)
    }

    /// Converts into the results of a push; empty for other tasks.
    pub fn into_pushes(self) -> impl Iterator<Item = Result<Report, PushError>> {
        self.results.into_iter().filter_map(|result| match result {
            TaskResult::Push(result) => Some(result),
            _ => None,
        })
    }

    /// Returns the results of a push; empty for other tasks.
    pub fn pushes(&self) -> impl Iterator<Item = &Result<Report, PushError>> {
        self.results.iter().filter_map(|result| match result {
            TaskResult::Push(result) => Some(result),
            _ => None,
        })
    }
}

/// The result of a task for one target.
#[derive(Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there is one for each image, and most are pushes")]
pub enum TaskResult {
    /// The result of a push.
    Push(Result<Report, PushError>),
    /// The result of a download.
    Pull(Result<DownloadReport, PullError>),
    /// The result of a verification.
    Verify(Result<VerificationReport, VerificationError>),
}

impl TaskResult {
    /// Returns whether the result is a success.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.error_kind().is_none()
    }

    /// Returns the kind of the error; `None` for a success.
    #[must_use]
    pub fn error_kind(&self) -> Option<ErrorKind> {
        match self {
            TaskResult::Push(result) => result.as_ref().err().map(PushError::kind),
            TaskResult::Pull(result) => result.as_ref().err().map(PullError::kind),
            TaskResult::Verify(result) => result.as_ref().err().map(VerificationError::kind),
        }
    }

    /// Returns the name of the cloud.
    #[must_use]
    pub fn cloud(&self) -> &str {
        match self {
            TaskResult::Push(Ok(report)) => &report.cloud,
            TaskResult::Push(Err(error)) => &error.cloud,
            TaskResult::Pull(Ok(report)) => &report.cloud,
            TaskResult::Pull(Err(error)) => &error.cloud,
            TaskResult::Verify(Ok(report)) => &report.cloud,
            TaskResult::Verify(Err(error)) => &error.cloud,
        }
    }
}
