//! `imgpush push`.

use imgpush_client::{Cloud, Error as ClientError, ImageClient};
use imgpush_engine::{Failure, Fate, Push, PushError, Report, source};

use crate::args::{CloudArgs, PushArgs};
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::{hints, interrupt, output, progress};

pub(crate) async fn run(cloud: &CloudArgs, args: &PushArgs, printer: &Printer) -> Code {
    match push(cloud, args, printer).await {
        Ok(report) => {
            if args.json {
                printer.result(&output::report(&report).to_string());
            } else {
                printer.result(&report.id);
            }
            if !args.quiet && !args.json {
                for line in output::summary(&report) {
                    printer.note(&line);
                }
            }
            exit_code::DONE
        }
        Err(error) => {
            let code = exit_code::of_push(&error);
            if args.json {
                printer.result(&output::failure(&error, code).to_string());
            }
            let mut chain = output::chain(&error);
            chain[0] = format!("{}; {}", chain[0], error.fate);
            printer.error(&chain, &hints::for_push(&error, args));
            code
        }
    }
}

async fn push(cloud: &CloudArgs, args: &PushArgs, printer: &Printer) -> Result<Report, PushError> {
    let cancel = interrupt::token(printer);
    let source_name = args.file.display().to_string();
    let mut cloud_name = cloud.options().cloud.unwrap_or_else(|| "the cloud".to_owned());
    let early = |failure, cloud: &str| PushError {
        source_name: source_name.clone(),
        cloud: cloud.to_owned(),
        failure: Box::new(failure),
        fate: Fate::NoRecord,
    };
    let connecting = |source| Failure::Client { during: "connecting to the cloud", source };

    let source = source::open(&args.file).map_err(|e| early(Failure::Source(e), &cloud_name))?;
    let cloud = Cloud::load(&cloud.options())
        .map_err(|e| early(connecting(ClientError::Config(e)), &cloud_name))?;
    cloud.name().clone_into(&mut cloud_name);
    let client = tokio::select! {
        client = ImageClient::connect(&cloud) => client.map_err(connecting),
        () = cancel.cancelled() => Err(Failure::Interrupted),
    };
    let client = client.map_err(|failure| early(failure, &cloud_name))?;
    Push::new(client, args.options())
        .on_cloud(cloud_name)
        .with_progress(progress::view(args.progress, args.quiet, printer))
        .run(source, &cancel)
        .await
}
