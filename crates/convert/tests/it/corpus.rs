//! Real and generated images, if there are any.

use std::path::Path;

use imgpush_convert::{ConvertError, RefusalReason};
use imgpush_source::SourceError;

use crate::{qemu, raw};

#[test]
#[ignore = "IMGPUSH_CORPUS names folders of disk images, separated as in PATH"]
fn images_of_the_corpus_have_the_bytes_that_qemu_img_converts() {
    let folders = std::env::var_os("IMGPUSH_CORPUS").expect("IMGPUSH_CORPUS is set");
    let work = tempfile::tempdir().unwrap();
    let expected = work.path().join("expected");
    let (mut wrong, mut same, mut refused) = (Vec::new(), 0, 0);
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
                Ok(Some(())) => same += 1,
                Ok(None) => refused += 1,
                Err(error) => wrong.push(format!("{name} ({format}): {error}")),
            }
        }
    }
    eprintln!("{same} images are the same, {refused} are refused, {} differ", wrong.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whether the image is the same; none if it is refused as it should be.
fn own(image: &Path, format: &str, expected: &Path) -> Result<Option<()>, String> {
    let opened = raw::open(image);
    let kind = opened.as_ref().ok().map(|disk| disk.format());
    let driver = match kind {
        // qemu-img takes fixed disks as raw without this.
        Some(imgpush_formats::Format::Vhd) => "vpc",
        _ => format,
    };
    if driver == "ERROR" || driver == "raw" || !qemu::convert(driver, image, expected) {
        return match opened
            .and_then(|mut disk| raw::read(&mut disk, &imgpush_source::Pool::new(8, 1 << 20)))
        {
            Ok(_) => Err("qemu-img refuses it".to_owned()),
            Err(_) => Ok(None),
        };
    }
    match opened {
        Ok(mut disk) => match raw::compare(&mut disk, expected) {
            Ok(()) => Ok(Some(())),
            Err(error) if error.contains("truncated") => {
                eprintln!("{}: {error}", image.display());
                Ok(None)
            }
            Err(error) => Err(error),
        },
        Err(error) => match reason(&error) {
            Some(reason) => {
                eprintln!("{}: {reason:?}", image.display());
                Ok(None)
            }
            None => Err(raw::chain(&error)),
        },
    }
}

fn reason(error: &SourceError) -> Option<RefusalReason> {
    let SourceError::Custom(error) = error else { return None };
    match error.source.downcast_ref() {
        Some(ConvertError::Refused { reason, .. }) => Some(*reason),
        Some(ConvertError::Unsupported { .. }) => Some(RefusalReason::UnknownFeatures),
        Some(ConvertError::Truncated { .. }) => Some(RefusalReason::InvalidHeader),
        _ => None,
    }
}
