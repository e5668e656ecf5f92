//! Images that qemu converts, or converts partly, and that are refused here: the list of deliberate
//! differences.

use std::io::Read as _;
use std::path::Path;

use imgpush_convert::{ConvertError, ReadOptions, RefusalReason};
use imgpush_formats::Format;
use imgpush_source::{BytesSource, ErrorKind, ReaderSource, SourceError};
use imgpush_test_support::left_out;

use crate::disks::Random;
use crate::{disks, qemu, raw};

/// The cause of an error while a disk is opened or read.
fn cause(result: Result<Vec<u8>, SourceError>) -> ConvertError {
    match result.unwrap_err() {
        SourceError::Custom(error) => *error.source.downcast().unwrap(),
        error => panic!("{error:?}"),
    }
}

fn reason(result: Result<Vec<u8>, SourceError>) -> RefusalReason {
    match cause(result) {
        ConvertError::Refused { reason, .. } => reason,
        error => panic!("{error:?}"),
    }
}

fn create(folder: &Path, name: &str, arguments: &[&str]) -> std::path::PathBuf {
    let image = folder.join(name);
    let mut all = vec!["create"];
    all.extend(arguments);
    all.extend([image.to_str().unwrap(), "8M"]);
    assert!(qemu::run("qemu-img", &all), "{all:?}");
    image
}

#[test]
fn images_that_need_other_files_are_refused() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: images that need other files");
    }
    let folder = tempfile::tempdir().unwrap();
    let base = create(folder.path(), "base.qcow2", &["-f", "qcow2"]);
    let base = format!("backing_file={},backing_fmt=qcow2", base.display());
    for format in ["qcow2", "qed"] {
        let image = create(folder.path(), &format!("over.{format}"), &["-f", format, "-o", &base]);
        assert_eq!(reason(raw::convert(&image)), RefusalReason::BackingFile, "{format}");
    }
    let data = format!("data_file={}", folder.path().join("data.raw").display());
    let image = create(folder.path(), "external.qcow2", &["-f", "qcow2", "-o", &data]);
    assert_eq!(reason(raw::convert(&image)), RefusalReason::ExternalData);
    for subformat in ["monolithicFlat", "twoGbMaxExtentSparse"] {
        let options = format!("subformat={subformat}");
        let image = create(folder.path(), "external.vmdk", &["-f", "vmdk", "-o", &options]);
        assert_eq!(reason(raw::convert(&image)), RefusalReason::ExternalData, "{subformat}");
    }
    let secret = "encrypt.format=aes,encrypt.key-secret=key";
    let secret = ["-f", "qcow2", "--object", "secret,id=key,data=abc", "-o", secret];
    let image = folder.path().join("encrypted.qcow2");
    let mut all = vec!["create"];
    all.extend(secret);
    all.extend([image.to_str().unwrap(), "8M"]);
    if qemu::run("qemu-img", &all) {
        assert_eq!(reason(raw::convert(&image)), RefusalReason::Encrypted);
    }
}

#[test]
fn differencing_and_undo_disks_are_refused() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: differencing disks");
    }
    let folder = tempfile::tempdir().unwrap();
    let vdi = std::fs::read(create(folder.path(), "disk.vdi", &["-f", "vdi"])).unwrap();
    for kind in [3, 4] {
        let mut vdi = vdi.clone();
        vdi[0x4c] = kind;
        assert_eq!(reason(convert(vdi)), RefusalReason::BackingFile, "{kind}");
    }
    let mut vhd = std::fs::read(create(folder.path(), "disk.vhd", &["-f", "vpc"])).unwrap();
    vhd[63] = 4;
    let sum: u32 = (0..512).filter(|n| !(64..68).contains(n)).map(|n| u32::from(vhd[n])).sum();
    vhd[64..68].copy_from_slice(&(!sum).to_be_bytes());
    assert_eq!(reason(convert(vhd)), RefusalReason::BackingFile);
}

fn convert(image: Vec<u8>) -> Result<Vec<u8>, SourceError> {
    let source = Box::new(BytesSource::new("the image", image));
    let mut disk = raw::converted(source, &ReadOptions::default())?;
    raw::read(&mut disk, &imgpush_source::Pool::new(4, 1 << 20))
}

