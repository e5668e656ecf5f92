//! What is done behind an answer.

mod import;
mod location;

use std::sync::Arc;
use std::time::Duration;

use crate::image::Image;
use crate::response::{Refusal, refuse};
use crate::state::State;
use crate::task::Task;

pub(crate) use import::{Import, Source};
pub(crate) use location::Location;

/// How long a task waits before it begins.
///
/// In Glance about a tenth of a second passes between the answer and the first change of the image;
/// a client that polls at once sees the old status, and must see it here too.
const WARM_UP: Duration = Duration::from_millis(30);

/// How long an image keeps its mark when all is done: it is active already, and still refuses the next
/// import. In Glance it is a tenth of a second.
const COOL_DOWN: Duration = Duration::from_millis(30);

/// The word that a failed task leaves; Glance tells no more, whatever the reason.
const FAILED: &str = "Task failed due to Internal Error";

/// The mark of a task on its image, which keeps others away. It comes before the answer and goes
/// last: after the task's own success, but before its failure.
const LOCK: &str = "os_glance_import_task";

/// Marks the image with the task and remembers it.
pub(crate) fn enter(state: &State, task: Task) -> Result<(), Refusal> {
    state.change(&task.image, |image| {
        if image.record.contains_key(LOCK) {
            return Err(refuse(409, "Image has active task"));
        }
        image.set(LOCK, task.id.clone());
        Ok(())
    })?;
    state.lock().tasks.push(task);
    Ok(())
}

/// One task at its image.
struct Job {
    state: Arc<State>,
    task: String,
    image: String,
}

/// The image is gone, or another task has it: there is nothing left to do.
struct Gone;

impl Job {
    /// Changes the image.
    fn change(&self, change: impl FnOnce(&mut Image)) -> Result<Arc<Image>, Gone> {
        let changed = self.state.change(&self.image, |image| {
            if image.text(LOCK) != self.task {
                return Err(refuse(409, "Image has active task"));
            }
            change(image);
            Ok(())
        });
        changed.map_err(|_| Gone)
    }

    fn processing(&self) {
        self.state.change_task(&self.task, |task| task.advance("processing"));
    }

    fn copied(&self, bytes: u64) {
        if bytes > 0 {
            let message = format!("Copied {} MiB", bytes >> 20);
            self.state.change_task(&self.task, |task| task.message = message);
        }
    }

    /// The task succeeds, and then the image is free.
    async fn succeed(&self) -> Result<(), Gone> {
        self.state.change_task(&self.task, |task| task.advance("success"));
        tokio::time::sleep(COOL_DOWN).await;
        self.change(|image| drop(image.record.remove(LOCK)))?;
        Ok(())
    }

    /// The image is as `change` leaves it and free, and then the task fails.
    fn fail(&self, change: impl FnOnce(&mut Image)) {
        // Nothing to free on an image that was deleted meanwhile.
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
