//! Many images, as many at a time as the machine and the clouds take.

mod event;
mod handle;
mod journal;
mod journal_entry;
mod options;
mod runner;
mod shared_services;
mod summary;
mod task;
pub(crate) mod tune;
mod worker;

pub use event::{BatchEvent, Outcome};
pub use handle::RunningBatch;
pub use journal::JournalError;
pub use options::BatchOptions;
pub use runner::Batch;
pub use summary::BatchSummary;
pub use task::BatchTask;
