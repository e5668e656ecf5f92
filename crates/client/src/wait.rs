//! Waiting until the service is done with an image.
//!
//! The Image API has no status for a failure. Whether an image that is `queued` has failed, or has not
//! begun, only shows beside what it was before: so waiting starts from a record, and remembers.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::{Error, Image, ImageClient, Import, Location, NotActive, Status, Task, TaskStatus};

/// How long to wait, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitOptions {
    /// The longest wait; none by default, since only the operator knows how large images may be.
    pub timeout: Option<Duration>,
    /// The longest pause between two looks, 2 s by default; the first ones are shorter.
    pub interval: Duration,
    /// Whether an image that is `active` will do although an import into some store failed.
    pub may_lose_stores: bool,
}

impl Default for WaitOptions {
    fn default() -> Self {
        WaitOptions { timeout: None, interval: Duration::from_secs(2), may_lose_stores: false }
    }
}

impl WaitOptions {
    /// Sets the longest wait.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the longest pause between two looks.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets whether an `active` image is accepted although an import into some store failed.
    #[must_use]
    pub fn with_may_lose_stores(mut self, may: bool) -> Self {
        self.may_lose_stores = may;
        self
    }
}

/// What a look at the image says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Unfinished,
    /// Not begun, or over already: the tasks of the image know.
    Unclear,
    Done,
    /// An import failed and left its mark.
    ImportFailed,
    /// Back to `queued`, or gone.
    Failed,
}

/// What is known of an image that is waited for. Knows neither clock nor network.
struct Watch {
    before: Status,
    /// The mark of an earlier import, which a new one removes when it begins.
    old_mark: Vec<String>,
    may_lose_stores: bool,
    /// An import has been seen at work.
    seen_at_work: bool,
    /// The image has been seen in another status than before.
    moved: bool,
}

impl Watch {
    fn new(before: &Image, options: &WaitOptions) -> Self {
        Watch {
            before: before.status(),
            old_mark: before.failed_import().into_iter().map(str::to_owned).collect(),
            may_lose_stores: options.may_lose_stores,
            seen_at_work: is_at_work(before),
            moved: false,
        }
    }

    fn look(&mut self, image: &Image) -> Look {
        let status = image.status();
        let at_work = is_at_work(image);
        let over = self.seen_at_work && !at_work;
        self.seen_at_work |= at_work;
        self.moved |= status != self.before;

        let mark = image.failed_import();
        let is_new = mark != self.old_mark || status == Status::Importing || over;
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

/// The service sets the task before it answers an import with 202, and removes it last. One that is
/// too old for that shows a copy into further stores by the stores alone; these say nothing at other
/// times, since some failures leave them there.
fn is_at_work(image: &Image) -> bool {
    let is_copying = || image.status() == Status::Active && !image.importing_to_stores().is_empty();
    image.import_task().is_some() || is_copying()
}

impl ImageClient {
    /// Waits until an image is `active`, and gives it back as it is then.
    ///
    /// `before` is the image as it was before what is waited for began: an upload or an import by
    /// somebody else. `saving`, `uploading` and `importing` are unfinished. A fall back to
    /// `queued` is a failure, and so is an import that leaves `os_glance_failed_import`, whatever the
    /// status says. A look that fails in passing is repeated.
    ///
    /// # Errors
    ///
    /// [`Error::ImportFailed`] and [`Error::FellBack`] with the stores and the messages of the
    /// image's tasks, [`Error::WaitedTooLong`], [`Error::NotFound`] when it was deleted.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the waiting and nothing else.
    pub async fn wait(&self, before: &Image, options: &WaitOptions) -> Result<Image, Error> {
        self.watch(before, options, false).await
    }

    /// [Imports](ImageClient::import) and [waits](ImageClient::wait).
    ///
    /// # Errors
    ///
    /// As both.
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
    /// As both; [`Error::FellBack`] when the data has another hash than the location says.
    pub async fn add_location_and_wait(
        &self,
        before: &Image,
        location: &Location,
        options: &WaitOptions,
    ) -> Result<Image, Error> {
        self.add_location(before.id(), location).await?;
        self.watch(before, options, true).await
    }

    /// Waits until an image is gone.
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
                Err(error) => pace.forgive(error)?,
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
                    // What was taken on is the newest task of the image.
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
                Err(error) => pace.forgive(error)?,
            }
            pace.pause(id, status.clone()).await?;
        }
    }

    /// Whether the newest task of the image failed; services before 2.12 do not say.
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

    /// What the failed tasks of the image say, the newest first, as far as it can be had. The service
    /// marks the image before it ends the task.
    async fn messages(&self, id: &str) -> Vec<String> {
        let mut tasks = Vec::new();
        for _ in 0..MESSAGE_LOOKS {
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

/// When to look again, and when to give up.
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

    /// Nothing, for an error that may pass, a few times in a row.
    fn forgive<T: Default>(&mut self, error: Error) -> Result<T, Error> {
        self.failures += 1;
        if error.is_transient() && self.failures <= MOST_FAILURES {
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
const MESSAGE_LOOKS: u32 = 10;
/// A service that restarts is back by then.
const MOST_FAILURES: u32 = 5;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Before: status, mark. Then looks: status, task, mark, and what each says.
    type Story<'a> = ((&'a str, &'a str), &'a [(&'a str, bool, &'a str, Look)]);

    fn image(status: &str, at_work: bool, mark: &str) -> Image {
        let mut json = json!({"id": "x", "status": status, "os_glance_failed_import": mark});
        if at_work {
            json["os_glance_import_task"] = "t".into();
        }
        serde_json::from_value(json).unwrap()
    }

    fn tell(stories: &[Story<'_>], options: &WaitOptions) {
        for ((status, mark), looks) in stories {
            let mut watch = Watch::new(&image(status, false, mark), options);
            for (at, (status, at_work, mark, says)) in looks.iter().enumerate() {
                let look = watch.look(&image(status, *at_work, mark));
                assert_eq!(look, *says, "look {at} of {looks:?}");
            }
        }
    }

    #[test]
    fn a_wait_knows_where_it_began() {
        use Look::{Done, Failed, ImportFailed, Unclear, Unfinished};
        tell(
            &[
                // An upload by somebody else.
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
                // glance-direct; the first look may still show what was before.
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
                // Failed: it stays importing for ever.
                (
                    ("uploading", ""),
                    &[
                        ("importing", true, "", Unfinished),
                        ("importing", false, "fast", ImportFailed),
                    ],
                ),
                // web-download: back to queued, with the mark or without.
                (
                    ("queued", ""),
                    &[("queued", true, "", Unfinished), ("queued", false, "fast", ImportFailed)],
                ),
                (
                    ("queued", ""),
                    &[("importing", true, "", Unfinished), ("queued", false, "", Failed)],
                ),
                // A second try: the old mark counts only once the new import is over.
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
                // glance-download of an image that is not there leaves no mark.
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
    fn stores_may_be_lost_where_that_was_said() {
        use Look::{Done, ImportFailed, Unfinished};
        tell(
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
