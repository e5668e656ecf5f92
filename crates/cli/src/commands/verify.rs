//! `imgpush verify`.

use std::path::Path;

use futures_util::{StreamExt as _, stream};
use imgpush_client::{Error as ClientError, Image};
use imgpush_engine::source::{self, Source};
use imgpush_engine::{
    CancellationToken, IntegrityError, PullFailure, Verification, VerificationError,
    VerificationReport,
};
use serde_json::json;

use super::failed::Failed;
use super::pull::file_names;
use super::selection::{Chosen, Missing, Selected, select};
use crate::args::image::DownloadArgs;
use crate::args::{CloudArgs, Decompress, VerifyArgs};
use crate::exit_code::{self, Code};
use crate::printer::{Printer, for_terminal};
use crate::progress::BatchView;
use crate::{hints, interrupt, output};

pub(crate) async fn run(cloud: &CloudArgs, args: &VerifyArgs, printer: &Printer) -> Code {
    let cancel = interrupt::token(printer);
    // A file that is not there needs no cloud to say so.
    let source = match &args.file {
        Some(file) => {
            let options = args.source.options(Decompress::Auto);
            let opening = source::open(file, &options);
            match super::source::opened(opening, printer, &cancel).await {
                Ok(source) => Some(source),
                Err(code) => return code,
            }
        }
        None => None,
    };
    let selected = match select(cloud, &args.selection, printer, &cancel).await {
        Ok(selected) => selected,
        Err(code) => return code,
    };
    let is_one = !args.selection.is_several();
    let mut reporter = VerifyReporter { args, printer, is_one, codes: Vec::new(), not_started: 0 };
    selected.missing.iter().for_each(|missing| reporter.missing(missing));
    if selected.is_to_begin(args.jobs.fail_fast) {
        Verifying { args, selected: &selected, cancel }.run(source, &mut reporter).await;
    } else {
        reporter.not_started = selected.images.len();
    }
    reporter.sum_up();
    exit_code::worst(&reporter.codes)
}

/// The images to verify and the options.
struct Verifying<'a> {
    args: &'a VerifyArgs,
    selected: &'a Selected,
    cancel: CancellationToken,
}

impl Verifying<'_> {
    /// Verifies up to `--jobs` images at a time, in their order. A source is for the only image.
    async fn run(&self, source: Option<Box<dyn Source>>, reporter: &mut VerifyReporter<'_>) {
        let (args, selected) = (self.args, self.selected);
        let images = &selected.images;
        let mut options = args.download.options();
        options.prefer.clone_from(&args.stores);
        let jobs = args.jobs.jobs.min(images.len().try_into().unwrap_or(args.jobs.jobs));
        let verification = Verification::new(selected.client.clone(), options)
            .on_cloud(&selected.cloud)
            .for_jobs(jobs);
        let records: Vec<&Image> = images.iter().map(|chosen| &chosen.image).collect();
        let names = file_names(&records);
        let clouds = std::slice::from_ref(&selected.cloud);
        let DownloadArgs { progress, quiet, .. } = &args.download;
        let views = BatchView::new(*progress, *quiet, reporter.printer, clouds, images.len());
        let stop = self.cancel.child_token();
        let mut source = source;
        let verify = |number: usize| {
            let (views, stop, name) = (&views, &stop, &names[number]);
            let (verification, source) = (&verification, source.take());
            async move {
                if stop.is_cancelled() {
                    return (number, None);
                }
                let Chosen { named, image } = &images[number];
                let view = views.started(number, named, &selected.cloud);
                let verification = verification.clone().with_progress(view);
                let verified = match (source, &args.folder) {
                    (Some(source), _) => verification.against_file(image, source, stop).await,
                    (None, Some(folder)) => {
                        self.with_file(&verification, image, &folder.join(name), stop).await
                    }
                    (None, None) => verification.against_download(image, stop).await,
                };
                (number, Some(verified))
            }
        };
        let mut verifying =
            stream::iter(0..images.len()).map(verify).buffer_unordered(verification.jobs());
        while let Some((number, verified)) = verifying.next().await {
            let Some(verified) = verified else {
                reporter.not_started += 1;
                continue;
            };
            views.ended(number, verified.is_ok());
            views.aside(|| reporter.report(&verified, &images[number].named));
            if verified.is_err() && args.jobs.fail_fast {
                stop.cancel();
            }
        }
        views.close();
    }

    /// Compares with the file that `imgpush pull` has written.
    async fn with_file(
        &self,
        verification: &Verification,
        image: &Image,
        path: &Path,
        cancel: &CancellationToken,
    ) -> Result<VerificationReport, VerificationError> {
        // As it is: what was pulled was not unpacked.
        let options = self.args.source.options(Decompress::Never);
        let opened = tokio::select! {
            opened = source::open(path, &options) => opened.map_err(PullFailure::from),
            () = cancel.cancelled() => Err(PullFailure::Interrupted),
        };
        match opened {
            Ok(source) => verification.against_file(image, source, cancel).await,
            Err(failure) => Err(VerificationError {
                image: image.name().unwrap_or(image.id()).to_owned(),
                cloud: self.selected.cloud.clone(),
                failure: Box::new(failure),
            }),
        }
    }
}

