//! The images that a verb is about.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use imgpush_client::{Image, ImageClient, ImageQuery, Project};
use imgpush_engine::{BatchSummary, CancellationToken, OutputFormat};

use super::connect::connect;
use super::failed::{Failed, failed_to};
use super::file_names::file_names;
use super::share::{Item, ItemShare};
use crate::args::{CloudArgs, Selection};
use crate::exit_code::{self, Code};
use crate::printer::Printer;

/// The images that a command is about.
pub(super) struct Wanted<'a> {
    pub(super) selection: &'a Selection,
    pub(super) share: &'a ItemShare,
    /// The format of their files, if it is not their own.
    pub(super) converted: Option<OutputFormat>,
    pub(super) quiet: bool,
}

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
    /// The default name of its file, which no other selected image has, in this shard or another.
    pub(super) file_name: String,
}

/// An image with the name that the user gave, or its own name or id.
type NamedImage = (String, Image);

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
    wanted: &Wanted<'_>,
    printer: &Printer,
    cancel: &CancellationToken,
) -> Result<Selected, Code> {
    let selecting = async {
        let (cloud, client) = connect(cloud).await?;
        let (images, mut missing) = match wanted.selection.all {
            true => (all(&client, wanted.selection).await?, Vec::new()),
            false => named(&client, &wanted.selection.images).await,
        };
        if wanted.selection.all && images.is_empty() {
            printer.note("no image matches");
        }
        let found = images.len() + missing.len();
        let images = wanted.chosen(images)?;
        missing.retain(|missing| wanted.share.has(&missing.named));
        if !wanted.quiet {
            wanted.share.announce(images.len() + missing.len(), found, printer);
        }
        Ok::<_, Failed>(Selected { cloud, client, images, missing })
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
}

/// Finds images by name or id, each once.
async fn named(client: &ImageClient, names: &[String]) -> (Vec<NamedImage>, Vec<Missing>) {
    let find = |named: &String| {
        let named = named.clone();
        async move {
            let found = client.find_existing(&named).await;
            let found = found.map_err(failed_to(format!("find {named}")));
            (named, found)
        }
    };
    let found: Vec<_> = stream::iter(names).map(find).buffered(LOOKUPS).collect().await;
    let (mut images, mut missing) = (Vec::<NamedImage>::new(), Vec::new());
    for (named, found) in found {
        match found {
            Ok(image) if images.iter().any(|(_, known)| known.id() == image.id()) => {}
            Ok(image) => images.push((named, image)),
            Err(failed) => missing.push(Missing { named, failed }),
        }
    }
    (images, missing)
}

/// Lists the images that the project owns. Where the login does not say which one it is, those that are listed.
async fn all(client: &ImageClient, selection: &Selection) -> Result<Vec<NamedImage>, Failed> {
    let mut query = ImageQuery::default().with("status", "active");
    let project = client.project().await.map_err(failed_to("log in"))?;
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
        client.images(&query).try_collect().await.map_err(failed_to("list images"))?;
    Ok(images.into_iter().map(|image| (image.display_name().to_owned(), image)).collect())
}

impl Wanted<'_> {
    /// The images of the share, with the names of their files.
    fn chosen(&self, images: Vec<NamedImage>) -> Result<Vec<Chosen>, Failed> {
        let all: Vec<&Image> = images.iter().map(|(_, image)| image).collect();
        let names = file_names(&all, self.converted);
        let images = images.into_iter().zip(names);
        let images = images.map(|((named, image), file_name)| Chosen { named, image, file_name });
        let item = |chosen: &Chosen| Item {
            name: chosen.image.id().to_owned(),
            size: chosen.image.size(),
        };
        self.share
            .of_all(images.collect(), item)
            .map_err(|error| Failed::Usage { message: error.to_string(), hint: None })
    }
}
