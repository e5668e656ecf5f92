//! Waiting for the result of an upload or import.
//!
//! The Image API has no status for a failure. Whether a `queued` image has failed or has not started is only
//! visible by comparison with its earlier status. So waiting starts from an earlier record.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::{Error, Image, ImageClient, Import, Location, NotActive, Status, Task, TaskStatus};

/// Time-out, interval and success condition of a wait.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitOptions {
    /// The time-out; none by default, since only the operator knows how large images may be.
    pub timeout: Option<Duration>,
    /// The maximum pause between two requests, 2 s by default; the first ones are shorter.
    pub interval: Duration,
    /// Whether an `active` image is a success although the import into a store failed.
    pub may_lose_stores: bool,
}

impl Default for WaitOptions {
    fn default() -> Self {
        WaitOptions { timeout: None, interval: Duration::from_secs(2), may_lose_stores: false }
    }
}

impl WaitOptions {
    /// Sets the time-out.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the maximum pause between two requests.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets whether an `active` image is a success although the import into a store failed.
    #[must_use]
    pub fn with_may_lose_stores(mut self, may: bool) -> Self {
        self.may_lose_stores = may;
        self
    }
}

/// The conclusion from one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Unfinished,
    /// Not started, or over already: the tasks of the image show which.
    Unclear,
    Done,
    /// An import failed and recorded the failure.
    ImportFailed,
    /// Back to `queued`, or deleted.
    Failed,
}

/// The state of a wait, independent of clock and network.
struct Watch {
    before: Status,
    /// The failure recorded by an earlier import, which a new one removes when it starts.
    earlier_failure: Vec<String>,
    may_lose_stores: bool,
    /// An import has been seen running.
    seen_running: bool,
    /// The image has been seen in another status than before.
    moved: bool,
}

impl Watch {
    fn new(before: &Image, options: &WaitOptions) -> Self {
        Watch {
            before: before.status(),
            earlier_failure: before.failed_import().into_iter().map(str::to_owned).collect(),
            may_lose_stores: options.may_lose_stores,
            seen_running: is_running(before),
            moved: false,
        }
    }

    fn look(&mut self, image: &Image) -> Look {
        let status = image.status();
        let at_work = is_running(image);
        let over = self.seen_running && !at_work;
        self.seen_running |= at_work;
        self.moved |= status != self.before;

        let mark = image.failed_import();
        let is_new = mark != self.earlier_failure || status == Status::Importing || over;
        if !mark.is_empty() && is_new {
            let may_go_on = self.may_lose_stores && (at_work || status == Status::Active);
            if !may_go_on {
                return Look::ImportFailed;
            }
        }
        match status {
            Status::Queued if over => Look::Failed,
            _ if at_work => Look::Unfinished,
            Status::Active | Status::Deactivated => Look::Done,
            Status::Queued if self.moved || self.before != Status::Queued => Look::Failed,
            Status::Queued => Look::Unclear,
            Status::Deleted | Status::PendingDelete | Status::Killed => Look::Failed,
            _ => Look::Unfinished,
        }
    }
}

/// Whether an import is running. The service sets the task before it answers an import with 202, and removes
/// it last. A service without that attribute shows a copy into further stores only by the list of stores,
/// which means nothing at other times, since some failures leave it set.
fn is_running(image: &Image) -> bool {
    let is_copying = || image.status() == Status::Active && !image.importing_to_stores().is_empty();
    image.import_task().is_some() || is_copying()
}

impl ImageClient {
    /// Waits until an image is `active`, and returns its record.
    ///
    /// `before` is the record from before the upload or import, which another client may do. `saving`,
    /// `uploading` and `importing` mean that it is not finished. A return to `queued` is a failure, and so is
    /// an import that sets `os_glance_failed_import`, whatever the status. Requests with transient errors are
    /// repeated.
    ///
    /// # Errors
    ///
    /// [`Error::ImportFailed`] and [`Error::FellBack`] with the stores and the messages of the
    /// image's tasks, [`Error::WaitedTooLong`], [`Error::NotFound`] when it was deleted.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future only ends the waiting.
    pub async fn wait(&self, before: &Image, options: &WaitOptions) -> Result<Image, Error> {
        self.watch(before, options, false).await
    }

    /// [Imports](ImageClient::import) and [waits](ImageClient::wait).
    ///
    /// # Errors
    ///
    /// As both methods.
    pub async fn import_and_wait(
        &self,
        before: &Image,
        import: &Import,
        options: &WaitOptions,
    ) -> Result<Image, Error> {
        self.import(before.id(), import).await?;
        self.watch(before, options, true).await
    }