/// Reports the result of each image, and collects what the exit code and the summary need.
struct VerifyReporter<'a> {
    args: &'a VerifyArgs,
    printer: &'a Printer,
    is_one: bool,
    codes: Vec<Code>,
    not_started: usize,
}

impl VerifyReporter<'_> {
    fn report(&mut self, verified: &Result<VerificationReport, VerificationError>, named: &str) {
        match verified {
            Ok(report) => {
                self.codes.push(exit_code::DONE);
                if self.args.json {
                    return self.printer.result(&output::any(report).to_string());
                }
                if !self.args.download.quiet {
                    self.printer.result(&format!("{}: OK", for_terminal(named)));
                    if self.is_one {
                        self.printer.note(&output::compared(report));
                    }
                }
            }
            Err(error) => self.failed(error, named),
        }
    }

    fn failed(&mut self, error: &VerificationError, named: &str) {
        let differs =
            matches!(*error.failure, PullFailure::Integrity(IntegrityError::Differs { .. }));
        // Of the two the image is the one that is known.
        let file_differs = differs && (self.args.file.is_some() || self.args.folder.is_some());
        let code = match file_differs {
            true => exit_code::SOURCE_DIFFERS,
            false => exit_code::of(error.kind()),
        };
        let chain = output::chain(error);
        self.result(named, code, &chain, differs);
        let hint = if file_differs { None } else { hints::for_download(&error.failure) };
        self.printer.error(&chain, &Vec::from_iter(hint));
    }

    fn missing(&mut self, missing: &Missing) {
        let Missing { named, failed } = missing;
        let code = failed.code();
        let chain = output::chain(failed);
        self.result(named, code, &chain, false);
        let is_none = matches!(failed, Failed::Client { source, .. }
            if matches!(**source, ClientError::NoSuchImage { .. }));
        let hint = if is_none && Path::new(named).exists() {
            Some(format!("--file {named} compares an image with that file"))
        } else {
            failed.hint()
        };
        self.printer.error(&chain, &Vec::from_iter(hint));
    }

    /// Prints the result of an image that is not verified; for a single image, only that it differs.
    fn result(&mut self, named: &str, code: Code, chain: &[String], differs: bool) {
        self.codes.push(code);
        if self.args.json {
            let error = output::error(chain, code);
            let object = json!({ "image": named, "verified": false, "error": error });
            self.printer.result(&object.to_string());
        } else if differs || !self.is_one {
            self.printer.result(&format!("{}: FAILED", for_terminal(named)));
        }
    }

    /// Prints the summary of several images.
    fn sum_up(&self) {
        if self.is_one || self.args.download.quiet {
            return;
        }
        let count =
            |wanted: &dyn Fn(Code) -> bool| self.codes.iter().filter(|code| wanted(**code)).count();
        let differs = |code| [exit_code::SOURCE_DIFFERS, exit_code::SERVER_DIFFERS].contains(&code);
        let well = count(&|code| code == exit_code::DONE);
        let differ = count(&differs);
        let rest = self.codes.len() - well - differ;
        let mut line = format!("{well} verified, {differ} differ, {rest} could not be verified");
        if self.not_started > 0 {
            line.push_str(&format!(", {} not begun", self.not_started));
        }
        self.printer.note(&line);
    }
}
