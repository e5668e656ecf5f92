//! `imgpush verify`.

use std::path::Path;

use futures_util::FutureExt as _;
use futures_util::future::ready;
use imgpush_client::Error as ClientError;
use imgpush_engine::source::{self, Source};
use imgpush_engine::{
    BatchSummary, CancellationToken, IntegrityError, PullFailure, TaskResult, Verification,
    VerificationError, VerificationReport, VerifyTask,
};

use super::batch::SelectedBatch;
use super::failed::Failed;
use super::selection::{Chosen, Missing, Selected, Wanted, select};
use super::share::ItemShare;
use crate::args::{CloudArgs, Decompress, VerifyArgs};
use crate::exit_code::{self, Code};
use crate::json::{ErrorBody, FailedImage};
use crate::output::DigestStyle;
use crate::printer::Printer;
use crate::{hints, interrupt, output};

pub(crate) async fn run(cloud: &CloudArgs, args: &VerifyArgs, printer: &Printer) -> Code {
    let (share, printer) = match ItemShare::of(&args.shard, printer) {
        Ok(share) => share,
        Err(code) => return code,
    };
    let printer = &printer;
    let cancel = interrupt::token(printer);
    // A file that is not there needs no cloud to say so.
    let source = match &args.file {
        Some(file) => {
            let options = args.source.options(Decompress::Auto);
            super::source::announce_input(file, printer);
            let opening = source::open(file, &options);
            match super::source::opened(opening, printer, &cancel).await {
                Ok(source) => Some(source),
                Err(code) => return code,
            }
        }
        None => None,
    };
    let quiet = args.download.display.quiet;
    let wanted = Wanted { selection: &args.selection, share: &share, converted: None, quiet };
    let selected = match select(cloud, &wanted, printer, &cancel).await {
        Ok(selected) => selected,
        Err(code) => return args.requeue.code(&[code], code),
    };
    let is_one = !args.selection.is_several() && !share.is_shard();
    let mut reporter = VerifyReporter { args, printer, is_one, codes: Vec::new() };
    selected.missing.iter().for_each(|missing| reporter.missing(missing));
    let summary = if selected.is_to_begin(args.jobs.fail_fast) {
        Verifying { args, selected: &selected, cancel }.run(source, &mut reporter).await
    } else {
        selected.none_started()
    };
    reporter.sum_up(&summary);
    args.requeue.code(&reporter.codes, exit_code::worst(&reporter.codes))
}

/// The images to verify and the options.
struct Verifying<'a> {
    args: &'a VerifyArgs,
    selected: &'a Selected,
    cancel: CancellationToken,
}

impl Verifying<'_> {
    /// Verifies up to `--jobs` images at a time, in their order. A source is for the only image.
    async fn run(
        &self,
        source: Option<Box<dyn Source>>,
        reporter: &mut VerifyReporter<'_>,
    ) -> BatchSummary {
        let tasks = self.tasks(source);
        let Verifying { args, selected, cancel } = self;
        let batch = SelectedBatch { selected, jobs: &args.jobs, download: &args.download, cancel };
        let verified = batch.run(tasks, reporter.printer, |result, named| {
            if let TaskResult::Verify(verified) = result {
                reporter.report(&verified, named);
            }
        });
        verified.await
    }

    fn tasks(&self, source: Option<Box<dyn Source>>) -> Vec<VerifyTask> {
        let mut options = self.args.download.options();
        options.prefer.clone_from(&self.args.stores);
        let verification =
            Verification::new(self.selected.client.clone(), options).on_cloud(&self.selected.cloud);
        let mut source = source;
        let task = |chosen: &Chosen| {
            let (verification, image) = (verification.clone(), chosen.image.clone());
            match (source.take(), &self.args.folder) {
                (Some(source), _) => {
                    VerifyTask::opened_by(verification, image, || ready(Ok(source)).boxed())
                }
                (None, Some(folder)) => {
                    // Unchanged: a download is not decompressed either.
                    let options = self.args.source.options(Decompress::Never);
                    VerifyTask::against_file(
                        verification,
                        image,
                        folder.join(&chosen.file_name),
                        options,
                    )
                }
                (None, None) => VerifyTask::against_download(verification, image),
            }
        };
        self.selected.images.iter().map(task).collect()
    }
}

/// Reports the result of each image, and collects what the exit code and the summary need.
struct VerifyReporter<'a> {
    args: &'a VerifyArgs,
    printer: &'a Printer,
    is_one: bool,
    codes: Vec<Code>,
}

impl VerifyReporter<'_> {
    fn report(&mut self, verified: &Result<VerificationReport, VerificationError>, named: &str) {
        match verified {
            Ok(report) => {
                self.codes.push(exit_code::DONE);
                if self.args.json.is_on() {
                    self.printer.json(report);
                    return;
                }
                if !self.args.download.display.quiet {
                    self.printer.result(&format!("{named}: OK"));
                    if self.is_one {
                        self.printer.note(&output::compared(
                            report,
                            DigestStyle::of(self.args.download.display.full),
                        ));
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
        let hint = if file_differs { None } else { hints::for_download(&error.failure) };
        self.result(named, Some(error), code, &chain, &Vec::from_iter(hint), differs);
    }

    fn missing(&mut self, missing: &Missing) {
        let Missing { named, failed } = missing;
        let code = failed.code();
        let chain = output::chain(failed);
        let is_none = matches!(failed, Failed::Client { source, .. }
            if matches!(**source, ClientError::NoSuchImage { .. }));
        let hint = if is_none && Path::new(named).exists() {
            Some(format!("--file {named} compares an image with that file"))
        } else {
            failed.hint()
        };
        self.result(named, None, code, &chain, &Vec::from_iter(hint), false);
    }

    /// Prints the result of an image that is not verified; without JSON, for a single image, only that it
    /// differs. `error` is that of an image that was found.
    fn result(
        &mut self,
        named: &str,
        error: Option<&VerificationError>,
        code: Code,
        chain: &[String],
        hints: &[String],
        differs: bool,
    ) {
        self.codes.push(code);
        if self.args.json.is_on() {
            let body = ErrorBody::new(chain, hints, code);
            self.printer.json(&match error {
                Some(VerificationError { id, cloud, .. }) => {
                    FailedImage::found(named, id, cloud, body)
                }
                None => FailedImage::unknown(named, body),
            });
        } else if differs || !self.is_one {
            self.printer.result(&format!("{named}: FAILED"));
        }
        self.printer.error(chain, hints);
    }

    /// Prints the summary of several images.
    fn sum_up(&self, summary: &BatchSummary) {
        self.printer.end_of_shard(self.args.json.is_on(), summary);
        if self.is_one || self.args.download.display.quiet {
            return;
        }
        let count =
            |wanted: &dyn Fn(Code) -> bool| self.codes.iter().filter(|code| wanted(**code)).count();
        let differs = |code| [exit_code::SOURCE_DIFFERS, exit_code::SERVER_DIFFERS].contains(&code);
        let well = count(&|code| code == exit_code::DONE);
        let differ = count(&differs);
        let rest = self.codes.len() - well - differ;
        let mut line = format!("{well} verified, {differ} differ, {rest} could not be verified");
        if summary.not_started > 0 {
            line.push_str(&format!(", {} not started", summary.not_started));
        }
        self.printer.note(&line);
    }
}
