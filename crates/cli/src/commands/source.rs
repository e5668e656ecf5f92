//! What verbs read.

use std::path::Path;

use imgpush_engine::CancellationToken;
use imgpush_engine::source::{self, Source, SourceOptions};

use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::{hints, output};

/// Opens it, or says why that failed.
pub(super) async fn open(
    place: &Path,
    options: &SourceOptions,
    printer: &Printer,
    cancel: &CancellationToken,
) -> Result<Box<dyn Source>, Code> {
    tokio::select! {
        opened = source::open(place, options) => opened.map_err(|error| {
            printer.error(&output::chain(&error), &Vec::from_iter(hints::for_source(&error)));
            exit_code::SOURCE
        }),
        () = cancel.cancelled() => {
            printer.error(&["interrupted".to_owned()], &[]);
            Err(exit_code::INTERRUPTED)
        }
    }
}
