//! The digests of files, as a list.

use std::path::Path;

use imgpush_engine::{Algorithm, DigestTask, Digested, SourceError, source, sums};

use super::hash::{ended, hash};
use crate::args::DigestArgs;
use crate::commands::files::{self, FoundFile};
use crate::commands::share::{Item, ItemShare};
use crate::exit_code::{self, Code};
use crate::json::{self, DigestedFile, ErrorBody, FailedFile, FileTotals};
use crate::output;
use crate::printer::Printer;

pub(super) async fn run(args: &DigestArgs, share: &ItemShare, printer: &Printer) -> Code {
    let of = |found: &FoundFile| match found {
        Ok(path) => Item::at(path),
        Err(error) => Item::at(error.path().unwrap_or(Path::new("?"))),
    };
    let found = match share.chosen(files::find(&args.files), of, args.quiet, printer) {
        Ok(found) => found,
        Err(code) => return code,
    };
    let files = found.len();
    let mut tasks = Vec::new();
    let (mut code, mut failed) = (exit_code::DONE, 0);
    for found in found {
        match found {
            Ok(path) => tasks.push(DigestTask::new(path, args.algorithms())),
            Err(error) => {
                let path = error.path().unwrap_or(Path::new("?"));
                report_failure(path, &error, args, printer);
                code = exit_code::SOURCE;
                failed += 1;
            }
        }
    }
    if files == 0 && !share.is_shard() {
        printer.note("no files to hash: the folders are empty");
    }
    let paths: Vec<_> = tasks.iter().map(|task| task.path.clone()).collect();
    let hashed = hash(tasks, args, printer, |number, result| {
        if let Err(error) = report(&paths[number], result, args, printer) {
            report_failure(&paths[number], &error, args, printer);
            code = exit_code::SOURCE;
            failed += 1;
        }
    });
    let hashed = hashed.await;
    if matches!(hashed, Ok(true)) {
        printer.end_of_shard(args.json.is_on(), &FileTotals { files, failed });
    }
    ended(hashed, code, printer)
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
