//! `imgpush push`.

mod clouds;
mod glob;
mod reporter;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{FutureExt as _, StreamExt as _};
use imgpush_client::ImageClient;
use imgpush_engine::checksum::Expected;
use imgpush_engine::source::{self, Source, SourceOptions};
use imgpush_engine::{
    Batch, BatchEvent, BatchSummary, BatchTask, CancellationToken, Push, PushError, PushFailure,
    PushOptions, Report, RetryOptions, SourceError, Target, TransferError,
};

use self::clouds::{TargetCloud, connect, not_started_anywhere, shown, target_clouds};
use self::reporter::PushReporter;
pub(crate) use self::reporter::failed;
use super::source as opening;
use crate::args::{CloudArgs, PushArgs};
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::progress::{BatchView, View};
use crate::report_page::ReportFile;
use crate::{interrupt, output};

pub(crate) async fn run(clouds: &CloudArgs, args: &PushArgs, printer: &Printer) -> Code {
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
        printer.error(&[format!("{option} makes no sense for several images")], &[]);
        return exit_code::USAGE;
    }
    let what = match &files[..] {
        [file] => shown(file),
        files => format!("{} images", files.len()),
    };
    let report = match args.report.as_deref().map(ReportFile::create).transpose() {
        Ok(report) => report,
        Err(error) => {
            printer.error(&output::chain(&error), &[]);
            return exit_code::USAGE;
        }
    };
    let mut reporter = PushReporter {
        args,
        printer,
        is_one_cloud: true,
        is_one_image: files.len() == 1,
        codes: Vec::new(),
        failures: Vec::new(),
        results: args.report.as_ref().map(|_| Vec::new()),
    };
    let pushed = match target_clouds(clouds, &what) {
        Ok(clouds) => {
            reporter.is_one_cloud = clouds.len() == 1;
            let cancel = interrupt::token(printer);
            Pushing { args, files: &files, clouds: &clouds, what: &what, cancel }
                .run(&mut reporter)
                .await
        }
        Err(error) => Err(vec![error]),
    };
    match pushed {
        Ok(summary) if files.len() > 1 => reporter.sum_up(&summary),
        Ok(_) => {}
        Err(errors) => {
            errors.into_iter().for_each(|error| reporter.report(Err(error), &files[0]));
        }
    }
    if let Some(report) = report {
        reporter.write_page(report);
    }
    reporter.code()
}

/// What is pushed, and where.
struct Pushing<'a> {
    args: &'a PushArgs,
    files: &'a [PathBuf],
    clouds: &'a [TargetCloud],
    /// What messages call all of it.
    what: &'a str,
    cancel: CancellationToken,
}

impl Pushing<'_> {
    /// Pushes and reports each result. The errors are those of all images, one for each cloud.
    async fn run(&self, reporter: &mut PushReporter<'_>) -> Result<BatchSummary, Vec<PushError>> {
        let (args, printer) = (self.args, reporter.printer);
        // What is alone and cannot be read needs no cloud to say so.
        let beginning = async {
            let options = args.source_options();
            let expected = opening::expected(&args.proof, &options.http, printer).await?;
            let open = Open { options, expected };
            let first = match self.files {
                [file] => Some(open.open(file).await?),
                _ => None,
            };
            let retry = args.retry.options();
            Ok::<_, SourceError>((open, first, connect(self.clouds, &retry, self.what).await))
        };
        let begun = tokio::select! {
            begun = beginning => begun.map_err(|error| Some(TransferError::from(error))),
            () = self.cancel.cancelled() => Err(None),
        };
        let (open, first, connected) = begun.map_err(|error| {
            let failure = || error.clone().map_or(PushFailure::Interrupted, Into::into);
            not_started_anywhere(self.what, self.clouds, failure)
        })?;

        let names: Vec<_> = self.clouds.iter().map(|cloud| cloud.name.clone()).collect();
        let files = self.files.len();
        let views = BatchView::new(args.progress, args.quiet, printer, &names, files);
        let options = args.batch.options(files, args.retry.options());
        let mut batch = Batch::new(options).with_progress({
            let views = views.clone();
            move |number, source, target| views.started(number, source, target.cloud())
        });
        // For each cloud why nothing is pushed there, if so.
        let mut unreached = Vec::new();
        for target in connected {
            match target {
                Ok(target) => {
                    batch = batch.to(args.target.applied(target));
                    unreached.push(None);
                }
                Err(error) => unreached.push(Some(error)),
            }
        }
        let is_nowhere = unreached.iter().all(Option::is_some);
        if is_nowhere || files > 1 {
            for error in unreached.iter_mut().filter_map(Option::take) {
                reporter.report(Err(error), &self.files[0]);
            }
        }
        if is_nowhere {
            views.close();
            return Ok(BatchSummary::default());
        }
        let running = batch.start(open.tasks(args, self.files, first), &self.cancel);
        let mut running = running.map_err(|error| {
            let error = Arc::new(error);
            let failure = || PushFailure::NotStarted(Box::new(Arc::clone(&error)));
            not_started_anywhere(self.what, self.clouds, failure)
        })?;
        while let Some(event) = running.next().await {
            let BatchEvent::Ended(outcome) = event else { continue };
            views.ended(outcome.number, outcome.results.iter().all(Result::is_ok));
            let file = &self.files[outcome.number];
            views.aside(|| {
                for result in in_order(&mut unreached, outcome.results) {
                    reporter.report(result, file);
                }
            });
        }
        views.close();
        Ok(running.summary().clone())
    }
}

