//! Pushes one file or address to several clouds with one pass over it, and prints the progress of each.
//!
//! ```text
//! cargo run --example many_clouds NAME FILE-OR-URL CLOUD…
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it did")]
#![expect(clippy::print_stderr, reason = "an example prints its progress")]

use std::path::Path;
use std::sync::Arc;

use imgpush_engine::client::{Cloud, CloudOptions};
use imgpush_engine::source::{self, SourceOptions};
use imgpush_engine::{
    CancellationToken, MultiPush, Phase, Progress, PushOptions, RetryOptions, Retrying, Target,
};

/// Prints the progress of one target.
struct PrintedProgress(String);

impl Progress for PrintedProgress {
    fn phase(&self, phase: Phase) {
        eprintln!("{}: {}", self.0, phase.name());
    }

    fn retrying(&self, retrying: &Retrying) {
        eprintln!("{}: {}, again in {:?}", self.0, retrying.reason, retrying.pause);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, place, clouds @ ..] = &arguments[..] else {
        return Err("usage: many_clouds NAME FILE-OR-URL CLOUD…".into());
    };
    let mut source_options = SourceOptions::default();
    source_options.decompress = true;
    let source = source::open(Path::new(place), &source_options).await?;

    let retry = RetryOptions::default().with_retries(10);
    let mut push = MultiPush::new(PushOptions::named(name).with_retry(retry.clone()));
    for cloud in clouds {
        let cloud = Cloud::load(&CloudOptions::named(Some(cloud.clone())))?;
        let target = Target::connect(&cloud, &retry).await?;
        push = push.to(target.with_progress(Arc::new(PrintedProgress(cloud.name().to_owned()))));
    }
    let cancel = CancellationToken::new();
    let on_interrupt = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            on_interrupt.cancel();
        }
    });
    let mut failed = 0;
    for result in push.run(source, &cancel).await {
        match result {
            Ok(report) => println!("{}  {}", report.id, report.cloud),
            Err(error) => {
                println!("{error}: {}; {}", error.failure, error.outcome);
                failed += 1;
            }
        }
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} clouds do not have it").into()) }
}
