//! `imgpush image stage`.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use imgpush_engine::{CancellationToken, Staging};

use super::verbs;
use crate::args::image::StageArgs;
use crate::args::{CloudArgs, Decompress};
use crate::commands::failed::Failed;
use crate::commands::source;
use crate::exit_code::{self, Code};
use crate::json::{ErrorBody, FailedImage};
use crate::output::DigestStyle;
use crate::printer::Printer;
use crate::{hints, output, progress};

pub(super) async fn run(
    cloud: &CloudArgs,
    args: &StageArgs,
    printer: &Printer,
    cancel: &CancellationToken,
) -> Code {
    let file = args.file.as_deref().unwrap_or(Path::new("-"));
    if file.as_os_str() == "-" && std::io::stdin().is_terminal() {
        let message = "no data to stage: standard input is a terminal".to_owned();
        let hint = Some("name a file with --file, or use a pipe".to_owned());
        return Failed::Usage { message, hint }.report(printer);
    }
    // A file that is not there needs no cloud to say so.
    let mut options = args.source.options(Decompress::Auto);
    // The engine compares the data with the size.
    options.http = options.http.with_unmarked_end(args.has_size());
    let opening = async {
        let source = source::verified(file, &options, &args.proof, printer).await?;
        match args.conversion() {
            Some(conversion) => conversion.source(source).await,
            None => Ok(source),
        }
    };
    let source = match source::opened(opening, printer, cancel).await {
        Ok(source) => source,
        Err(code) => return code,
    };
    let found = match verbs::find(cloud, &args.image, printer, cancel).await {
        Ok(found) => found,
        Err(code) => return code,
    };
    let view = progress::view(args.progress, args.quiet, printer, &args.image);
    let staging = Staging::new(found.client, args.options())
        .on_cloud(found.cloud)
        .with_progress(Arc::clone(&view) as _);
    let staged = staging.run(&found.image, source, cancel).await;
    view.close();
    match staged {
        Ok(report) => {
            if args.json.is_on() {
                printer.json(&report);
            }
            if !args.json.is_on() && !args.quiet {
                for line in output::staged(&report, DigestStyle::of(args.full)) {
                    printer.note(&line);
                }
            }
            exit_code::DONE
        }
        Err(error) => {
            let code = exit_code::of(error.kind());
            let chain = output::chain(&error);
            let hints = hints::for_staging(&error.failure, file);
            if args.json.is_on() {
                let body = ErrorBody::new(&chain, &hints, code).with_findings(&error.failure);
                printer.json(&FailedImage::unknown(&args.image, body));
            }
            printer.error(&chain, &hints);
            code
        }
    }
}