    /// [Adds a location](ImageClient::add_location) and [waits](ImageClient::wait).
    ///
    /// # Errors
    ///
    /// As both methods; [`Error::FellBack`] when the data has another hash than the location declares.
    pub async fn add_location_and_wait(
        &self,
        before: &Image,
        location: &Location,
        options: &WaitOptions,
    ) -> Result<Image, Error> {
        self.add_location(before.id(), location).await?;
        self.watch(before, options, true).await
    }

    /// Waits until an image is deleted.
    ///
    /// # Errors
    ///
    /// [`Error::WaitedTooLong`].
    pub async fn wait_deleted(&self, image: &Image, options: &WaitOptions) -> Result<(), Error> {
        let mut pace = Pace::new(options);
        loop {
            let now = match self.image(image.id()).await {
                Err(Error::NotFound(_)) => return Ok(()),
                Ok(now) if now.status() == Status::Deleted => return Ok(()),
                Ok(now) => Some(now.status()),
                Err(error) => pace.tolerate(error)?,
            };
            pace.pause(image.id(), now.unwrap_or_else(|| image.status())).await?;
        }
    }

    async fn watch(
        &self,
        before: &Image,
        options: &WaitOptions,
        has_task: bool,
    ) -> Result<Image, Error> {
        let id = before.id();
        let mut watch = Watch::new(before, options);
        let mut pace = Pace::new(options);
        let mut status = before.status();
        loop {
            match self.image(id).await {
                Ok(image) => {
                    pace.failures = 0;
                    status = image.status();
                    let look = watch.look(&image);
                    // The task of this wait is the newest task of the image.
                    let is_over = look == Look::Failed
                        || look == Look::Unclear && has_task && self.has_failed(id).await;
                    if look == Look::Done {
                        return Ok(image);
                    }
                    if is_over || look == Look::ImportFailed {
                        let failure = self.not_active(&image, &watch.before).await;
                        return Err(match look {
                            Look::ImportFailed => Error::ImportFailed(failure),
                            _ => Error::FellBack(failure),
                        });
                    }
                }
                Err(error) => pace.tolerate(error)?,
            }
            pace.pause(id, status.clone()).await?;
        }
    }

    /// Whether the newest task of the image failed; services before API 2.12 do not show tasks.
    async fn has_failed(&self, id: &str) -> bool {
        let Ok(mut tasks) = self.image_tasks(id).await else { return false };
        tasks.sort_by(|a, b| a.created_at().cmp(&b.created_at()));
        tasks.last().is_some_and(|task| task.status() == TaskStatus::Failure)
    }

    async fn not_active(&self, image: &Image, before: &Status) -> Box<NotActive> {
        Box::new(NotActive {
            id: image.id().to_owned(),
            before: before.clone(),
            status: image.status(),
            stores: image.failed_import().into_iter().map(str::to_owned).collect(),
            messages: self.messages(image.id()).await,
        })
    }

    /// The messages of the failed tasks of the image, the newest first, as far as they are available. The
    /// service records the failure in the image before it ends the task.
    async fn messages(&self, id: &str) -> Vec<String> {
        let mut tasks = Vec::new();
        for _ in 0..MESSAGE_REQUESTS {
            tasks = self.image_tasks(id).await.unwrap_or_default();
            let is_unfinished =
                |task: &Task| matches!(task.status(), TaskStatus::Pending | TaskStatus::Processing);
            if !tasks.iter().any(is_unfinished) {
                break;
            }
            sleep(FIRST_PAUSE).await;
        }
        tasks.retain(|task| task.status() == TaskStatus::Failure);
        tasks.sort_by(|a, b| b.created_at().cmp(&a.created_at()));
        tasks.iter().filter_map(|task| task.message()).map(str::to_owned).collect()
    }
}

/// The pauses and the time-out of a wait.
struct Pace {
    start: Instant,
    pause: Duration,
    longest: Duration,
    timeout: Option<Duration>,
    failures: u32,
}

impl Pace {
    fn new(options: &WaitOptions) -> Self {
        Pace {
            start: Instant::now(),
            pause: FIRST_PAUSE.min(options.interval),
            longest: options.interval,
            timeout: options.timeout,
            failures: 0,
        }
    }

    /// Returns a default value for a transient error, up to a number of consecutive errors.
    fn tolerate<T: Default>(&mut self, error: Error) -> Result<T, Error> {
        self.failures += 1;
        if error.is_transient() && self.failures <= MAX_FAILURES {
            tracing::debug!(%error, "looking again");
            return Ok(T::default());
        }
        Err(error)
    }

    async fn pause(&mut self, id: &str, status: Status) -> Result<(), Error> {
        let waited = self.start.elapsed();
        let left = self.timeout.map(|timeout| timeout.saturating_sub(waited));
        if left == Some(Duration::ZERO) {
            return Err(Error::WaitedTooLong { id: id.to_owned(), status, waited });
        }
        sleep(left.map_or(self.pause, |left| left.min(self.pause))).await;
        self.pause = (self.pause * 3 / 2).min(self.longest);
        Ok(())
    }
}

