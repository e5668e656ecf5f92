//! Batches: many pushes, downloads and verifications with a limited number of concurrent jobs.
//!
//! Callers start a [`Batch`] and read the events of the [`RunningBatch`]. Each task has exactly one result
//! for each of its targets.

mod event;
mod handle;
mod journal;
mod journal_entry;
mod open_later;
mod options;
mod pull_task;
mod push_task;
mod pushes;
mod runner;
mod shared_services;
mod summary;
mod task;
pub(crate) mod tune;
mod verify_task;
mod worker;

pub use event::{BatchEvent, Outcome, TaskResult};
pub use handle::RunningBatch;
pub use journal::JournalError;
pub use options::{BatchOptions, OnFailure, TaskTarget};
pub use pull_task::PullTask;
pub use push_task::PushTask;
pub use runner::Batch;
pub use summary::BatchSummary;
pub use task::BatchTask;
pub use verify_task::VerifyTask;
