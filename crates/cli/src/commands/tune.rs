//! `imgpush tune`.

use imgpush_engine::{PushError, PushFailure, Settings, Trial, TuneError, TuneReport, Tuning};
use serde::Serialize;

use super::push;
use crate::args::{CloudArgs, TuneArgs};
use crate::exit_code::{self, Code};
use crate::json::{self, ErrorBody};
use crate::printer::Printer;
use crate::{hints, interrupt, output};

pub(crate) async fn run(cloud: &CloudArgs, args: &TuneArgs, printer: &Printer) -> Code {
    if args.file.as_os_str() == "-" {
        let message = "tune needs a file: a pipe can be read only once";
        printer.error(&[message.to_owned()], &[]);
        return exit_code::USAGE;
    }
    let cancel = interrupt::token(printer);
    let options = args.options();
    let connected = tokio::select! {
        connected = push::connect_one(cloud, &args.file, &options.push.retry) => connected,
        () = cancel.cancelled() => {
            printer.error(&["interrupted".to_owned()], &[]);
            return exit_code::INTERRUPTED;
        }
    };
    let target = match connected {
        Ok(target) => target,
        Err(error) => return unreached(&error, args, printer),
    };
    if !args.quiet {
        let line = format!("testing settings with {} on {}", args.file.display(), target.cloud());
        printer.note(&line);
        printer.note(HEADING);
    }
    let print_trial = |trial: &Trial| {
        if !args.quiet {
            printer.note(&row(trial));
        }
    };
    match Tuning::new(target, options).run(&args.file, &cancel, print_trial).await {
        Ok(report) => {
            print_report(&report, args, printer);
            exit_code::DONE
        }
        Err(error) => failed(&error, args, printer),
    }
}

/// The document of a tuning.
#[derive(Serialize)]
struct Recommendation<'a> {
    options: &'a str,
    #[serde(flatten)]
    report: &'a TuneReport,
}

fn print_report(report: &TuneReport, args: &TuneArgs, printer: &Printer) {
    let words = words(&report.recommended.settings);
    if args.json.is_on() {
        printer.json(&Recommendation { options: &words, report });
    } else {
        printer.result(&words);
    }
    if args.quiet {
        return;
    }
    let (rate, gain) = (rate(report.recommended.rate), report.gain);
    printer.note(&match gain {
        gain if gain > 1.0 => {
            format!("recommended: {rate}, {gain:.1} times as fast as one at a time")
        }
        _ => format!("recommended: {rate}; nothing was faster than one image at a time"),
    });
    if !report.is_complete {
        printer.note(
            "note: the time limit was reached before all settings were tested; --max-time sets it",
        );
    }
}

const HEADING: &str = "  jobs  chunk     io          rate         lowest to highest";

fn row(trial: &Trial) -> String {
    let Settings { jobs, chunk_bytes, io, .. } = trial.settings;
    let chunk = chunk_bytes.map_or("default".to_owned(), size);
    let (lowest, highest) = trial.range;
    format!(
        "  {jobs:>4}  {chunk:<8}  {io:<4}  {:>12}  {:>12} to {}",
        rate(trial.rate),
        rate(lowest),
        rate(highest)
    )
}

/// The options of `imgpush push`.
fn words(settings: &Settings) -> String {
    let chunk = settings.chunk_bytes.map(|bytes| format!(" --chunk-size {}", size(bytes)));
    format!("--jobs {}{} --io {}", settings.jobs, chunk.unwrap_or_default(), settings.io)
}

fn size(bytes: usize) -> String {
    if bytes.is_multiple_of(1 << 20) {
        format!("{}M", bytes >> 20)
    } else {
        format!("{}K", bytes >> 10)
    }
}

fn rate(bytes_a_second: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is not negative, and no link is that fast"
    )]
    let whole = bytes_a_second as u64;
    format!("{}/s", output::bytes(whole))
}

fn unreached(error: &PushError, args: &TuneArgs, printer: &Printer) -> Code {
    let code = exit_code::of(error.kind());
    let mut chain = output::chain(error);
    chain[0] = format!("cannot test settings against {}", error.cloud);
    explain(&chain, &error.failure, code, args, printer)
}

fn failed(error: &TuneError, args: &TuneArgs, printer: &Printer) -> Code {
    let code = exit_code::of(error.failure.kind());
    explain(&output::chain(error), &error.failure, code, args, printer)
}

fn explain(
    chain: &[String],
    failure: &PushFailure,
    code: Code,
    args: &TuneArgs,
    printer: &Printer,
) -> Code {
    let hints = hints::for_failure(failure, &args.file);
    if args.json.is_on() {
        printer.json(&json::FailedCommand { error: ErrorBody::new(chain, &hints, code) });
    }
    printer.error(chain, &hints);
    code
}
