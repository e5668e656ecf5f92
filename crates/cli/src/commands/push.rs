//! `imgpush push`.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use imgpush_client::{Cloud, Error as ClientError, ImageClient};
use imgpush_engine::source::{self, Source};
use imgpush_engine::{
    CancellationToken, Failure, Fate, MultiPush, PushError, PushOptions, Report, SourceError,
    Target, Timing,
};

use crate::args::{CloudArgs, PushArgs};
use crate::exit_code::{self, Code};
use crate::printer::{Printer, for_terminal};
use crate::progress::{self, View};
use crate::{hints, interrupt, output};

pub(crate) async fn run(clouds: &CloudArgs, args: &PushArgs, printer: &Printer) -> Code {
    let results = match aims(clouds, &args.file) {
        Err(error) => vec![Err(error)],
        Ok(aims) => {
            let is_one = aims.len() == 1;
            let names: Vec<_> = aims.iter().map(|a| (!is_one).then(|| a.name.clone())).collect();
            let views = progress::views(args.progress, args.quiet, printer, &names);
            let pushing = Pushing {
                place: &args.file,
                options: args.options(),
                equip: &|target| args.target.applied(target, &args.file),
            };
            let source = args.source_options();
            let opening = super::source::proved(&args.file, &source, &args.proof, printer);
            let cancel = interrupt::token(printer);
            let (_, results) = pushing.run(opening, &aims, views, &cancel).await;
            results
        }
    };
    let is_one = results.len() == 1;
    let codes: Vec<_> = results.iter().map(|result| told(result, is_one, args, printer)).collect();
    exit_code::of_all(&codes)
}

/// Says what came of one target, and gives its exit code.
fn told(
    result: &Result<Report, PushError>,
    is_one: bool,
    args: &PushArgs,
    printer: &Printer,
) -> Code {
    match result {
        Ok(report) => {
            if args.json {
                printer.result(&output::report(report).to_string());
            } else if is_one {
                printer.result(&report.id);
            } else {
                printer.result(&for_terminal(&format!("{}  {}", report.id, report.cloud)));
            }
            if !args.quiet && !args.json {
                for line in output::summary(report) {
                    printer.note(&for_terminal(&line));
                }
            }
            exit_code::DONE
        }
        Err(error) => {
            if args.json {
                let code = exit_code::of_push(error);
                printer.result(&output::failure(error, code).to_string());
            }
            failed(error, &args.file, args.is_keeping_failed(), printer)
        }
    }
}

/// Pushes a source to the one cloud that is meant, and gives back who is connected as well.
pub(crate) async fn push(
    cloud: &CloudArgs,
    place: &Path,
    opening: impl Future<Output = Result<Box<dyn Source>, SourceError>>,
    options: PushOptions,
    view: Arc<dyn View>,
    printer: &Printer,
) -> Result<(ImageClient, Report), PushError> {
    let aims = aims(cloud, place)?;
    let pushing = Pushing { place, options, equip: &|target| target };
    let cancel = interrupt::token(printer);
    let (mut clients, mut results) = pushing.run(opening, &aims, vec![view], &cancel).await;
    let report = results.pop().expect("a result for the one aim")?;
    Ok((clients.pop().expect("who has pushed is connected"), report))
}

/// A cloud to push to, and what messages call it.
struct Aim {
    cloud: Cloud,
    name: String,
}

/// All that is asked for; nothing is pushed when one of them is not configured.
fn aims(clouds: &CloudArgs, place: &Path) -> Result<Vec<Aim>, PushError> {
    let aim = |(options, region): (imgpush_client::CloudOptions, Option<&str>)| {
        let asked = options.cloud.clone().unwrap_or_else(|| "the cloud".to_owned());
        let cloud = Cloud::load(&options)
            .map_err(|error| unbegun(place, &asked, connecting(ClientError::Config(error))))?;
        let name = match region {
            Some(region) => format!("{} {region}", cloud.name()),
            None => cloud.name().to_owned(),
        };
        Ok(Aim { cloud, name })
    };
    clouds.each().into_iter().map(aim).collect()
}

/// What is pushed, and how.
struct Pushing<'a> {
    place: &'a Path,
    options: PushOptions,
    /// Says of a target on which way it gets the image.
    equip: &'a dyn Fn(Target) -> Target,
}

impl Pushing<'_> {
    /// Opens the source, logs in everywhere, and pushes to wherever that went well: who is connected, and
    /// a result for each aim.
    async fn run(
        &self,
        opening: impl Future<Output = Result<Box<dyn Source>, SourceError>>,
        aims: &[Aim],
        views: Vec<Arc<dyn View>>,
        cancel: &CancellationToken,
    ) -> (Vec<ImageClient>, Vec<Result<Report, PushError>>) {
        let begin = async {
            let source = opening.await?;
            let connecting =
                aims.iter().map(|aim| Target::connect(&aim.cloud, &self.options.retry));
            Ok::<_, SourceError>((source, join_all(connecting).await))
        };
        let begun = tokio::select! {
            begun = begin => begun.map_err(Failure::from),
            () = cancel.cancelled() => Err(Failure::Interrupted),
        };
        let (source, connected) = match begun {
            Ok(begun) => begun,
            // What cannot be read is told once, not for every cloud.
            Err(failure) => {
                let name = if aims.len() == 1 { &aims[0].name } else { "all clouds" };
                return (Vec::new(), vec![Err(unbegun(self.place, name, failure))]);
            }
        };
        let mut push = MultiPush::new(self.options.clone());
        let mut clients = Vec::new();
        let mut failures = Vec::new();
        for ((aim, view), target) in aims.iter().zip(&views).zip(connected) {
            failures.push(match target {
                Ok(target) => {
                    clients.push(target.client().clone());
                    let target = target.on_cloud(&aim.name).with_progress(Arc::clone(view) as _);
                    push = push.to((self.equip)(target));
                    None
                }
                Err(error) => Some(unbegun(self.place, &aim.name, connecting(error))),
            });
        }
        let mut pushed = push.run(source, cancel).await.into_iter();
        views.iter().for_each(|view| view.close());
        let results = failures.into_iter().map(|failure| match failure {
            Some(error) => Err(error),
            None => pushed.next().expect("a result for each target"),
        });
        (clients, results.collect())
    }
}

fn connecting(source: ClientError) -> Failure {
    Failure::Client { during: "connecting to the cloud", source }
}

fn unbegun(place: &Path, cloud: &str, failure: Failure) -> PushError {
    PushError {
        source_name: source::shown(place).to_string_lossy().into_owned(),
        cloud: cloud.to_owned(),
        attempts: 0,
        failure: Box::new(failure),
        fate: Fate::NoRecord,
        timing: Box::new(Timing::unbegun()),
    }
}

/// Says why a push failed, and gives its exit code.
pub(crate) fn failed(error: &PushError, file: &Path, keep_failed: bool, printer: &Printer) -> Code {
    let mut chain = output::chain(error);
    chain[0] = format!("{}; {}", chain[0], error.fate);
    printer.error(&chain, &hints::for_push(error, file, keep_failed));
    exit_code::of_push(error)
}
