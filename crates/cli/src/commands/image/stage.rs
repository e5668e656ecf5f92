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
        let message = "there is nothing to stage".to_owned();
        let hint = Some("name a file with --file, or send data through a pipe".to_owned());
        return Failed::Usage { message, hint }.report(printer);
    }
    // A file that is not there needs no cloud to say so.
    let options = args.source.options(Decompress::Auto);
    let opening = source::proved(file, &options, &args.proof, printer);
    let source = match source::opened(opening, printer, cancel).await {
        Ok(source) => source,
        Err(code) => return code,
    };
    let found = match verbs::find(cloud, &args.image, printer, cancel).await {
        Ok(found) => found,
        Err(code) => return code,
    };
    let view = progress::view(args.progress, args.quiet, printer);
    let staging = Staging::new(found.client, args.options())
        .on_cloud(found.cloud)
        .with_progress(Arc::clone(&view) as _);
    let staged = staging.run(&found.image, source, cancel).await;
    view.close();
    match staged {
        Ok(report) => {
            if args.json {
                printer.json(&output::any(&report));
            }
            if !args.json && !args.quiet {
                for line in output::staged(&report) {
                    printer.note(&line);
                }
            }
            exit_code::DONE
        }
        Err(error) => {
            let code = exit_code::of(error.kind());
            let chain = output::chain(&error);
            if args.json {
                let mut json = output::error(&chain, code);
                json["findings"] = output::findings(&error.failure);
                printer.json(&serde_json::json!({ "image": args.image, "error": json }));
            }
            printer.error(&chain, &hints::for_staging(&error.failure, file));
            code
        }
    }
}