#[test]
fn a_truncated_image_is_never_a_shorter_or_an_empty_disk() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: truncated images");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut found = 0;
    for (n, format) in disks::FORMATS.into_iter().chain(["qcow"]).enumerate().cycle().take(36) {
        let number = 70_000 + found + n as u64;
        found += 9;
        let Some(disk) = disks::create_as(format, number, folder.path()) else { continue };
        let expected = folder.path().join("expected");
        if !qemu::convert(disk.format, &disk.image, &expected) {
            continue;
        }
        let expected = std::fs::read(expected).unwrap();
        let image = std::fs::read(&disk.image).unwrap();
        let mut random = Random::new(number);
        for _ in 0..8 {
            let cut = random.below(image.len() as u64) as usize;
            match convert(image[..cut].to_vec()) {
                // Only what the disk does not need is missing.
                Ok(bytes) => assert!(bytes == expected, "{cut}: {}", disk.history),
                Err(error) => assert_ne!(error.kind(), ErrorKind::Unexpected, "{error:?}"),
            }
        }
    }
}

#[test]
fn a_cluster_after_the_end_of_the_file_is_an_error() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: a cluster after the end of the file");
    }
    let folder = tempfile::tempdir().unwrap();
    let image = create(folder.path(), "disk.qcow2", &["-f", "qcow2"]);
    assert!(qemu::io("qcow2", &image, &["write -P 7 0 2M".to_owned()]));
    let bytes = std::fs::read(&image).unwrap();
    let error = cause(convert(bytes[..bytes.len() - 512].to_vec()));
    assert!(matches!(error, ConvertError::Truncated { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Source);
    let short = folder.path().join("short.qcow2");
    std::fs::write(&short, &bytes[..bytes.len() - 512]).unwrap();
    assert!(qemu::convert("qcow2", &short, &folder.path().join("raw")), "qemu reads zeros");
}

#[test]
fn a_zero_cluster_in_version_2_is_an_error_as_in_qemu() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: a zero cluster in version 2");
    }
    let folder = tempfile::tempdir().unwrap();
    let image = create(folder.path(), "disk.qcow2", &["-f", "qcow2", "-o", "compat=0.10"]);
    assert!(qemu::io("qcow2", &image, &["write -P 7 0 2M".to_owned()]));
    let mut bytes = std::fs::read(&image).unwrap();
    let at = |bytes: &[u8], n: usize| u64::from_be_bytes(bytes[n..n + 8].try_into().unwrap());
    let l1 = at(&bytes, 40) as usize;
    let l2 = (at(&bytes, l1) & 0x00ff_ffff_ffff_fe00) as usize;
    for (flag, at) in [(1, l2 + 8 + 7), (2, l2 + 8 + 6), (2, l1 + 6)] {
        bytes[at] |= flag;
        std::fs::write(&image, &bytes).unwrap();
        let error = cause(convert(bytes.clone()));
        assert!(matches!(error, ConvertError::Damaged { .. }), "{error:?}");
        assert!(!qemu::convert("qcow2", &image, &folder.path().join("raw")), "{at}");
        bytes[at] &= !flag;
    }
    assert!(convert(bytes).is_ok());
}

#[test]
fn what_is_no_virtual_disk_is_not_converted() {
    let error = cause(convert(vec![0; 1 << 20]));
    assert!(matches!(error, ConvertError::Unsupported { .. }), "{error:?}");
    let options = ReadOptions::default().with_format(Format::Vhd);
    let source = Box::new(ReaderSource::new("a pipe", std::io::repeat(0).take(1 << 20)));
    let error = raw::converted(source, &options).map(|_| Vec::new());
    assert_eq!(reason(error), RefusalReason::NeedsEnd);
    let source = Box::new(BytesSource::new("the image", vec![0; 1 << 20]));
    let options = ReadOptions::default().with_format(Format::Qcow2);
    let error = raw::converted(source, &options).map(|_| Vec::new());
    assert_eq!(reason(error), RefusalReason::Ambiguous);
}
