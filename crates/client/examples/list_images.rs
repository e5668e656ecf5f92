//! Lists the largest active QCOW2 images created since a date: `list_images CLOUD 2026-01-01T00:00:00Z`.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use futures_util::TryStreamExt as _;
use imgpush_client::{Cloud, CloudOptions, Compare, Direction, ImageClient, ImageQuery};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, cloud, since] = &arguments[..] else { return Err("usage: CLOUD TIME".into()) };
    let cloud = Cloud::load(&CloudOptions::named(Some(cloud.clone())))?;
    let client = ImageClient::connect(&cloud).await?;

    let query = ImageQuery::default()
        .with("status", "active")
        .any_of("disk_format", ["qcow2", "raw"])
        .when("created_at", Compare::From, since)
        .every_visibility()
        .sorted_by("size", Direction::Descending)
        .at_most(20);
    let mut images = client.images(&query);
    while let Some(image) = images.try_next().await? {
        let name = image.name().unwrap_or("(no name)");
        println!("{} {:>12} {name}", image.id(), image.size().unwrap_or_default());
        for (key, value) in image.extra_properties() {
            println!("    {key} = {value}");
        }
    }
    Ok(())
}
