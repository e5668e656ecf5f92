//! The log, to stderr and to a file.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::args::GeneralArgs;
use crate::printer::Printer;
use crate::text;

/// The crates whose messages are logged. Others print headers and bodies, which contain secrets.
const OURS: [&str; 5] =
    ["imgpush", "imgpush_client", "imgpush_engine", "imgpush_sandbox", "imgpush_source"];

/// The requests and responses of `--debug`, in which the client has masked the secrets.
const WIRE: &str = "imgpush_client::wire";

/// The log file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the log file {path}")]
pub(crate) struct LogError {
    path: String,
    source: io::Error,
}

/// Starts the log that the options ask for.
///
/// # Errors
///
/// The log file cannot be opened.
pub(crate) fn start(args: &GeneralArgs, printer: &Printer) -> Result<(), LogError> {
    let level = match args.verbose {
        0 if !args.debug => LevelFilter::OFF,
        0 => LevelFilter::DEBUG,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let wire = if args.debug { LevelFilter::TRACE } else { LevelFilter::OFF };
    let targets = |level: LevelFilter| {
        Targets::new().with_targets(OURS.map(|name| (name, level))).with_target(WIRE, wire)
    };
    let file = match &args.log_file {
        Some(path) => {
            let file = File::options().create(true).append(true).open(path);
            let failed = |source| LogError { path: path.display().to_string(), source };
            Some(Arc::new(file.map_err(failed)?))
        }
        None => None,
    };
    let file_level = level.max(LevelFilter::DEBUG);
    let to_file = file.map(|file| {
        let layer = tracing_subscriber::fmt::layer().with_ansi(false);
        layer.with_writer(move || Escaped(Arc::clone(&file))).with_filter(targets(file_level))
    });
    let to_stderr = (level > LevelFilter::OFF).then(|| {
        let layer = tracing_subscriber::fmt::layer().with_ansi(printer.is_coloured());
        layer.with_writer(|| Escaped(io::stderr())).with_filter(targets(level))
    });
    if to_file.is_some() || to_stderr.is_some() {
        tracing_subscriber::registry().with(to_file).with(to_stderr).init();
    }
    Ok(())
}

/// Escapes control characters. The subscriber escapes those in values, and writes some itself for colours.
struct Escaped<W>(W);

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_special = |c: char| text::is_control(c) && !matches!(c, '\n' | '\u{1b}');
        let escape = |c: char| c.escape_default().to_string();
        let line = text::escaped(&String::from_utf8_lossy(bytes), is_special, escape);
        self.0.write_all(line.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