/// Small imports take about this long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const MESSAGE_REQUESTS: u32 = 10;
/// A service that restarts is available again by then.
const MAX_FAILURES: u32 = 5;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The status and recorded failure before the wait, then for each request: status, task, recorded
    /// failure, and the conclusion.
    type Scenario<'a> = ((&'a str, &'a str), &'a [(&'a str, bool, &'a str, Look)]);

    fn image(status: &str, at_work: bool, mark: &str) -> Image {
        let mut json = json!({"id": "x", "status": status, "os_glance_failed_import": mark});
        if at_work {
            json["os_glance_import_task"] = "t".into();
        }
        serde_json::from_value(json).unwrap()
    }

    fn check(scenarios: &[Scenario<'_>], options: &WaitOptions) {
        for ((status, mark), looks) in scenarios {
            let mut watch = Watch::new(&image(status, false, mark), options);
            for (at, (status, at_work, mark, says)) in looks.iter().enumerate() {
                let look = watch.look(&image(status, *at_work, mark));
                assert_eq!(look, *says, "look {at} of {looks:?}");
            }
        }
    }

    #[test]
    fn a_wait_depends_on_the_earlier_status() {
        use Look::{Done, Failed, ImportFailed, Unclear, Unfinished};
        check(
            &[
                // An upload by another client.
                (
                    ("queued", ""),
                    &[
                        ("queued", false, "", Unclear),
                        ("saving", false, "", Unfinished),
                        ("active", false, "", Done),
                    ],
                ),
                (
                    ("saving", ""),
                    &[("saving", false, "", Unfinished), ("queued", false, "", Failed)],
                ),
                (
                    ("queued", ""),
                    &[("saving", false, "", Unfinished), ("queued", false, "", Failed)],
                ),
                // glance-direct; the first request may still show the previous state.
                (
                    ("uploading", ""),
                    &[
                        ("uploading", true, "", Unfinished),
                        ("importing", true, "", Unfinished),
                        ("active", true, "", Unfinished),
                        ("active", false, "", Done),
                    ],
                ),
                // A service without the task in the record.
                (
                    ("uploading", ""),
                    &[
                        ("uploading", false, "", Unfinished),
                        ("importing", false, "", Unfinished),
                        ("active", false, "", Done),
                    ],
                ),
                // A failed import stays `importing`.
                (
                    ("uploading", ""),
                    &[
                        ("importing", true, "", Unfinished),
                        ("importing", false, "fast", ImportFailed),
                    ],
                ),
                // web-download: back to `queued`, with or without a recorded failure.
                (
                    ("queued", ""),
                    &[("queued", true, "", Unfinished), ("queued", false, "fast", ImportFailed)],
                ),
                (
                    ("queued", ""),
                    &[("importing", true, "", Unfinished), ("queued", false, "", Failed)],
                ),
                // A second attempt: the old failure counts only once the new import is over.
                (
                    ("queued", "fast"),
                    &[
                        ("queued", true, "fast", Unfinished),
                        ("importing", true, "", Unfinished),
                        ("active", false, "", Done),
                    ],
                ),
                (
                    ("queued", "fast"),
                    &[
                        ("queued", true, "fast", Unfinished),
                        ("queued", false, "fast", ImportFailed),
                    ],
                ),
                (("queued", "fast"), &[("queued", false, "fast", Unclear)]),
                // copy-image: active all the time.
                (("active", ""), &[("active", true, "", Unfinished), ("active", false, "", Done)]),
                (("active", ""), &[("active", true, "slow", ImportFailed)]),
                // glance-download of a missing image records no failure.
                (
                    ("queued", ""),
                    &[("queued", true, "", Unfinished), ("queued", false, "", Failed)],
                ),
                (("importing", ""), &[("deleted", false, "", Failed)]),
                (("importing", ""), &[("melting", false, "", Unfinished)]),
            ],
            &WaitOptions::default(),
        );
    }

    #[test]
    fn failed_stores_are_accepted_if_that_is_set() {
        use Look::{Done, ImportFailed, Unfinished};
        check(
            &[
                (
                    ("uploading", ""),
                    &[("importing", true, "slow", Unfinished), ("active", false, "slow", Done)],
                ),
                (
                    ("uploading", ""),
                    &[
                        ("importing", true, "fast,slow", Unfinished),
                        ("queued", false, "fast,slow", ImportFailed),
                    ],
                ),
                (("uploading", ""), &[("importing", false, "fast", ImportFailed)]),
            ],
            &WaitOptions::default().with_may_lose_stores(true),
        );
    }
}
