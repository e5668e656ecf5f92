//! The images that a verb is about.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use imgpush_client::{Image, ImageClient, ImageQuery, Project};
use imgpush_engine::{BatchSummary, CancellationToken};

use super::connect::connect;
use super::failed::{Failed, failed_to};
use crate::args::{CloudArgs, Selection};
use crate::exit_code::{self, Code};
use crate::printer::Printer;

/// Images that were asked for, and who has them.
pub(super) struct Selected {
    pub(super) cloud: String,
    pub(super) client: ImageClient,
    /// Each once.
    pub(super) images: Vec<Chosen>,
    /// What is not there.
    pub(super) missing: Vec<Missing>,
}

/// An image that is there.
pub(super) struct Chosen {
    /// The name as given by the user; otherwise its own name or id.
    pub(super) named: String,
    pub(super) image: Image,
}

/// An image that is not there, or that more than one is.
pub(super) struct Missing {
    pub(super) named: String,
    pub(super) failed: Failed,
}

/// Requests at a time.
const LOOKUPS: usize = 8;

/// Connects and finds the images.
///
/// # Errors
///
/// The exit code; the error has been printed. It is one that affects all images.
pub(super) async fn select(
    cloud: &CloudArgs,
    selection: &Selection,
    printer: &Printer,
    cancel: &CancellationToken,
) -> Result<Selected, Code> {
    let selecting = async {
        let (cloud, client) = connect(cloud).await?;
        let mut selected = Selected { cloud, client, images: Vec::new(), missing: Vec::new() };
        match selection.all {
            true => {
                selected.take_all(selection).await?;
                if selected.images.is_empty() {
                    printer.note("no image matches");
                }
            }
            false => selected.take_named(&selection.images).await,
        }
        Ok::<_, Failed>(selected)
    };
    tokio::select! {
        selected = selecting => selected.map_err(|failed| failed.report(printer)),
        () = cancel.cancelled() => {
            printer.error(&["interrupted".to_owned()], &[]);
            Err(exit_code::INTERRUPTED)
        }
    }
}

impl Selected {
    /// Whether there is anything to begin with: not where the first failure stops all, and one is missing.
    pub(super) fn is_to_begin(&self, fail_fast: bool) -> bool {
        let is_stopped = fail_fast && !self.missing.is_empty();
        !is_stopped && !self.images.is_empty()
    }

    /// The summary when no task was started.
    pub(super) fn none_started(&self) -> BatchSummary {
        let mut summary = BatchSummary::default();
        summary.not_started = self.images.len();
        summary
    }

    async fn take_named(&mut self, names: &[String]) {
        let client = &self.client;
        let find = |named: &String| {
            let named = named.clone();
            async move {
                let found = client.find_existing(&named).await;
                let found = found.map_err(failed_to(format!("find {named}")));
                (named, found)
            }
        };
        let found: Vec<_> = stream::iter(names).map(find).buffered(LOOKUPS).collect().await;
        for (named, found) in found {
            match found {
                Ok(image) if self.images.iter().any(|known| known.image.id() == image.id()) => {}
                Ok(image) => self.images.push(Chosen { named, image }),
                Err(failed) => self.missing.push(Missing { named, failed }),
            }
        }
    }

    /// Those that the project owns. Where the login does not say which one it is, those that are listed.
    async fn take_all(&mut self, selection: &Selection) -> Result<(), Failed> {
        let mut query = ImageQuery::default().with("status", "active");
        let project = self.client.project().await.map_err(failed_to("log in"))?;
        if let Project::Id(id) = project {
            query = query.with("owner", id);
        }
        for tag in &selection.tags {
            query = query.tag(tag);
        }
        for (key, value) in &selection.properties {
            query = query.with(key, value);
        }
        let images: Vec<Image> =
            self.client.images(&query).try_collect().await.map_err(failed_to("list images"))?;
        self.images = images
            .into_iter()
            .map(|image| Chosen { named: image.display_name().to_owned(), image })
            .collect();
        Ok(())
    }
}
