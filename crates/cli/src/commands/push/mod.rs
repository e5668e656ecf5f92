//! `imgpush push`.

mod clouds;
mod glob;
mod reporter;
mod tasks;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgpush_client::ImageClient;
use imgpush_engine::source::Source;
use imgpush_engine::{
    Batch, BatchSummary, CancellationToken, Push, PushError, PushFailure, PushOptions, Report,
    RetryOptions, SourceError, Target, TransferError, Via,
};

use self::clouds::{TargetCloud, connect, one_cloud, shown, target_clouds};
use self::reporter::PushReporter;
pub(crate) use self::reporter::failed;
use self::tasks::{Open, Tasks, Variant};
use super::batch::finished;
use super::share::{Item, ItemShare};
use super::source as opening;
use crate::args::{CloudArgs, PushArgs};
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::progress::{BatchView, View};
use crate::report_page::ReportFile;
use crate::{hints, interrupt, output};

pub(crate) async fn run(clouds: &CloudArgs, args: &PushArgs, printer: &Printer) -> Code {
    let (share, printer) = match ItemShare::of(&args.shard, printer) {
        Ok(share) => share,
        Err(code) => return code,
    };
    let printer = &printer;
    let files = match glob::expanded(&args.files) {
        Ok(files) => files,
        Err(error) => {
            printer.error(&output::chain(&error), &[]);
            return exit_code::USAGE;
        }
    };
    if files.len() > 1
        && let Some(option) = args.misfit_for_several()
    {
        printer.error(&[format!("{option} cannot be used with several images")], &[]);
        return exit_code::USAGE;
    }
    if let Some(same) = same_name(args, &files) {
        printer.error(&[same], &[hints::SAME_NAME.to_owned()]);
        return exit_code::USAGE;
    }
    // All names are compared above, those of other shards too.
    let files = share.chosen(files, |file| Item::at(file), args.display.quiet, printer);
    let files = match files {
        Ok(files) => files,
        Err(code) => return code,
    };
    let create = |path| ReportFile::create(&share.file(path), args.overwrite);
    let report = match args.report.as_deref().map(create).transpose() {
        Ok(report) => report,
        Err(error) => {
            printer.error(&output::chain(&error), &Vec::from_iter(error.hint()));
            return exit_code::USAGE;
        }
    };
    let mut reporter = PushReporter::new(args, printer, &files, share.shard);
    let summary = match target_clouds(clouds) {
        Ok(clouds) => {
            let names = clouds.iter().map(|cloud| &*cloud.name);
            if let Some(misfit) = args.formats_misfit(names) {
                printer.error(&[misfit], &[]);
                return exit_code::USAGE;
            }
            reporter.is_one_cloud = clouds.len() == 1;
            let cancel = interrupt::token(printer);
            let pushing = Pushing { args, share: &share, files: &files, clouds: &clouds, cancel };
            pushing.run(&mut reporter).await
        }
        Err(missing) => {
            reporter.none_started([&*missing.name], || missing.failure());
            None
        }
    };
    if let Some(summary) = summary
        && !reporter.is_one_image()
    {
        reporter.sum_up(&summary);
    }
    if let Some(report) = report {
        reporter.write_page(report);
    }
    reporter.code()
}

/// Two files whose images would have one name, if the existing images of that name matter.
fn same_name(args: &PushArgs, files: &[PathBuf]) -> Option<String> {
    let mode = args.exists.if_exists_needing_one_name()?;
    let options = args.source_options();
    let mut seen = HashMap::new();
    files.iter().find_map(|file| {
        let name = options.image_name(file)?;
        let first = seen.insert(name.clone(), file)?;
        let (first, second) = (first.display(), file.display());
        Some(format!(
            "{first} and {second} would both become the image {name}, and --if-exists {mode} compares names"
        ))
    })
}

/// What is pushed, and where.
struct Pushing<'a> {
    args: &'a PushArgs,
    share: &'a ItemShare,
    files: &'a [PathBuf],
    clouds: &'a [TargetCloud],
    cancel: CancellationToken,
}

