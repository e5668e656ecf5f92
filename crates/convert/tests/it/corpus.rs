//! Real and generated images, if there are any.

use std::path::Path;

use imgpush_convert::ConvertError;
use imgpush_source::{Source as _, SourceError};

use crate::{qemu, raw};

/// qemu-img takes minutes for larger disks, and cannot write those of more than 16 TiB on most file systems.
const MAX_BYTES: u64 = 256 << 30;

#[test]
#[ignore = "IMGPUSH_CORPUS names folders of disk images, separated as in PATH"]
fn images_of_the_corpus_have_the_bytes_that_qemu_img_converts() {
    let folders = std::env::var_os("IMGPUSH_CORPUS").expect("IMGPUSH_CORPUS is set");
    let work = tempfile::tempdir().unwrap();
    let expected = work.path().join("expected");
    let (mut wrong, mut same, mut both, mut deliberate) = (Vec::new(), 0, 0, Vec::new());
    for folder in std::env::split_paths(&folders) {
        let list = ["MANIFEST.tsv", "truth.tsv"].map(|name| folder.join(name));
        let list = list.iter().find(|list| list.exists()).expect("a folder without a list");
        let list = std::fs::read_to_string(list).unwrap();
        let mut lines = list.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let names = lines.next().unwrap();
        let column = names.iter().position(|name| *name == "qemu_format").unwrap();
        for line in lines {
            let (name, format) = (line[0], line[column]);
            let image = folder.join(name);
            match own(&image, format, &expected) {
                Ok(Outcome::Same) => same += 1,
                Ok(Outcome::BothRefuse) => both += 1,
                Ok(Outcome::Refused(reason)) => deliberate.push(format!("{name}: {reason}")),
                Err(error) => wrong.push(format!("{name} ({format}): {error}")),
            }
        }
    }
    eprintln!("only refused here:\n{}", deliberate.join("\n"));
    let (deliberate, differ) = (deliberate.len(), wrong.len());
    eprintln!(
        "{same} images are the same, {both} are refused by both or raw, {deliberate} only here, {differ} differ"
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The result for an image.
enum Outcome {
    Same,
    BothRefuse,
    Refused(String),
}

/// Converts an image with both, and compares.
fn own(image: &Path, format: &str, expected: &Path) -> Result<Outcome, String> {
    let opened = raw::open(image);
    if opened.as_ref().is_ok_and(|disk| disk.size() > Some(MAX_BYTES)) {
        return Ok(Outcome::BothRefuse);
    }
    let kind = opened.as_ref().ok().map(imgpush_convert::Converted::format);
    let driver = match kind {
        // qemu-img takes fixed disks as raw without this.
        Some(imgpush_formats::Format::Vhd) => "vpc",
        _ => format,
    };
    if driver == "ERROR" || driver == "raw" || !qemu::convert(driver, image, expected) {
        return match opened.and_then(raw::drain) {
            Ok(_) => Err("qemu-img refuses it".to_owned()),
            Err(_) => Ok(Outcome::BothRefuse),
        };
    }
    match opened {
        Ok(mut disk) => match raw::compare(&mut disk, expected) {
            Ok(()) => Ok(Outcome::Same),
            Err(error) if error.contains("truncated") => Ok(Outcome::Refused(error)),
            Err(error) => Err(error),
        },
        Err(error) if is_refused(&error) => Ok(Outcome::Refused(raw::chain(&error))),
        Err(error) => Err(raw::chain(&error)),
    }
}

/// Whether the image is on the list of deliberate differences.
fn is_refused(error: &SourceError) -> bool {
    let SourceError::Custom(error) = error else { return false };
    let is_refused = |error: &ConvertError| {
        matches!(
            error,
            ConvertError::Refused { .. }
                | ConvertError::Unsupported { .. }
                | ConvertError::Truncated { .. }
        )
    };
    error.source.downcast_ref().is_some_and(is_refused)
}
