//! `imgpush image save`.

use std::io::IsTerminal as _;

use imgpush_engine::{CancellationToken, Download, DownloadReport};

use super::verbs;
use crate::args::CloudArgs;
use crate::args::image::SaveArgs;
use crate::commands::failed::Failed;
use crate::commands::pull;
use crate::exit_code::{self, Code};
use crate::output::DigestStyle;
use crate::printer::Printer;
use crate::{output, progress};

pub(super) async fn run(
    cloud: &CloudArgs,
    args: &SaveArgs,
    printer: &Printer,
    cancel: &CancellationToken,
) -> Code {
    if args.file.is_none() && std::io::stdout().is_terminal() {
        let message = "refusing to write image data to a terminal".to_owned();
        let hint = Some("name a file with --file, or redirect the output".to_owned());
        return Failed::Usage { message, hint }.report(printer);
    }
    let found = match verbs::find(cloud, &args.image, printer, cancel).await {
        Ok(found) => found,
        Err(code) => return code,
    };
    // A bar needs nothing of stdout.
    let view = progress::view(
        args.download.display.progress,
        args.download.display.quiet,
        printer,
        &args.image,
    );
    let download = Download::new(found.client, args.options())
        .with_memory_bytes(args.download.memory)
        .on_cloud(found.cloud)
        .with_progress(view);
    let saved = match &args.file {
        Some(file) => download.to_file(&found.image, file, cancel).await,
        None => {
            let mut stdout = match printer.data_writer() {
                Ok(stdout) => stdout,
                Err(error) => {
                    let text = "cannot write to standard output".to_owned();
                    printer.error(&[text, error.to_string()], &[]);
                    return exit_code::UNEXPECTED;
                }
            };
            download.to_writer(&found.image, &mut stdout, "standard output", cancel).await
        }
    };
    drop(download);
    match saved {
        Ok(report) => {
            print_report(&report, args, printer);
            exit_code::DONE
        }
        Err(error) => pull::failed(&error, &args.image, args.json.is_on(), printer),
    }
}

fn print_report(report: &DownloadReport, args: &SaveArgs, printer: &Printer) {
    if args.json.is_on() {
        printer.json(report);
    }
    pull::warn(report, printer);
    if !args.json.is_on() && !args.download.display.quiet {
        for line in output::saved(report, DigestStyle::of(args.download.display.full)) {
            printer.note(&line);
        }
    }
}
