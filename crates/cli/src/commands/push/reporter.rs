//! The output of `imgpush push`.

use std::path::Path;

use imgpush_engine::{BatchSummary, PushError, Report};

use crate::args::PushArgs;
use crate::exit_code::{self, Code};
use crate::printer::{Printer, for_terminal};
use crate::report_page::{self, ReportFile};
use crate::{hints, output};

/// Reports the result of each image in each cloud, and collects what the exit code and the summary need.
pub(super) struct PushReporter<'a> {
    pub(super) args: &'a PushArgs,
    pub(super) printer: &'a Printer,
    pub(super) is_one_cloud: bool,
    pub(super) is_one_image: bool,
    pub(super) codes: Vec<Code>,
    /// A line for each failure.
    pub(super) failures: Vec<String>,
    /// All results, for the page of `--report`.
    pub(super) results: Option<Vec<Result<Report, PushError>>>,
}

impl PushReporter<'_> {
    /// Reports the result of one image in one cloud; `file` is its source as given.
    pub(super) fn report(&mut self, result: Result<Report, PushError>, file: &Path) {
        match &result {
            Ok(report) => self.pushed(report),
            Err(error) => self.failed(error, file),
        }
        if let Some(results) = &mut self.results {
            results.push(result);
        }
    }

    /// Writes the page with all results.
    pub(super) fn write_page(&mut self, file: ReportFile) {
        let results = self.results.take().unwrap_or_default();
        if let Err(error) = file.write(&report_page::page(&results)) {
            self.printer.error(&output::chain(&error), &[]);
            self.codes.push(exit_code::UNEXPECTED);
        }
    }

    fn pushed(&mut self, report: &Report) {
        self.codes.push(exit_code::DONE);
        if self.args.json {
            return self.printer.result(&output::any(report).to_string());
        }
        let cloud = (!self.is_one_cloud).then_some(&*report.cloud);
        let source = (!self.is_one_image).then_some(&*report.source);
        let words: Vec<_> = [Some(&*report.id), cloud, source].into_iter().flatten().collect();
        self.printer.result(&for_terminal(&words.join("  ")));
        if !self.args.quiet {
            let lines = output::summary(report);
            let lines = if self.is_one_image { lines } else { output::in_short(lines) };
            lines.iter().for_each(|line| self.printer.summary(line));
        }
    }

    fn failed(&mut self, error: &PushError, file: &Path) {
        let code = exit_code::of(error.kind());
        self.codes.push(code);
        if self.args.json {
            self.printer.result(&output::failure(error, code).to_string());
        }
        let causes = output::chain(error)[1..].join(": ");
        self.failures.push(format!("{} to {}: {causes}", error.source_name, error.cloud));
        failed(error, file, self.args.is_keeping_failed(), self.printer);
    }

    /// Prints the summary of several images.
    pub(super) fn sum_up(&self, summary: &BatchSummary) {
        if self.args.json {
            self.printer.result(&output::batch(summary).to_string());
        }
        if self.args.quiet {
            return;
        }
        self.printer.note(&output::batch_summary(summary));
        for failure in &self.failures {
            self.printer.note(&for_terminal(&format!("  failed  {failure}")));
        }
    }

    /// The exit code of the command.
    pub(super) fn code(&self) -> Code {
        exit_code::of_all(&self.codes)
    }
}

/// Reports a failed push and returns its exit code.
pub(crate) fn failed(error: &PushError, file: &Path, keep_failed: bool, printer: &Printer) -> Code {
    let mut chain = output::chain(error);
    chain[0] = format!("{}; {}", chain[0], error.outcome);
    printer.error(&chain, &hints::for_push(error, file, keep_failed));
    exit_code::of(error.kind())
}
