//! `imgpush pull`.

mod reporter;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use imgpush_engine::{BatchSummary, CancellationToken, Download, PullTask, TaskResult};

use self::reporter::PullReporter;
pub(crate) use self::reporter::{failed, warn};
use super::batch::SelectedBatch;
use super::selection::{Chosen, Selected, Wanted, select};
use super::share::ItemShare;
use crate::args::{CloudArgs, PullArgs};
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::{interrupt, output, progress};

pub(crate) async fn run(cloud: &CloudArgs, args: &PullArgs, printer: &Printer) -> Code {
    if args.is_to_stdout() && std::io::stdout().is_terminal() {
        let hint = "name a file with -o, or redirect the output".to_owned();
        printer.error(&["refusing to write image data to a terminal".to_owned()], &[hint]);
        return exit_code::USAGE;
    }
    let (share, printer) = match ItemShare::of(&args.shard, printer) {
        Ok(share) => share,
        Err(code) => return code,
    };
    let printer = &printer;
    let cancel = interrupt::token(printer);
    let converted = args.conversion().map(|conversion| conversion.to);
    let quiet = args.download.display.quiet;
    let wanted = Wanted { selection: &args.selection, share: &share, converted, quiet };
    let selected = match select(cloud, &wanted, printer, &cancel).await {
        Ok(selected) => selected,
        Err(code) => return args.requeue.code(&[code], code),
    };
    let is_one = !args.selection.is_several() && !share.is_shard();
    let mut reporter = PullReporter::new(printer, args, is_one);
    selected.missing.iter().for_each(|missing| reporter.missing(missing));
    let summary = if selected.is_to_begin(args.jobs.fail_fast) {
        let pulling = Pulling { args, selected: &selected, cancel };
        if args.is_to_stdout() {
            pulling.to_stdout(&selected.images[0], &mut reporter).await;
            BatchSummary::default()
        } else {
            let paths = match paths(args, &selected.images) {
                Ok(paths) => paths,
                Err(error) => {
                    printer.error(&output::chain(&error), &[]);
                    return exit_code::USAGE;
                }
            };
            pulling.to_files(&paths, &mut reporter).await
        }
    } else {
        selected.none_started()
    };
    reporter.sum_up(&summary);
    args.requeue.code(reporter.codes(), exit_code::of_all(reporter.codes()))
}

/// The output folder cannot be created.
#[derive(Debug, thiserror::Error)]
#[error("cannot create the folder {}", .path.display())]
struct NoFolder {
    path: PathBuf,
    source: std::io::Error,
}

/// The file of each image.
fn paths(args: &PullArgs, chosen: &[Chosen]) -> Result<Vec<PathBuf>, NoFolder> {
    let names = chosen.iter().map(|chosen| &chosen.file_name);
    let output = args.output.as_deref();
    let is_folder =
        |path: &Path| path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/');
    match output {
        Some(file) if !args.selection.is_several() && !is_folder(file) => Ok(vec![file.to_owned()]),
        Some(folder) => {
            create_folder(folder).map_err(|source| NoFolder { path: folder.to_owned(), source })?;
            Ok(names.map(|name| folder.join(name)).collect())
        }
        None => Ok(names.map(PathBuf::from).collect()),
    }
}

/// Makes the folder and those above it, but not a home directory that is not there: an account without one,
/// or with one that is not mounted, must not get one from a download.
fn create_folder(folder: &Path) -> std::io::Result<()> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    if let Some(home) = home.filter(|home| !home.exists())
        && std::path::absolute(folder)?.starts_with(&home)
    {
        let text = format!("the home directory {} does not exist", home.display());
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, text));
    }
    std::fs::create_dir_all(folder)
}

/// The images to pull and the options.
struct Pulling<'a> {
    args: &'a PullArgs,
    selected: &'a Selected,
    cancel: CancellationToken,
}

impl Pulling<'_> {
    fn download(&self) -> Download {
        Download::new(self.selected.client.clone(), self.args.options())
            .with_memory_bytes(self.args.download.memory)
            .on_cloud(&self.selected.cloud)
    }

    async fn to_stdout(&self, chosen: &Chosen, reporter: &mut PullReporter<'_>) {
        let display = &self.args.download.display;
        let view = progress::view(display.progress, display.quiet, reporter.printer, &chosen.named);
        let download = self.download().with_progress(std::sync::Arc::clone(&view) as _);
        let name = "standard output";
        let mut stdout = match reporter.printer.data_writer() {
            Ok(stdout) => stdout,
            Err(error) => return reporter.no_output(&error),
        };
        let pulled = download.to_writer(&chosen.image, &mut stdout, name, &self.cancel).await;
        view.close();
        match pulled {
            Ok(report) => reporter.done(&report),
            Err(error) => reporter.failed(&error, &chosen.named),
        }
    }

    /// Downloads up to `--jobs` images at a time, in their order.
    async fn to_files(&self, paths: &[PathBuf], reporter: &mut PullReporter<'_>) -> BatchSummary {
        let download = self.download();
        let conversion = self.args.conversion();
        let task = |(chosen, path): (&Chosen, &PathBuf)| {
            let task = PullTask::to_file(download.clone(), chosen.image.clone(), path);
            match &conversion {
                Some(conversion) => task.with_conversion(conversion.clone()),
                None => task,
            }
        };
        let tasks = self.selected.images.iter().zip(paths).map(task).collect();
        let Pulling { args, selected, cancel } = self;
        let batch = SelectedBatch { selected, jobs: &args.jobs, download: &args.download, cancel };
        let pulled = batch.run(tasks, reporter.printer, |result, named| {
            if !result.is_ok() && args.jobs.fail_fast {
                reporter.is_given_up |= !cancel.is_cancelled();
            }
            match result {
                TaskResult::Pull(Ok(report)) => reporter.done(&report),
                TaskResult::Pull(Err(error)) => reporter.failed(&error, named),
                _ => {}
            }
        });
        pulled.await
    }
}
