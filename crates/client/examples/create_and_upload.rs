//! Creates an image from a small file: `create_and_upload CLOUD FILE`.
//!
//! For large files use `imgpush_engine::Push`, which hashes while it sends and compares afterwards.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use http_body_util::Full;
use imgpush_client::{Cloud, CloudOptions, ImageClient, NewImage, UploadOptions, Visibility};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, cloud, file] = &arguments[..] else { return Err("usage: CLOUD FILE".into()) };
    let cloud = Cloud::load(&CloudOptions::named(Some(cloud.clone())))?;
    let client = ImageClient::connect(&cloud).await?;

    let mut wanted = NewImage::named(file.as_str()).with_formats("raw", "bare");
    wanted.set_visibility(Visibility::Private);
    wanted.set_tags(["example"]);
    wanted.set_os_distro("debian");
    wanted.set_hw_cpu_cores(2);
    wanted.set("is_hw_vif_multiqueue_enabled", true)?;

    let image = client.create(&wanted).await?;
    let data = bytes::Bytes::from(std::fs::read(file)?);
    let options = UploadOptions::sized(data.len() as u64);
    if let Err(error) = client.upload(image.id(), Full::new(data), &options).await {
        // No incomplete record stays in the service.
        client.delete_if_exists(image.id()).await?;
        return Err(error.into());
    }
    let image = client.image(image.id()).await?;
    println!("{} is {}", image.id(), image.status());
    println!("{:?} {:?}", image.hash_algo(), image.hash_value());
    Ok(())
}
