//! Pushes images to a cloud as they are built, and reports the result of each build.
//!
//! ```text
//! cargo run --example build_farm CLOUD FOLDER
//! ```
//!
//! Builds are pushed while others still run: the tasks of a batch may be a stream, which is polled as soon as
//! a job is free.
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use imgpush_engine::client::{Cloud, CloudOptions};
use imgpush_engine::source::SourceOptions;
use imgpush_engine::{
    Batch, BatchEvent, BatchOptions, CancellationToken, Phase, Progress, PushOptions, PushTask,
    RetryOptions, Target,
};
use tokio::sync::mpsc;

/// Prints the phases of one image.
struct Shown(String);

impl Progress for Shown {
    fn phase(&self, phase: Phase) {
        println!("{}: {}", self.0, phase.name());
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cloud, folder] = &arguments[..] else {
        return Err("usage: build_farm CLOUD FOLDER".into());
    };
    let cloud = Cloud::load(&CloudOptions::named(Some(cloud.clone())))?;
    let target = Target::connect(&cloud, &RetryOptions::default()).await?;

    let batch = Batch::new(BatchOptions::default())
        .to(target)
        .with_progress(|task| Arc::new(Shown(task.name.to_owned())));
    let mut running = batch.start_stream(tasks(built(folder.into())), &CancellationToken::new())?;
    while let Some(event) = running.next().await {
        let BatchEvent::Ended(outcome) = event else { continue };
        for result in outcome.pushes() {
            match result {
                Ok(report) => println!("{}: image {}", outcome.name, report.id),
                // The other builds continue.
                Err(error) => println!("{}: {}; {}", outcome.name, error.failure, error.outcome),
            }
        }
    }
    println!("{:?}", running.summary());
    Ok(())
}

/// Simulates the builds: returns the images of a folder, one every 100 ms.
fn built(folder: PathBuf) -> mpsc::Receiver<PathBuf> {
    let (ready, images) = mpsc::channel(1);
    tokio::spawn(async move {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            // The receiver is gone.
            if ready.send(entry.path()).await.is_err() {
                return;
            }
        }
    });
    images
}

/// Creates a task for each finished image, with its build as a property.
fn tasks(images: mpsc::Receiver<PathBuf>) -> impl Stream<Item = PushTask> + Send {
    stream::unfold(images, |mut images| async {
        let path = images.recv().await?;
        let build = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let options = PushOptions::named(&build).with_property("build", &build).with_tag("nightly");
        Some((PushTask::new(path, SourceOptions::default(), options), images))
    })
}