/// The results of one image with those of the clouds that were not reached, in the order of the clouds. What
/// is told once for all stays alone.
fn in_order(
    unreached: &mut [Option<PushError>],
    results: Vec<Result<Report, PushError>>,
) -> Vec<Result<Report, PushError>> {
    if unreached.iter().filter(|error| error.is_none()).count() != results.len() {
        return results;
    }
    let mut results = results.into_iter();
    let next = |error: &mut Option<PushError>| match error.take() {
        Some(error) => Some(Err(error)),
        None => results.next(),
    };
    unreached.iter_mut().filter_map(next).collect()
}

/// How sources are opened.
#[derive(Clone)]
struct Open {
    options: SourceOptions,
    expected: Expected,
}

impl Open {
    async fn open(&self, place: &Path) -> Result<Box<dyn Source>, SourceError> {
        self.expected.of(source::open(place, &self.options).await?)
    }

    /// A task for each file; the one that is open already is not opened again.
    fn tasks(
        self,
        args: &PushArgs,
        files: &[PathBuf],
        first: Option<Box<dyn Source>>,
    ) -> Vec<BatchTask> {
        let mut first = first;
        let task = |file: &PathBuf| {
            let (open, place, source) = (self.clone(), file.clone(), first.take());
            let opening = async move || match source {
                Some(source) => Ok(source),
                None => open.open(&place).await,
            };
            let task = BatchTask::opened_by(shown(file), args.options(), || opening().boxed());
            task.via(args.target.via(file))
        };
        files.iter().map(task).collect()
    }
}

/// Logs in to the one cloud that is meant.
pub(crate) async fn connect_one(
    cloud: &CloudArgs,
    place: &Path,
    retry: &RetryOptions,
) -> Result<Target, PushError> {
    let what = shown(place);
    let clouds = target_clouds(cloud, &what)?;
    connect(&clouds, retry, &what).await.pop().expect("a target for the one cloud")
}

/// Pushes a source to the one cloud that is meant, and gives back who is connected as well.
pub(crate) async fn push(
    cloud: &CloudArgs,
    place: &Path,
    opening: impl Future<Output = Result<Box<dyn Source>, SourceError>>,
    options: PushOptions,
    view: Arc<dyn View>,
    printer: &Printer,
) -> Result<(ImageClient, Report), PushError> {
    let what = shown(place);
    let clouds = target_clouds(cloud, &what)?;
    let cancel = interrupt::token(printer);
    let begin = async {
        let source = opening.await?;
        Ok::<_, SourceError>((source, connect(&clouds, &options.retry, &what).await))
    };
    let begun = tokio::select! {
        begun = begin => begun.map_err(|error| TransferError::from(error).into()),
        () = cancel.cancelled() => Err(PushFailure::Interrupted),
    };
    let (source, mut connected) =
        begun.map_err(|failure| PushError::not_started(&what, &clouds[0].name, failure))?;
    let target = connected.pop().expect("a target for the one cloud")?;
    let client = target.client().clone();
    let push = Push::to(target, options).with_progress(Arc::clone(&view) as _);
    let pushed = push.run(source, &cancel).await;
    view.close();
    Ok((client, pushed?))
}
