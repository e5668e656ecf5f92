//! The responses of a real Glance to real disk images, compared with the predictions.
//!
//! `IMGPUSH_CORPUS` names folders of images, separated as in `PATH`. Every file below 8 MiB is uploaded as
//! each `disk_format`; responses that differ from the prediction are listed, and fail the test. `cargo xtask
//! verdicts` sets it up.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::Full;
use imgpush_client::{Cloud, CloudOptions, Error, ImageClient, NewImage, UploadOptions};
use imgpush_formats::{Detector, ImageFormatSettings, ServerVerdict};
use walkdir::WalkDir;

const DISK_FORMATS: [&str; 7] = ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso"];
const MAX_BYTES: u64 = 8 << 20;
/// The number of workers of the service, and one more request in transit.
const AT_A_TIME: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "`cargo xtask verdicts` gives it disk images"]
async fn the_service_decides_as_predicted() {
    let folders = std::env::var_os("IMGPUSH_CORPUS").expect("`cargo xtask verdicts` sets it");
    let cloud = Cloud::load(&CloudOptions::named(Some("testcloud".to_owned()))).unwrap();
    let client = ImageClient::connect(&cloud).await.unwrap();

    let files = std::env::split_paths(&folders).flat_map(|folder| small_files(&folder));
    let cases = files.flat_map(|file| DISK_FORMATS.map(|format| (file.clone(), format)));
    let answers: Vec<_> = stream::iter(cases)
        .map(|(file, format)| compare(&client, file, format))
        .buffered(AT_A_TIME)
        .collect()
        .await;

    let wrong: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    let unknown = answers.iter().filter(|answer| matches!(answer, Ok(false))).count();
    eprintln!(
        "{} uploads, {unknown} of them could not be predicted, {} disagreements",
        answers.len(),
        wrong.len()
    );
    assert!(!answers.is_empty(), "no image in IMGPUSH_CORPUS");
    assert!(wrong.is_empty(), "\n{}", wrong.iter().map(|w| format!("{w}\n")).collect::<String>());
}

fn small_files(folder: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    let small = files.filter(|entry| entry.metadata().unwrap().len() < MAX_BYTES);
    small.map(walkdir::DirEntry::into_path).collect()
}

/// Whether there was a correct prediction; otherwise the prediction and the response.
async fn compare(client: &ImageClient, file: PathBuf, disk_format: &str) -> Result<bool, String> {
    let bytes = Bytes::from(std::fs::read(&file).unwrap());
    let mut detector = Detector::new();
    detector.push(&bytes);
    let predicted = detector.finish().glance(disk_format, "bare", &ImageFormatSettings::default());
    let found = answer(client, &file, bytes, disk_format).await;
    let is_right = match (&predicted, &found) {
        (ServerVerdict::Unknown { .. }, _) => return Ok(false),
        (ServerVerdict::Accepted { virtual_size, .. }, Ok(found)) => virtual_size == found,
        (ServerVerdict::Refused { .. }, Err(_)) => true,
        _ => false,
    };
    let file = file.display();
    if is_right {
        Ok(true)
    } else {
        Err(format!("{file} as {disk_format}: predicted {predicted:?}, found {found:?}"))
    }
}

/// The `virtual_size` of the record, or the reason why the data was refused.
async fn answer(
    client: &ImageClient,
    file: &Path,
    bytes: Bytes,
    disk_format: &str,
) -> Result<Option<u64>, String> {
    let name = file.file_name().unwrap().to_string_lossy();
    let image = NewImage::named(name).with_formats(disk_format, "bare");
    let image = client.create(&image).await.unwrap();
    let options = UploadOptions::sized(bytes.len() as u64);
    let uploaded = client.upload(image.id(), Full::from(bytes), &options).await;
    let answer = match uploaded {
        Ok(()) => Ok(client.image(image.id()).await.unwrap().virtual_size()),
        Err(Error::FormatRefused(answer)) => Err(answer.message),
        Err(other) => panic!("{} as {disk_format}: {other:?}", file.display()),
    };
    client.delete(image.id()).await.unwrap();
    answer
}
