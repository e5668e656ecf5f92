//! `imgpush convert`.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use imgpush_engine::pool::Pool;
use imgpush_engine::sink::{Body, Sink, SinkError, pour};
use imgpush_engine::source::{Source, shown};
use imgpush_engine::{CancellationToken, ConversionError, ConvertedFile};
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;

use super::source as opening;
use crate::args::ConvertArgs;
use crate::exit_code::{self, Code};
use crate::json::{ErrorBody, FailedFile};
use crate::printer::Printer;
use crate::stdout::StdoutWriter;
use crate::{hints, interrupt, output, progress};

pub(crate) async fn run(args: &ConvertArgs, printer: &Printer) -> Code {
    let cancel = interrupt::token(printer);
    let options = args.source_options();
    let source = opening::verified(&args.input, &options, &args.proof, printer);
    let converted = tokio::select! {
        source = source => match source {
            Ok(source) if args.is_to_stdout() => to_stdout(args, source, printer, &cancel).await,
            Ok(source) => to_file(args, source, printer, &cancel).await,
            Err(error) => Err(error.into()),
        },
        () = cancel.cancelled() => Err(ConversionError::Interrupted),
    };
    match converted {
        Ok(()) => exit_code::DONE,
        Err(error) => failed(args, &error, printer),
    }
}

/// The JSON document of a file.
#[derive(Serialize)]
struct ConvertedBody<'a> {
    file: &'a str,
    #[serde(flatten)]
    converted: ConvertedFile,
}

async fn to_file(
    args: &ConvertArgs,
    source: Box<dyn Source>,
    printer: &Printer,
    cancel: &CancellationToken,
) -> Result<(), ConversionError> {
    let conversion = args.conversion();
    let view =
        progress::view(args.progress, args.quiet, printer, &shown(&args.input).to_string_lossy());
    let converted =
        conversion.to_file(source, &args.output, args.overwrite, Arc::clone(&view) as _, cancel);
    let converted = converted.await;
    view.close();
    let file = converted?;
    let name = args.output.to_string_lossy();
    if args.json {
        printer.json(&ConvertedBody { file: &name, converted: file });
    } else if !args.quiet {
        let format = file.format;
        let (bytes, size) = (output::bytes(file.bytes), output::bytes(file.virtual_size));
        printer.note(&format!("{name}: {format}, {bytes}, virtual size {size}"));
    }
    Ok(())
}

/// The last bytes are written once the input is complete and verified.
async fn to_stdout(
    args: &ConvertArgs,
    source: Box<dyn Source>,
    printer: &Printer,
    cancel: &CancellationToken,
) -> Result<(), ConversionError> {
    let failed = |source| ConversionError::Output { path: "standard output".into(), source };
    let mut stdout = ToStdout(printer.data_writer().map_err(failed)?);
    let writing = async {
        let source = args.conversion().source(source).await?;
        let pool = Pool::within(64 << 20);
        pour(source, &pool, &[], &mut [&mut stdout]).await.map_err(ConversionError::Source)
    };
    let poured = tokio::select! {
        poured = writing => poured?,
        () = cancel.cancelled() => return Err(ConversionError::Interrupted),
    };
    match poured.results.into_iter().next() {
        Some(Err(SinkError::Io(error))) => Err(failed(error)),
        _ => Ok(()),
    }
}

struct ToStdout(StdoutWriter);

impl Sink for ToStdout {
    fn name(&self) -> &str {
        "standard output"
    }

    fn take(&mut self, mut body: Body) -> BoxFuture<'_, Result<(), SinkError>> {
        Box::pin(async move {
            while let Some(chunk) = body.chunk().await? {
                self.0.write_all(&chunk).await?;
            }
            Ok(self.0.flush().await?)
        })
    }
}

fn failed(args: &ConvertArgs, error: &ConversionError, printer: &Printer) -> Code {
    let code = exit_code::of(error.kind());
    let chain = output::chain(error);
    let hints = Vec::from_iter(hints::for_conversion(error));
    if args.json {
        let name = shown(&args.input);
        let error = ErrorBody::new(&chain, &hints, code);
        printer.json(&FailedFile { file: &name.to_string_lossy(), verified: None, error });
    }
    printer.error(&chain, &hints);
    code
}
