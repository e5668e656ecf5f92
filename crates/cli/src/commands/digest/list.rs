//! The digests of files, as a list.

use std::path::Path;

use imgpush_engine::{Algorithm, DigestTask, Digested, SourceError, source, sums};

use super::hash::{ended, hash};
use crate::args::DigestArgs;
use crate::commands::files;
use crate::exit_code::{self, Code};
use crate::json::{self, DigestedFile, ErrorBody, FailedFile};
use crate::output;
use crate::printer::Printer;

pub(super) async fn run(args: &DigestArgs, printer: &Printer) -> Code {
    let mut tasks = Vec::new();
    let mut code = exit_code::DONE;
    for found in files::find(&args.files) {
        match found {
            Ok(path) => tasks.push(DigestTask::new(path, args.algorithms())),
            Err(error) => {
                let path = error.path().unwrap_or(Path::new("?"));
                report_failure(path, &error, args, printer);
                code = exit_code::SOURCE;
            }
        }
    }
    if tasks.is_empty() && code == exit_code::DONE {
        printer.note("no files to hash: the folders are empty");
    }
    let paths: Vec<_> = tasks.iter().map(|task| task.path.clone()).collect();
    let hashed = hash(tasks, args, printer, |number, result| {
        if let Err(error) = report(&paths[number], result, args, printer) {
            report_failure(&paths[number], &error, args, printer);
            code = exit_code::SOURCE;
        }
    });
    ended(hashed.await, code, printer)
}

/// Prints the digests of a file.
fn report(
    path: &Path,
    result: Result<Digested, SourceError>,
    args: &DigestArgs,
    printer: &Printer,
) -> Result<(), SourceError> {
    let digested = result?;
    if args.json.is_on() {
        printer.json(&DigestedFile {
            file: &source::shown(path).to_string_lossy(),
            verified: None,
            size: digested.bytes,
            digests: json::digests(&digested.digests),
        });
        return Ok(());
    }
    let name = source::shown(path);
    let name = name.as_encoded_bytes();
    for digest in digested.digests.iter() {
        let is_tagged = args.tag || !Algorithm::USUAL.contains(&digest.algorithm());
        let line = if is_tagged { sums::tagged_line } else { sums::untagged_line };
        printer.result_for_programs(&line(digest, name));
    }
    Ok(())
}

fn report_failure(
    path: &Path,
    error: &(dyn std::error::Error + 'static),
    args: &DigestArgs,
    printer: &Printer,
) {
    let chain = output::chain(error);
    if args.json.is_on() {
        let error = ErrorBody::new(&chain, &[], exit_code::SOURCE);
        let name = source::shown(path);
        let file = &name.to_string_lossy();
        printer.json(&FailedFile { file, verified: None, error });
    }
    printer.error(&chain, &[]);
}