impl Pushing<'_> {
    /// Pushes and reports each result. Without a summary nothing was started.
    async fn run(&self, reporter: &mut PushReporter<'_>) -> Option<BatchSummary> {
        if self.files.is_empty() {
            return Some(BatchSummary::default());
        }
        let (args, printer) = (self.args, reporter.printer);
        let names = self.clouds.iter().map(|cloud| &*cloud.name);
        let variants = Variant::of(args, names.clone());
        // What is alone and cannot be read needs no cloud to say so.
        let beginning = async {
            let options = args.source_options();
            let expected = opening::expected(&args.proof, &options.http, printer).await?;
            let options = opening::marked(&options, &expected);
            let open = Open { options, expected };
            let first = match self.files {
                [file] => {
                    opening::announce_input(file, printer);
                    Some(open.open(file, &variants[0]).await?)
                }
                _ => None,
            };
            Ok::<_, SourceError>((open, first, connect(self.clouds, &args.retry.options()).await))
        };
        let begun = tokio::select! {
            begun = beginning => begun.map_err(|error| Some(TransferError::from(error))),
            () = self.cancel.cancelled() => Err(None),
        };
        let (open, first, connected) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                let failure = || error.clone().map_or(PushFailure::Interrupted, Into::into);
                reporter.none_started(names, failure);
                return None;
            }
        };

        let labels: Vec<_> = names.clone().map(str::to_owned).collect();
        // Of an address it is known later.
        let size = |file: &PathBuf| std::fs::metadata(file).ok().map(|found| found.len());
        let sizes: Vec<_> = self.files.iter().map(size).collect();
        let views =
            BatchView::new(args.display.progress, args.display.quiet, printer, &labels, &sizes)
                .with_tasks_per_image(variants.len());
        let tasks = self.files.len() * variants.len();
        let mut options = args.batch.options(tasks, args.retry.options());
        options.journal = options.journal.map(|path| self.share.file(&path));
        let batch = Batch::new(options).with_progress({
            let views = views.clone();
            move |task| views.started(task.number, task.name, task.cloud)
        });
        let connected = connected.into_iter().zip(names.clone()).map(|(target, name)| {
            let target = target.map(|target| args.target.applied(target)).map_err(Arc::new);
            (name.to_owned(), target)
        });
        let tasks = Tasks { args, open, variants: &variants, clouds: connected.collect() };
        let running = match batch.start(tasks.of(self.files, first), &self.cancel) {
            Ok(running) => running,
            Err(error) => {
                let error = Arc::new(error);
                let failure = || PushFailure::NotStarted(Box::new(Arc::clone(&error)));
                reporter.none_started(names, failure);
                return None;
            }
        };
        if let Some(damage) = running.journal_damage() {
            printer.note(damage);
        }
        let summary = finished(running, &views, |outcome| {
            let number = outcome.number / variants.len();
            outcome.into_pushes().for_each(|result| reporter.report(result, number));
        });
        Some(summary.await)
    }
}

/// Logs in to the one cloud that is meant.
pub(crate) async fn connect_one(
    cloud: &CloudArgs,
    place: &Path,
    retry: &RetryOptions,
) -> Result<Target, PushError> {
    let what = shown(place);
    let cloud = one_cloud(cloud, &what)?;
    log_in(&cloud, retry, &what).await
}

/// Pushes a source to the one cloud that is meant, and gives back who is connected as well.
pub(crate) async fn push(
    cloud: &CloudArgs,
    place: &Path,
    opening: impl Future<Output = Result<Box<dyn Source>, SourceError>>,
    options: PushOptions,
    via: Via,
    view: Arc<dyn View>,
    printer: &Printer,
) -> Result<(ImageClient, Report), PushError> {
    let what = shown(place);
    let cloud = one_cloud(cloud, &what)?;
    let not_started = |failure| PushError::not_started(&what, &cloud.name, failure);
    let cancel = interrupt::token(printer);
    let begin = async {
        let source =
            opening.await.map_err(|error| not_started(TransferError::from(error).into()))?;
        Ok((source, log_in(&cloud, &options.retry, &what).await?))
    };
    let (source, target) = tokio::select! {
        begun = begin => begun?,
        () = cancel.cancelled() => return Err(not_started(PushFailure::Interrupted)),
    };
    let client = target.client().clone();
    let push = Push::to(target.via(via), options).with_progress(Arc::clone(&view) as _);
    let pushed = push.run(source, &cancel).await;
    view.close();
    Ok((client, pushed?))
}

/// Logs in to push `what`.
async fn log_in(
    cloud: &TargetCloud,
    retry: &RetryOptions,
    what: &str,
) -> Result<Target, PushError> {
    let target = cloud.connect(retry).await;
    target.map_err(|error| {
        let failure = PushFailure::Unreached { source: Arc::new(error) };
        PushError::not_started(what, &cloud.name, failure)
    })
}
