//! Makes the service fetch an image itself: `import_and_wait CLOUD NAME ADDRESS`.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::time::Duration;

use imgpush_client::{Cloud, CloudOptions, Error, ImageClient, Import, NewImage, WaitOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, cloud, name, address] = &arguments[..] else {
        return Err("usage: CLOUD NAME ADDRESS".into());
    };
    let cloud = Cloud::load(&CloudOptions::named(Some(cloud.clone())))?;
    let client = ImageClient::connect(&cloud).await?;
    if !client.import_info().await?.iter().any(|method| method == "web-download") {
        return Err("this cloud fetches nothing itself".into());
    }

    let image =
        client.create(&NewImage::named(name.as_str()).with_formats("qcow2", "bare")).await?;
    let options = WaitOptions::default().with_timeout(Duration::from_secs(3600));
    match client.import_and_wait(&image, &Import::from_web(address.as_str()), &options).await {
        Ok(image) => println!("{} is {}, {:?} bytes", image.id(), image.status(), image.size()),
        Err(error @ (Error::ImportFailed(_) | Error::FellBack(_))) => {
            // The error says why the import failed, and in which stores; the record is no longer useful.
            client.delete_if_exists(image.id()).await?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
