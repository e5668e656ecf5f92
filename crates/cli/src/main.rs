//! `imgpush`: uploads disk images to OpenStack Glance, with end-to-end verification.
#![forbid(unsafe_code)]

mod args;
mod color;
mod command_line;
mod commands;
mod exit_code;
mod hints;
mod interrupt;
mod json;
mod log;
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

use imgpush_engine::Platform;

use args::{Args, Command};
use color::ColorWhen;
use exit_code::Code;
use printer::Printer;

fn main() -> ExitCode {
    let color = ColorWhen::of(std::env::args_os());
    let printer = match Printer::new(color) {
        Ok(printer) => printer,
        Err(error) => {
            // Nothing else can be said without a printer.
            let _ = writeln!(std::io::stderr(), "error: cannot open standard output: {error}");
            return exit_code::UNEXPECTED.into();
        }
    };
    let code = match Args::read(color) {
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
    if let Err(error) = log::start(&args.general, printer) {
        printer.error(&output::chain(&error), &[]);
        return exit_code::USAGE;
    }
    let runtime = match threads::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = anyhow::Error::new(error).context("cannot start threads");
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
            Command::Convert(convert) => commands::convert::run(&convert, printer).await,
            Command::Report(report) => commands::report::run(&report, printer),
            Command::Tune(tune) => commands::tune::run(&args.cloud, &tune, printer).await,
            #[cfg(feature = "sandbox")]
            Command::Sandbox(sandbox) => commands::sandbox::run(&sandbox, printer).await,
            #[cfg(feature = "sandbox")]
            Command::Demo => commands::demo::run(printer).await,
            Command::Completions(shell) => commands::install::completions(&shell, printer),
            Command::Man(man) => commands::install::man(&man, printer),
        }
    });
    // A read that hangs must not hold up the end.
    runtime.shutdown_background();
    code
}

/// The text of the standard library about a value that is not a number, and the text that replaces it.
fn plain_number_error(error: &clap::Error) -> Option<(String, &'static str)> {
    let text = std::error::Error::source(error)?.to_string();
    let plain = match &*text {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "expected a whole number"
        }
        "number would be zero for non-zero type" => "expected a number of at least 1",
        "number too large to fit in target type" => "the number is too large",
        "invalid float literal" | "cannot parse float from empty string" => "expected a number",
        "invalid socket address syntax" => "expected ADDRESS:PORT",
        _ => return None,
    };
    Some((text, plain))
}

fn usage(error: &clap::Error, printer: &Printer) -> Code {
    if error.use_stderr() {
        match plain_number_error(error) {
            Some((of_parser, plain)) => {
                let text = error.render();
                let text = match printer.is_coloured() {
                    true => text.ansi().to_string(),
                    false => text.to_string(),
                };
                let _ = write!(std::io::stderr(), "{}", text.replace(&of_parser, plain));
            }
            None => drop(error.print()),
        }
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
