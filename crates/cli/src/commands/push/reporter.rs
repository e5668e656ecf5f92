//! The output of `imgpush push`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgpush_engine::{BatchSummary, PushError, PushFailure, Report, Shard};

use super::clouds::shown;
use crate::args::PushArgs;
use crate::command_line::command_line;
use crate::exit_code::{self, Code};
use crate::json::{self, ErrorBody, FailedPush};
use crate::output::DigestStyle;
use crate::printer::Printer;
use crate::report_page::{self, FailedEntry, ReportFile};
use crate::{hints, output};

/// Reports the result of each image in each cloud, and collects what the exit code and the summary need.
pub(super) struct PushReporter<'a> {
    pub(super) args: &'a PushArgs,
    pub(super) printer: &'a Printer,
    pub(super) is_one_cloud: bool,
    /// The shard whose files these are.
    shard: Option<Shard>,
    files: &'a [PathBuf],
    codes: Vec<Code>,
    /// A line for each failure.
    failures: Vec<String>,
    /// The clouds that were not reached. Their error is printed once for all images.
    unreached: BTreeSet<String>,
    /// All results, for the page of `--report`.
    results: Option<Vec<Result<Report, FailedEntry>>>,
}

impl<'a> PushReporter<'a> {
    pub(super) fn new(
        args: &'a PushArgs,
        printer: &'a Printer,
        files: &'a [PathBuf],
        shard: Option<Shard>,
    ) -> Self {
        PushReporter {
            args,
            printer,
            is_one_cloud: true,
            shard,
            files,
            codes: Vec::new(),
            failures: Vec::new(),
            unreached: BTreeSet::new(),
            results: args.report.as_ref().map(|_| Vec::new()),
        }
    }

    /// Reports the result of the image with this number in one cloud.
    pub(super) fn report(&mut self, result: Result<Report, PushError>, number: usize) {
        match &result {
            Ok(report) => self.pushed(report),
            Err(error) => {
                self.count(error, number);
                match self.of_all_images(error) {
                    None => self.explain(error, number),
                    Some(error) if self.unreached.insert(error.cloud.to_string()) => {
                        self.explain(&error, number);
                    }
                    Some(_) => {}
                }
            }
        }
        self.keep(result, number);
    }

    /// Reports that no image was pushed to these clouds.
    pub(super) fn none_started<'c>(
        &mut self,
        clouds: impl IntoIterator<Item = &'c str, IntoIter: Clone>,
        failure: impl Fn() -> PushFailure,
    ) {
        let clouds = clouds.into_iter();
        for (number, file) in self.files.iter().enumerate() {
            for cloud in clouds.clone() {
                let error = PushError::not_started(&shown(file), cloud, failure());
                self.count(&error, number);
                self.keep(Err(error), number);
            }
        }
        for cloud in clouds {
            self.explain(&PushError::not_started(&self.all_images(), cloud, failure()), 0);
        }
    }

    /// Whether the output is that for a single image. A shard has the same output for any number of images.
    pub(super) fn is_one_image(&self) -> bool {
        self.files.len() == 1 && self.shard.is_none()
    }

    /// The name of all images in messages.
    fn all_images(&self) -> String {
        match self.files {
            [file] => shown(file),
            files => format!("{} images", files.len()),
        }
    }

    /// The error of one image as an error of all images, if all images have it.
    fn of_all_images(&self, error: &PushError) -> Option<PushError> {
        let PushFailure::Unreached { source } = &*error.failure else { return None };
        let failure = PushFailure::Unreached { source: Arc::clone(source) };
        Some(PushError::not_started(&self.all_images(), &error.cloud, failure))
    }

    fn keep(&mut self, result: Result<Report, PushError>, number: usize) {
        if let Some(results) = &mut self.results {
            let file = &self.files[number];
            results.push(result.map_err(|error| FailedEntry::of(&error, file)));
        }
    }

    /// Writes the page with all results.
    pub(super) fn write_page(&mut self, file: ReportFile) {
        let results = self.results.take().unwrap_or_default();
        let shard = self.shard.map(|shard| format!("shard {shard}"));
        let page = report_page::page(&results, &command_line(), shard.as_deref());
        if let Err(error) = file.write(&page) {
            self.printer.error(&output::chain(&error), &Vec::from_iter(error.hint()));
            self.codes.push(exit_code::UNEXPECTED);
        }
    }

    fn pushed(&mut self, report: &Report) {
        self.codes.push(exit_code::DONE);
        if let Some(detail) = self.args.json() {
            let mut report = report.clone();
            report.timing = json::timing(&report.timing, detail.is_full());
            self.printer.json(&report);
            return;
        }
        let cloud = (!self.is_one_cloud).then_some(&*report.cloud);
        let source = (!self.is_one_image()).then_some(&*report.source);
        let words: Vec<_> = [Some(&*report.id), cloud, source].into_iter().flatten().collect();
        self.printer.result(&words.join("  "));
        if !self.args.display.quiet {
            let lines = output::summary(report, DigestStyle::of(self.args.display.full));
            let lines = if self.is_one_image() { lines } else { output::in_short(lines) };
            lines.iter().for_each(|line| self.printer.summary(line));
        }
    }

    fn count(&mut self, error: &PushError, number: usize) {
        let code = exit_code::of(error.kind());
        self.codes.push(code);
        if let Some(detail) = self.args.json() {
            let (chain, hints) =
                (output::chain(error), hints::for_push(error, &self.files[number]));
            let body = ErrorBody::new(&chain, &hints, code);
            self.printer.json(&FailedPush::new(error, body, detail.is_full()));
        }
    }

    fn explain(&mut self, error: &PushError, number: usize) {
        let causes = output::chain(error)[1..].join(": ");
        self.failures.push(format!("{} to {}: {causes}", error.source_name, error.cloud));
        failed(error, &self.files[number], self.printer);
    }

    /// Prints the summary of several images.
    pub(super) fn sum_up(&self, summary: &BatchSummary) {
        if self.args.json().is_some() {
            self.printer.json(&json::Batch { batch: summary });
        }
        if self.args.display.quiet {
            return;
        }
        self.printer.note(&output::batch_summary(summary));
        for failure in &self.failures {
            self.printer.note(&format!("  failed  {failure}"));
        }
    }

    /// The exit code of the command.
    pub(super) fn code(&self) -> Code {
        self.args.requeue.code(&self.codes, exit_code::of_all(&self.codes))
    }
}

/// Reports a failed push and returns its exit code.
pub(crate) fn failed(error: &PushError, file: &Path, printer: &Printer) -> Code {
    let mut chain = output::chain(error);
    if let Some(outcome) = output::record_outcome(error) {
        chain[0] = format!("{}; {outcome}", chain[0]);
    }
    printer.error(&chain, &hints::for_push(error, file));
    exit_code::of(error.kind())
}
