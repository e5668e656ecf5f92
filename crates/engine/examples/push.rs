//! Uploads a file as an image and verifies it.
//!
//! ```text
//! cargo run --example push CLOUD NAME FILE
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::path::Path;

use imgpush_engine::client::{Cloud, CloudOptions, ImageClient};
use imgpush_engine::source::{self, SourceOptions};
use imgpush_engine::{CancellationToken, Push, PushOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cloud, name, file] = &arguments[..] else {
        return Err("usage: push CLOUD NAME FILE".into());
    };
    let cloud = Cloud::load(&CloudOptions::named(Some(cloud.clone())))?;
    let client = ImageClient::connect(&cloud).await?;
    let source = source::open(Path::new(file), &SourceOptions::default()).await?;

    let push = Push::new(client, PushOptions::named(name)).on_cloud(cloud.name());
    match push.run(source, &CancellationToken::new()).await {
        Ok(report) => {
            let by: Vec<_> = report.verified_by.iter().map(|field| field.name()).collect();
            println!("{}: {}", report.id, by.join(" and "));
            Ok(())
        }
        Err(error) => {
            println!("{}", error.outcome);
            Err(error.into())
        }
    }
}
