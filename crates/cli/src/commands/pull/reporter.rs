//! The output of `imgpush pull`.

use imgpush_engine::{BatchSummary, DownloadReport, PartialOutcome, PullError, PullFailure};

use crate::args::PullArgs;
use crate::commands::selection::Missing;
use crate::exit_code::{self, Code};
use crate::json::{ErrorBody, FailedImage};
use crate::output::DigestStyle;
use crate::printer::Printer;
use crate::{hints, output};

/// Reports the result of each image, and collects what the exit code and the summary need.
pub(super) struct PullReporter<'a> {
    pub(super) printer: &'a Printer,
    pub(super) json: bool,
    pub(super) quiet: bool,
    pub(super) is_one: bool,
    style: DigestStyle,
    /// Whether `--fail-fast` cancelled other downloads after a failure.
    pub(super) is_given_up: bool,
    codes: Vec<Code>,
    /// A line for each failure.
    failures: Vec<String>,
}

impl<'a> PullReporter<'a> {
    pub(super) fn new(printer: &'a Printer, args: &PullArgs, is_one: bool) -> Self {
        PullReporter {
            printer,
            json: args.json.is_on(),
            quiet: args.download.display.quiet,
            is_one,
            style: DigestStyle::of(args.download.display.full),
            is_given_up: false,
            codes: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Reports an image that is downloaded, or was already.
    pub(super) fn done(&mut self, report: &DownloadReport) {
        self.codes.push(exit_code::DONE);
        if self.json {
            self.printer.json(report);
        } else if let Some(path) = &report.path {
            self.printer.result(path);
        }
        warn(report, self.printer);
        if !self.json && !self.quiet {
            let lines = output::saved(report, self.style);
            let lines = if self.is_one { lines } else { output::in_short(lines) };
            lines.iter().for_each(|line| self.printer.note(line));
        }
    }

    /// Reports a failed download.
    pub(super) fn failed(&mut self, error: &PullError, named: &str) {
        let code = failed(error, named, self.json, self.printer);
        let is_given_up = self.is_given_up && matches!(*error.failure, PullFailure::Interrupted);
        if !is_given_up {
            self.codes.push(code);
            let cause = output::chain(error).pop().unwrap_or_default();
            self.failures.push(format!("{named}: {cause}"));
        }
    }

    /// Reports that the standard output cannot be written to.
    pub(super) fn no_output(&mut self, error: &std::io::Error) {
        let text = "cannot write to standard output".to_owned();
        self.printer.error(&[text, error.to_string()], &[]);
        self.codes.push(exit_code::UNEXPECTED);
    }

    /// Reports an image that was not found.
    pub(super) fn missing(&mut self, missing: &Missing) {
        let Missing { named, failed } = missing;
        let code = failed.report(self.printer);
        self.codes.push(code);
        let chain = output::chain(failed);
        if self.json {
            let hints = Vec::from_iter(failed.hint());
            let error = ErrorBody::new(&chain, &hints, code);
            self.printer.json(&FailedImage::unknown(named, error));
        }
        self.failures.push(format!("{named}: {}", chain.last().map_or("", String::as_str)));
    }

    /// Prints the summary of several images.
    pub(super) fn sum_up(&self, summary: &BatchSummary) {
        self.printer.end_of_shard(self.json, summary);
        if self.is_one || self.quiet {
            return;
        }
        let BatchSummary { pulled, skipped, not_started, bytes, seconds, .. } = *summary;
        let mut words = format!("{pulled} pulled, {skipped} unchanged");
        words.push_str(&format!(", {} failed", self.failures.len()));
        if not_started > 0 {
            words.push_str(&format!(", {not_started} not started"));
        }
        let (bytes, rate) = (output::bytes(bytes), output::speed(bytes, seconds));
        self.printer.note(&format!("{words}: {bytes} in {seconds:.1} s, {rate}/s"));
        for failure in &self.failures {
            self.printer.note(&format!("  failed  {failure}"));
        }
    }

    /// The exit codes of the images.
    pub(super) fn codes(&self) -> &[Code] {
        &self.codes
    }
}

/// Warns of data that could not be verified, where `--allow-unverified` allows that.
pub(crate) fn warn(report: &DownloadReport, printer: &Printer) {
    if let Some(reason) = &report.unverified_because {
        printer.note(&format!("warning: the data was not verified: {reason}"));
    }
}

/// Reports a failed download and returns its exit code.
pub(crate) fn failed(error: &PullError, named: &str, json: bool, printer: &Printer) -> Code {
    let code = exit_code::of(error.kind());
    let mut chain = output::chain(error);
    if error.partial != PartialOutcome::Nothing {
        chain[0] = format!("{}; {}", chain[0], error.partial);
    }
    let hints = Vec::from_iter(hints::for_download(&error.failure));
    if json {
        let body = ErrorBody::new(&chain, &hints, code);
        let PullError { id, cloud, .. } = error;
        printer.json(&FailedImage::found(named, id, cloud, body));
    }
    printer.error(&chain, &hints);
    code
}
