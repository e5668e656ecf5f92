//! `imgpush inspect`.

mod conversion;
mod conversion_text;
mod inspected_file;
mod json;
mod page;

use std::path::{Path, PathBuf};

use imgpush_engine::SourceError;
use imgpush_engine::image_formats::Inspection;
use imgpush_engine::source::{self, SourceOptions};

use self::conversion::ConversionPreview;
use self::inspected_file::InspectedFile;
use super::files;
use crate::args::{Decompress, InspectArgs};
use crate::exit_code::{self, Code};
use crate::json::{ErrorBody, FailedCommand, FailedFile};
use crate::printer::Printer;
use crate::{interrupt, output};

pub(crate) async fn run(args: &InspectArgs, printer: &Printer) -> Code {
    let cancel = interrupt::token(printer);
    let settings = args.glance.settings();
    let options = args.source.options(Decompress::Never);
    let mut outcomes = Outcomes { args, printer, reported: 0, code: exit_code::DONE };
    for found in files::find(&args.files) {
        let is_read = match found {
            Ok(path) => {
                let inspected = tokio::select! {
                    inspected = inspect(path.clone(), options.clone()) => inspected,
                    () = cancel.cancelled() => {
                        let text = "interrupted before all files were inspected".to_owned();
                        printer.error(&[text], &[]);
                        return exit_code::INTERRUPTED;
                    }
                };
                match inspected {
                    Ok((inspection, conversion)) => {
                        let file =
                            InspectedFile::new(&path, inspection, conversion, args, &settings);
                        outcomes.report(&file)
                    }
                    Err(error) => outcomes.report_failure(&path, &error),
                }
            }
            Err(error) => outcomes.report_failure(error.path().unwrap_or(Path::new("?")), &error),
        };
        if !is_read {
            break;
        }
    }
    if outcomes.reported == 0 {
        return no_files(args, printer);
    }
    outcomes.code
}

/// Reports that the arguments are only folders without files.
fn no_files(args: &InspectArgs, printer: &Printer) -> Code {
    let names: Vec<_> = args.files.iter().map(|path| path.display().to_string()).collect();
    let chain = [format!("no files in {}", names.join(", "))];
    if args.json.is_on() {
        printer.json(&FailedCommand { error: ErrorBody::new(&chain, &[], exit_code::USAGE) });
    }
    printer.error(&chain, &[]);
    exit_code::USAGE
}

/// Reading may block as long as the writer of a pipe is silent.
async fn inspect(
    path: PathBuf,
    options: SourceOptions,
) -> Result<(Inspection, Option<ConversionPreview>), SourceError> {
    let name = source::shown(&path).to_string_lossy().into_owned();
    let look = {
        let name = name.clone();
        move || {
            source::catch_panic(&name, || {
                let mut source = source::open_blocking(&path, &options)?;
                let inspection = imgpush_engine::inspect(&mut *source)?;
                let conversion = ConversionPreview::of(source, &inspection);
                Ok((inspection, conversion))
            })
        }
    };
    let looked = source::off_runtime(look).await;
    looked.map_err(|source| SourceError::NoThread { name, source })?
}

/// Reports each file, and keeps the exit code.
struct Outcomes<'a> {
    args: &'a InspectArgs,
    printer: &'a Printer,
    reported: usize,
    code: Code,
}

impl Outcomes<'_> {
    /// Reports a file. Returns false when the reader of stdout has gone away.
    fn report(&mut self, file: &InspectedFile) -> bool {
        self.count(file.code());
        if self.args.json.is_on() {
            return self.printer.json(&json::InspectionBody::new(file));
        }
        let gap = if self.reported > 1 { "\n" } else { "" };
        let page = page::page(file, &self.args.container_format, self.printer);
        self.printer.result_lines(&format!("{gap}{page}"))
    }

    fn report_failure(&mut self, path: &Path, error: &(dyn std::error::Error + 'static)) -> bool {
        self.count(exit_code::SOURCE);
        let chain = output::chain(error);
        self.printer.error(&chain, &[]);
        let name = source::shown(path);
        let file = &name.to_string_lossy();
        let error = ErrorBody::new(&chain, &[], exit_code::SOURCE);
        !self.args.json.is_on() || self.printer.json(&FailedFile { file, verified: None, error })
    }

    fn count(&mut self, code: Code) {
        /// From the best to the worst. What is known to be unfit is worse than what is not known.
        const ORDER: [Code; 4] =
            [exit_code::DONE, exit_code::QUESTIONABLE, exit_code::SOURCE, exit_code::FORMAT];
        let rank = |code| ORDER.iter().position(|other| *other == code);
        self.code = if rank(code) > rank(self.code) { code } else { self.code };
        self.reported += 1;
    }
}
