//! `imgpush`: gets disk images into OpenStack Glance fast, whole and proved.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod exit_code;
mod hints;
mod interrupt;
mod json;
mod output;
mod printer;
mod progress;
mod render;
mod report_page;
mod stdout;
mod text;
mod threads;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser as _;
use imgpush_engine::Platform;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use args::{Args, Command};
use exit_code::Code;
use printer::Printer;

fn main() -> ExitCode {
    let printer = match Printer::new() {
        Ok(printer) => printer,
        Err(error) => {
            // Nothing else can be said without a printer.
            let _ = writeln!(std::io::stderr(), "error: cannot open the standard output: {error}");
            return exit_code::UNEXPECTED.into();
        }
    };
    let code = match Args::try_parse() {
        Ok(args) => run(args, &printer),
        Err(error) => usage(&error, &printer),
    };
    printer.finish(code).into()
}

fn run(args: Args, printer: &Printer) -> Code {
    if let Err(error) = Platform::from_environment() {
        printer.error(&[format!("IMGPUSH_BACKEND: {error}")], &[]);
        return exit_code::USAGE;
    }
    if let Some(misfit) = args.misfit() {
        printer.error(&[misfit.to_owned()], &[]);
        return exit_code::USAGE;
    }
    start_log(args.verbose, printer);
    let runtime = match threads::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = anyhow::Error::new(error).context("cannot start");
            printer.error(&output::chain(error.as_ref()), &[]);
            return exit_code::UNEXPECTED;
        }
    };
    let code = runtime.block_on(async {
        match args.command {
            Command::Push(push) => commands::push::run(&args.cloud, &push, printer).await,
            Command::Pull(pull) => commands::pull::run(&args.cloud, &pull, printer).await,
            Command::Verify(verify) => commands::verify::run(&args.cloud, &verify, printer).await,
            Command::Image(image) => commands::image::run(&args.cloud, &image, printer).await,
            Command::Inspect(inspect) => commands::inspect::run(&inspect, printer).await,
            Command::Digest(digest) => commands::digest::run(&digest, printer).await,
            Command::Tune(tune) => commands::tune::run(&args.cloud, &tune, printer).await,
            #[cfg(feature = "sandbox")]
            Command::Sandbox(sandbox) => commands::sandbox::run(&sandbox, printer).await,
            #[cfg(feature = "sandbox")]
            Command::Demo => commands::demo::run(printer).await,
        }
    });
    // A read that hangs must not hold up the end.
    runtime.shutdown_background();
    code
}

fn usage(error: &clap::Error, printer: &Printer) -> Code {
    if error.use_stderr() {
        let _ = error.print();
        return exit_code::USAGE;
    }
    // Help and version are answers, not mistakes.
    let text = error.render();
    let text = match printer.has_coloured_results() {
        true => text.ansi().to_string(),
        false => text.to_string(),
    };
    printer.result_lines(text.trim_end_matches('\n'));
    exit_code::DONE
}

/// The log of our own crates only: others print headers and bodies, which hold secrets.
fn start_log(verbose: u8, printer: &Printer) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let ours = ["imgpush", "imgpush_client", "imgpush_engine", "imgpush_sandbox", "imgpush_source"];
    let log =
        tracing_subscriber::fmt::layer().with_writer(|| LogWriter).with_ansi(printer.is_coloured());
    let only_ours = Targets::new().with_targets(ours.map(|name| (name, level)));
    tracing_subscriber::registry().with(log.with_filter(only_ours)).init();
}

/// Writes the log to stderr. The subscriber escapes control characters in values, and writes some itself for
/// colours; this escapes the rest.
struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let is_special = |c: char| text::is_control(c) && !matches!(c, '\n' | '\u{1b}');
        let escape = |c: char| c.escape_default().to_string();
        let line = text::escaped(&String::from_utf8_lossy(bytes), is_special, escape);
        std::io::stderr().lock().write_all(line.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().lock().flush()
    }
}
