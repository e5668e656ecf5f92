//! `imgpush verify`.

use imgpush_engine::{Failure, Verification, VerificationError};
use serde_json::json;

use super::{image, source};
use crate::args::{CloudArgs, Decompress, VerifyArgs};
use crate::exit_code::{self, Code};
use crate::printer::{Printer, for_terminal};
use crate::{hints, interrupt, output, progress};

pub(crate) async fn run(cloud: &CloudArgs, args: &VerifyArgs, printer: &Printer) -> Code {
    let cancel = interrupt::token(printer);
    // A file that is not there needs no cloud to say so.
    let source = match &args.file {
        Some(file) => {
            let options = args.source.options(Decompress::Auto);
            let opening = imgpush_engine::source::open(file, &options);
            match source::opened(opening, printer, &cancel).await {
                Ok(source) => Some(source),
                Err(code) => return code,
            }
        }
        None => None,
    };
    let found = match image::find(cloud, &args.image, printer, &cancel).await {
        Ok(found) => found,
        Err(code) => return code,
    };
    let mut options = args.patience.options();
    options.prefer.clone_from(&args.stores);
    let view = progress::view(args.patience.progress, args.patience.quiet, printer);
    let verification =
        Verification::new(found.client, options).on_cloud(found.cloud).with_progress(view);
    let verified = match source {
        Some(source) => verification.against_file(&found.image, source, &cancel).await,
        None => verification.against_download(&found.image, &cancel).await,
    };
    drop(verification);
    match verified {
        Ok(report) if args.json => {
            printer.result(&output::any(&report).to_string());
            exit_code::DONE
        }
        Ok(report) => {
            if !args.patience.quiet {
                printer.result(&format!("{}: OK", for_terminal(&args.image)));
                printer.note(&output::compared(&report));
            }
            exit_code::DONE
        }
        Err(error) => failed(&error, args, printer),
    }
}

fn failed(error: &VerificationError, args: &VerifyArgs, printer: &Printer) -> Code {
    let differs = matches!(*error.failure, Failure::Differs { .. });
    let code = match differs && args.file.is_some() {
        // Of the two the image is the one that is known.
        true => exit_code::SOURCE_DIFFERS,
        false => exit_code::of_failure(&error.failure),
    };
    let chain = output::chain(error);
    if args.json {
        let error = output::error(&chain, code);
        let object = json!({ "image": args.image, "verified": false, "error": error });
        printer.result(&object.to_string());
    } else if differs {
        printer.result(&format!("{}: FAILED", for_terminal(&args.image)));
    }
    let hint = match differs && args.file.is_some() {
        true => None,
        false => hints::for_download(&error.failure),
    };
    printer.error(&chain, &Vec::from_iter(hint));
    code
}
