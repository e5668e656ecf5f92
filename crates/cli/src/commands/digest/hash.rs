//! Hashing of many files with one view of the progress.

use std::collections::BTreeMap;
use std::time::Duration;

use imgpush_engine::{DigestTask, Digested, Digesting, Phase, SourceError};
use tokio::time::{MissedTickBehavior, interval};

use crate::args::DigestArgs;
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::{interrupt, output, progress};

/// Hashes files and reports the results in the order of the tasks, each as early as possible. Returns false
/// after an interruption.
///
/// # Errors
///
/// The operating system cannot start a thread.
pub(super) async fn hash(
    tasks: Vec<DigestTask>,
    args: &DigestArgs,
    printer: &Printer,
    mut report: impl FnMut(usize, Result<Digested, SourceError>),
) -> std::io::Result<bool> {
    let cancel = interrupt::token(printer);
    let mut digesting = Digesting::start(tasks, args.options())?;
    let view = progress::view(args.progress, args.quiet, printer, "");
    if let Some(total) = digesting.total_bytes() {
        view.total(total);
    }
    view.phase(Phase::Hashing);
    let mut early = BTreeMap::new();
    let mut next = 0;
    let mut tick = interval(Duration::from_millis(100));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            done = digesting.next() => {
                let Some((number, result)) = done else { break };
                early.insert(number, result);
                while let Some(result) = early.remove(&next) {
                    let mut result = Some(result);
                    view.aside(&mut || {
                        if let Some(result) = result.take() {
                            report(next, result);
                        }
                    });
                    next += 1;
                }
            }
            _ = tick.tick() => view.sent(digesting.read_bytes()),
            () = cancel.cancelled() => return Ok(false),
        }
    }
    view.sent(digesting.read_bytes());
    Ok(true)
}

/// The exit code of a run; `code` is that of its files.
pub(super) fn ended(hashed: std::io::Result<bool>, code: Code, printer: &Printer) -> Code {
    match hashed {
        Ok(true) => code,
        Ok(false) => {
            printer.error(&["interrupted before all files were hashed".to_owned()], &[]);
            exit_code::INTERRUPTED
        }
        Err(error) => {
            let error = anyhow::Error::new(error).context("cannot start to hash");
            printer.error(&output::chain(error.as_ref()), &[]);
            exit_code::UNEXPECTED
        }
    }
}
