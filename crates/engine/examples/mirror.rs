//! A small mirror: the images of a list of addresses, proved by a list of checksums, in several clouds.
//!
//! ```text
//! cargo run --example mirror SHA256SUMS ADDRESSES JOURNAL CLOUD…
//! ```
//!
//! `SHA256SUMS` is a file or an address, `ADDRESSES` a file with one a line. Run it every night: what is there
//! is not fetched, as its id follows from its name and its checksum; what has changed takes the place of the
//! image before, which is hidden.
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::path::Path;

use futures_util::{FutureExt as _, StreamExt as _};
use imgpush_engine::checksum::{ChecksumList, Expected};
use imgpush_engine::client::{Cloud, CloudOptions};
use imgpush_engine::source::{self, HttpOptions, SourceOptions};
use imgpush_engine::{
    Batch, BatchEvent, BatchOptions, BatchTask, CancellationToken, IfExists, PushOptions, Retire,
    RetryOptions, Target,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [sums, addresses, journal, clouds @ ..] = &arguments[..] else {
        return Err("usage: mirror SHA256SUMS ADDRESSES JOURNAL CLOUD…".into());
    };
    let list = ChecksumList::read(Path::new(sums), &HttpOptions::default()).await?;
    let expected = Expected::default().with_list(list);

    let mut batch = Batch::new(BatchOptions::default().with_journal(journal));
    for cloud in clouds {
        let cloud = Cloud::load(&CloudOptions::named(Some(cloud.clone())))?;
        batch = batch.to(Target::connect(&cloud, &RetryOptions::default()).await?);
    }
    let tasks: Vec<_> = std::fs::read_to_string(addresses)?
        .lines()
        .map(|address| task(address.trim(), expected.clone()))
        .collect();

    let mut running = batch.start(tasks, &CancellationToken::new())?;
    while let Some(event) = running.next().await {
        let BatchEvent::Ended(outcome) = event else { continue };
        for result in &outcome.results {
            match result {
                Ok(report) => println!("{} {} in {}", report.action, outcome.source, report.cloud),
                Err(error) => println!("{error}: {}; {}", error.failure, error.outcome),
            }
        }
    }
    match running.summary().failed {
        0 => Ok(()),
        failed => Err(format!("{failed} images failed").into()),
    }
}

/// One image: unpacked where it is packed, and none where it is not what the list says.
fn task(address: &str, expected: Expected) -> BatchTask {
    let options = PushOptions::default()
        .with_property("mirrored_from", address)
        .with_if_exists(IfExists::Replace(Retire::Hide));
    let mut unpacking = SourceOptions::default();
    unpacking.decompress = true;
    let place = address.to_owned();
    let opening = async move { expected.of(source::open(Path::new(&place), &unpacking).await?) };
    BatchTask::opened_by(address, options, || opening.boxed())
}
