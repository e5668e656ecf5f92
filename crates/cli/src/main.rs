//! `imgpush`: gets disk images into OpenStack Glance fast, whole and proved.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod exit_code;
mod hints;
mod interrupt;
mod output;
mod printer;
mod progress;
mod render;
mod report_page;

use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::Parser as _;
use imgpush_engine::Platform;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use args::{Args, Command};
use printer::Printer;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    let printer = Printer::new();
    if let Err(error) = Platform::from_environment() {
        printer.error(&[format!("IMGPUSH_BACKEND: {error}")], &[]);
        return exit_code::USAGE.into();
    }
    if let Some(misfit) = args.misfit() {
        printer.error(&[misfit.to_owned()], &[]);
        return exit_code::USAGE.into();
    }
    start_log(args.verbose, &printer);
    // The network alone: reading and hashing have threads of their own.
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(MOST_NETWORK_THREADS))
        .thread_name("imgpush-net")
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = anyhow::Error::new(error).context("cannot start");
            printer.error(&output::chain(error.as_ref()), &[]);
            return exit_code::UNEXPECTED.into();
        }
    };
    let code = runtime.block_on(async {
        match args.command {
            Command::Push(push) => commands::push::run(&args.cloud, &push, &printer).await,
            Command::Pull(pull) => commands::pull::run(&args.cloud, &pull, &printer).await,
            Command::Verify(verify) => commands::verify::run(&args.cloud, &verify, &printer).await,
            Command::Image(image) => commands::image::run(&args.cloud, &image, &printer).await,
            Command::Inspect(inspect) => commands::inspect::run(&inspect, &printer).await,
            Command::Digest(digest) => commands::digest::run(&digest, &printer).await,
            Command::Tune(tune) => commands::tune::run(&args.cloud, &tune, &printer).await,
            #[cfg(feature = "sandbox")]
            Command::Sandbox(sandbox) => commands::sandbox::run(&sandbox, &printer).await,
            #[cfg(feature = "sandbox")]
            Command::Demo => commands::demo::run(&printer).await,
        }
    });
    // A read that hangs must not hold up the end.
    runtime.shutdown_background();
    code.into()
}

/// More than that no network of a machine needs, TLS included.
const MOST_NETWORK_THREADS: usize = 4;

fn usage(error: &clap::Error) -> ExitCode {
    // Only a closed pipe can make this fail, and then nobody reads.
    let _ = error.print();
    // Help and version are answers, not mistakes.
    if error.use_stderr() { exit_code::USAGE.into() } else { exit_code::DONE.into() }
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
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(printer.is_coloured());
    let only_ours = Targets::new().with_targets(ours.map(|name| (name, level)));
    tracing_subscriber::registry().with(log.with_filter(only_ours)).init();
}
