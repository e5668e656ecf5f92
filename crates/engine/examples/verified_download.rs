//! Downloads an image to a file that appears only after verification.
//!
//! ```text
//! cargo run --example verified_download CLOUD IMAGE FILE
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use imgpush_engine::client::{Cloud, CloudOptions, ImageClient};
use imgpush_engine::{CancellationToken, Download, DownloadOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cloud, image, file] = &arguments[..] else {
        return Err("usage: verified_download CLOUD IMAGE FILE".into());
    };
    let cloud = Cloud::load(&CloudOptions::named(Some(cloud.clone())))?;
    let client = ImageClient::connect(&cloud).await?;
    let image = client.find_existing(image).await?;

    // Ctrl-C keeps the received data, and the same command resumes from it.
    let cancel = CancellationToken::new();
    tokio::spawn({
        let cancel = cancel.clone();
        async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                cancel.cancel();
            }
        }
    });

    let download = Download::new(client, DownloadOptions::default()).on_cloud(cloud.name());
    match download.to_file(&image, file, &cancel).await {
        Ok(report) => {
            let by: Vec<_> = report.verified_by.iter().map(|field| field.name()).collect();
            let by = by.join(" and ");
            println!("{file}: {} bytes, verified by {by}", report.size);
            Ok(())
        }
        Err(error) => {
            println!("{}", error.partial);
            Err(error.into())
        }
    }
}
