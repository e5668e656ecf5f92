//! The tasks of a batch.

use super::pull_task::PullTask;
use super::push_task::PushTask;
use super::verify_task::VerifyTask;

/// A task of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub enum BatchTask {
    /// An image to push to one or several targets.
    Push(PushTask),
    /// An image to download to a file.
    Pull(PullTask),
    /// An image to verify.
    Verify(VerifyTask),
}

impl BatchTask {
    /// Returns the name in messages: the source of a push, the image otherwise.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            BatchTask::Push(task) => task.name(),
            BatchTask::Pull(task) => task.name(),
            BatchTask::Verify(task) => task.name(),
        }
    }
}

impl From<PushTask> for BatchTask {
    fn from(task: PushTask) -> Self {
        BatchTask::Push(task)
    }
}

impl From<PullTask> for BatchTask {
    fn from(task: PullTask) -> Self {
        BatchTask::Pull(task)
    }
}

impl From<VerifyTask> for BatchTask {
    fn from(task: VerifyTask) -> Self {
        BatchTask::Verify(task)
    }
}
