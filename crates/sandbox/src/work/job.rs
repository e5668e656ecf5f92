//! The common parts of all tasks: the lock on the image, and the changes of its status.

use std::sync::Arc;
use std::time::Duration;

use crate::image::Image;
use crate::response::{Refusal, refuse};
use crate::state::State;
use crate::task::Task;

/// The time between the response and the start of a task.
///
/// In Glance about 0.1 s pass between the response and the first change of the image. A client that polls at
/// once sees the old status, and must see it here too.
pub(super) const WARM_UP: Duration = Duration::from_millis(30);

/// The time for which an image stays locked after its task is done: it is active already, and still refuses
/// the next import. In Glance it is 0.1 s.
const COOL_DOWN: Duration = Duration::from_millis(30);

/// The message of a failed task; Glance uses it for every reason.
pub(super) const FAILED: &str = "Task failed due to Internal Error";

/// The property that locks an image for a task. It is set before the response and removed last: after the
/// success of the task, but before its failure.
const LOCK: &str = "os_glance_import_task";

/// Locks the image for a task and adds the task to the list.
pub(crate) fn enter(state: &State, task: Task) -> Result<(), Refusal> {
    let image = task.image.as_deref().unwrap_or_default();
    state.change(image, |image| {
        if image.record.contains_key(LOCK) {
            return Err(refuse(409, "Image has active task"));
        }
        image.set(LOCK, task.id.clone());
        Ok(())
    })?;
    state.change_work(|inner| inner.tasks.push(task));
    Ok(())
}

/// One task and its image.
pub(super) struct Job {
    pub(super) state: Arc<State>,
    pub(super) task: String,
    pub(super) image: String,
}

/// The image was deleted or is locked by another task, so the task ends.
pub(super) struct Gone;

impl Job {
    /// Changes the image if it is still locked for this task.
    pub(super) fn change(&self, change: impl FnOnce(&mut Image)) -> Result<Arc<Image>, Gone> {
        let changed = self.state.change(&self.image, |image| {
            if image.text(LOCK) != self.task {
                return Err(refuse(409, "Image has active task"));
            }
            change(image);
            Ok(())
        });
        changed.map_err(|_| Gone)
    }

    pub(super) fn processing(&self) {
        self.state.change_task(&self.task, |task| task.advance("processing"));
    }

    pub(super) fn copied(&self, bytes: u64) {
        if bytes > 0 {
            let message = format!("Copied {} MiB", bytes >> 20);
            self.state.change_task(&self.task, |task| task.message = message);
        }
    }

    /// Reports success, and then unlocks the image.
    pub(super) async fn succeed(&self) -> Result<(), Gone> {
        self.state.change_task(&self.task, |task| task.advance("success"));
        tokio::time::sleep(COOL_DOWN).await;
        self.change(|image| drop(image.record.remove(LOCK)))?;
        Ok(())
    }

    /// Applies a last change, unlocks the image, and then reports failure.
    pub(super) fn fail(&self, change: impl FnOnce(&mut Image)) {
        // An image that was deleted in the meantime has no lock.
        let _ = self.change(|image| {
            change(image);
            image.record.remove(LOCK);
        });
        self.state.change_task(&self.task, |task| {
            task.advance("failure");
            task.message = FAILED.to_owned();
        });
    }
}
