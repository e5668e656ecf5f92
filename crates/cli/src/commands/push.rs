//! `imgpush push`.

use std::path::Path;
use std::sync::Arc;

use imgpush_client::{Cloud, Error as ClientError, ImageClient};
use imgpush_engine::source::{self, Source};
use imgpush_engine::{Failure, Fate, Push, PushError, PushOptions, Report, SourceError};

use crate::args::{CloudArgs, PushArgs};
use crate::exit_code::{self, Code};
use crate::printer::{Printer, for_terminal};
use crate::progress::View;
use crate::{hints, interrupt, output, progress};

pub(crate) async fn run(cloud: &CloudArgs, args: &PushArgs, printer: &Printer) -> Code {
    let view = progress::view(args.progress, args.quiet, printer);
    let (source, options) = (args.source_options(), args.options());
    let opening = super::source::proved(&args.file, &source, &args.proof, printer);
    match push(cloud, &args.file, opening, options, view, printer).await {
        Ok((_, report)) => {
            if args.json {
                printer.result(&output::report(&report).to_string());
            } else {
                printer.result(&report.id);
            }
            if !args.quiet && !args.json {
                for line in output::summary(&report) {
                    printer.note(&for_terminal(&line));
                }
            }
            exit_code::DONE
        }
        Err(error) => {
            if args.json {
                let code = exit_code::of_push(&error);
                printer.result(&output::failure(&error, code).to_string());
            }
            failed(&error, &args.file, args.is_keeping_failed(), printer)
        }
    }
}

/// Pushes a source, and gives back who is connected as well.
pub(crate) async fn push(
    cloud: &CloudArgs,
    place: &Path,
    opening: impl Future<Output = Result<Box<dyn Source>, SourceError>>,
    options: PushOptions,
    view: Arc<dyn View>,
    printer: &Printer,
) -> Result<(ImageClient, Report), PushError> {
    let cancel = interrupt::token(printer);
    let source_name = source::shown(place).to_string_lossy().into_owned();
    let mut cloud_name = cloud.options().cloud.unwrap_or_else(|| "the cloud".to_owned());
    let early = |failure, cloud: &str| PushError {
        source_name: source_name.clone(),
        cloud: cloud.to_owned(),
        failure: Box::new(failure),
        fate: Fate::NoRecord,
    };
    let connecting = |source| Failure::Client { during: "connecting to the cloud", source };

    let source = tokio::select! {
        source = opening => source.map_err(Failure::Source),
        () = cancel.cancelled() => Err(Failure::Interrupted),
    };
    let source = source.map_err(|failure| early(failure, &cloud_name))?;
    let cloud = Cloud::load(&cloud.options())
        .map_err(|e| early(connecting(ClientError::Config(e)), &cloud_name))?;
    cloud.name().clone_into(&mut cloud_name);
    let client = tokio::select! {
        client = ImageClient::connect(&cloud) => client.map_err(connecting),
        () = cancel.cancelled() => Err(Failure::Interrupted),
    };
    let client = client.map_err(|failure| early(failure, &cloud_name))?;
    let push = Push::new(client.clone(), options).on_cloud(cloud_name).with_progress(view);
    Ok((client, push.run(source, &cancel).await?))
}

/// Says why a push failed, and gives its exit code.
pub(crate) fn failed(error: &PushError, file: &Path, keep_failed: bool, printer: &Printer) -> Code {
    let mut chain = output::chain(error);
    chain[0] = format!("{}; {}", chain[0], error.fate);
    printer.error(&chain, &hints::for_push(error, file, keep_failed));
    exit_code::of_push(error)
}
