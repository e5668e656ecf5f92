//! Changed images: no panic, no hang, and no other bytes than those of qemu-img.

use std::time::{Duration, Instant};

use imgpush_convert::{Converted, ReadOptions};
use imgpush_source::bytes::Bytes;
use imgpush_source::{BytesSource, Pool, ReaderSource, Source, SourceError};
use imgpush_test_support::{is_full, left_out};

use crate::disks::Random;
use crate::{disks, qemu, raw};

/// Most of the metadata of small images is before this.
const METADATA_BYTES: u64 = 512 << 10;

/// More than this of a disk is not read.
const READ_BYTES: u64 = 64 << 20;

/// A disk whose start is read in this time hangs.
const LIMIT: Duration = Duration::from_secs(30);

fn change(random: &mut Random, image: &mut [u8]) {
    for _ in 0..1 + random.below(4) {
        // Words of headers and tables, most of which are near the start.
        let most = random.pick(&[128, 512, 4096, METADATA_BYTES]).min(image.len() as u64);
        let at = random.below(most) as usize;
        let any = random.next() as u8;
        let value = random.pick(&[0, 1, 0x7f, 0x80, 0xff, any]);
        let end = (at + random.pick(&[1, 1, 1, 2, 4, 8])).min(image.len());
        image[at..end].fill(value);
    }
}

/// Reads the start of a disk.
fn start(source: Box<dyn Source>, options: &ReadOptions) -> Result<Vec<u8>, SourceError> {
    let mut disk: Converted = raw::converted(source, options)?;
    let pool = Pool::new(4, 1 << 20);
    let mut bytes = Vec::new();
    while let Some(chunk) = disk.next_chunk(&pool)? {
        chunk.slices().for_each(|slice| bytes.extend_from_slice(&slice));
        if bytes.len() as u64 > READ_BYTES {
            break;
        }
    }
    Ok(bytes)
}

#[test]
fn changed_images_cause_no_panic_and_no_other_bytes() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: changed images");
    }
    let folder = tempfile::tempdir().unwrap();
    let (disks, changes) = if is_full() { (200, 25) } else { (18, 8) };
    let mut wrong = Vec::new();
    let (mut same, mut failed) = (0, 0);
    for number in 0..disks {
        let formats = disks::FORMATS.into_iter().chain(["qcow"]).collect::<Vec<_>>();
        let format = formats[number as usize % formats.len()];
        let Some(disk) = disks::create_as(format, 200_000 + number, folder.path()) else {
            continue;
        };
        let original = std::fs::read(&disk.image).unwrap();
        for n in 0..changes {
            let mut random = Random::new(number * 1000 + n);
            let mut image = original.clone();
            change(&mut random, &mut image);
            let image = Bytes::from(image);
            let began = Instant::now();
            let access = Box::new(BytesSource::new("the image", image.clone()));
            let by_access = start(access, &ReadOptions::default());
            let pipe = Box::new(ReaderSource::new("a pipe", std::io::Cursor::new(image.clone())));
            let by_pipe = start(pipe, &ReadOptions::default());
            if began.elapsed() > LIMIT {
                wrong.push(format!("change {n} of disk {number} takes {:?}", began.elapsed()));
            }
            let Ok(bytes) = by_access else {
                failed += 1;
                continue;
            };
            if by_pipe.is_ok_and(|other| other != bytes) {
                wrong.push(format!("change {n} of disk {number}: a pipe differs"));
            }
            if bytes.len() as u64 > READ_BYTES {
                continue;
            }
            let (changed, expected) = (folder.path().join("changed"), folder.path().join("raw"));
            std::fs::write(&changed, &image).unwrap();
            if !qemu::convert(disk.format, &changed, &expected) {
                continue;
            }
            same += 1;
            if std::fs::read(&expected).unwrap() != bytes {
                wrong.push(format!("change {n} of disk {number}: {}", disk.history));
            }
        }
        std::fs::remove_file(&disk.image).unwrap();
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(same > 20 && failed > 20, "{same} are the same, {failed} failed");
}
