//! The bytes of a disk never depend on how its image was read, or on how its bytes arrive.

use imgpush_convert::{ConvertError, Converted, ReadOptions, Strategy};
use imgpush_source::bytes::Bytes;
use imgpush_source::{Pool, ReaderSource, Source as _, SourceError};
use imgpush_test_support::{is_full, left_out};

use crate::disks::Random;
use crate::{disks, qemu, raw};

/// A reader that returns pieces of random lengths.
struct Pieces {
    bytes: Bytes,
    random: Random,
    most: u64,
}

impl std::io::Read for Pieces {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let wanted = 1 + self.random.below(self.most) as usize;
        let piece = self.bytes.split_to(wanted.min(self.bytes.len()).min(space.len()));
        space[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

fn pipe(image: &Bytes, seed: u64, options: &ReadOptions) -> Result<Converted, SourceError> {
    let mut random = Random::new(seed);
    let most = random.pick(&[1_000, 5_000, 70_000, 2 << 20]);
    let pieces = Pieces { bytes: image.clone(), random, most };
    raw::converted(Box::new(ReaderSource::new("a pipe", pieces)), options)
}

fn is_out_of_order(error: &SourceError) -> bool {
    let SourceError::Custom(error) = error else { return false };
    matches!(error.source.downcast_ref(), Some(ConvertError::OutOfOrder { .. }))
}

#[test]
fn every_strategy_and_every_cut_results_in_the_same_bytes() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: disks from pipes");
    }
    let folder = tempfile::tempdir().unwrap();
    let spool = ReadOptions::default().with_hold_bytes(200_000).with_spool(folder.path());
    let (mut same, mut spooled, mut refused, mut out_of_order) = (0, 0, 0, Vec::new());
    for number in 0..if is_full() { 1_000 } else { 40 } {
        let Some(disk) = disks::create(100_000 + number, folder.path()) else { continue };
        let image = Bytes::from(std::fs::read(&disk.image).unwrap());
        std::fs::remove_file(&disk.image).unwrap();
        let source = Box::new(imgpush_source::BytesSource::new("the image", image.clone()));
        let mut disk_by_access = raw::converted(source, &ReadOptions::default()).unwrap();
        let survey = disk_by_access.survey(u64::MAX).unwrap().unwrap();
        assert_eq!(survey.allocated + survey.zeros + survey.holes, survey.size);
        let expected = raw::read(&mut disk_by_access, &Pool::new(8, 1 << 20)).unwrap();
        disk_by_access.rewind().unwrap().to_start().unwrap();
        // In one pass although it has random access, and with large requests.
        let options = ReadOptions::default();
        for options in [options.clone().with_one_pass(true), options.with_read_ahead_bytes(1 << 20)]
        {
            let source = Box::new(imgpush_source::BytesSource::new("the image", image.clone()));
            let Ok(mut disk) = raw::converted(source, &options) else { continue };
            let bytes = raw::read(&mut disk, &Pool::new(8, 1 << 20)).unwrap();
            assert!(bytes == expected, "{:?}", disk.strategy());
        }
        // Chunks of any size.
        let odd = Pool::new(4, 1 + Random::new(number).below(300_000) as usize);
        let again = raw::read(&mut disk_by_access, &odd).unwrap();
        assert!(again == expected, "{}", disk.history);

        for options in [ReadOptions::default(), spool.clone()] {
            let opened = pipe(&image, number, &options);
            let mut disk_by_pipe = match opened {
                Ok(opened) => opened,
                Err(error) => {
                    // A fixed VHD.
                    assert!(disk.format == "vpc" || disk.format == "vmdk", "{error:?}");
                    refused += 1;
                    continue;
                }
            };
            match raw::read(&mut disk_by_pipe, &odd) {
                Ok(bytes) => assert!(bytes == expected, "{}", disk.history),
                Err(error) if is_out_of_order(&error) => {
                    out_of_order.push(format!("{}: {}", raw::chain(&error), disk.history));
                    continue;
                }
                Err(error) => panic!("{}: {}", raw::chain(&error), disk.history),
            }
            same += 1;
            spooled += u64::from(disk_by_pipe.strategy() == Strategy::Spooled);
        }
    }
    // All of these small disks fit the limit, and nothing is needed twice.
    assert!(out_of_order.is_empty(), "{}\n{}", out_of_order.len(), out_of_order.join("\n"));
    assert!(same > 3 * refused && spooled > 0, "{same}, {spooled}, {refused}");
}

#[test]
fn too_much_out_of_order_is_an_error_that_names_the_option() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: a disk in reverse order");
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("reverse.qcow2");
    let path = image.to_str().unwrap();
    assert!(qemu::run("qemu-img", &["create", "-f", "qcow2", path, "8M"]));
    let writes = (0..8).rev().map(|n| format!("write -P {} {n}M 1M", n + 1)).collect::<Vec<_>>();
    assert!(qemu::io("qcow2", &image, &writes));
    let bytes = Bytes::from(std::fs::read(&image).unwrap());
    let expected: Vec<u8> = (0..8 << 20).map(|n: u32| (n >> 20) as u8 + 1).collect();

    let limited = ReadOptions::default().with_hold_bytes(2 << 20);
    let mut disk = pipe(&bytes, 1, &limited).unwrap();
    let error = raw::read(&mut disk, &Pool::new(4, 1 << 20)).unwrap_err();
    assert!(is_out_of_order(&error) && raw::chain(&error).contains("use --spool DIR"));

    let mut disk = pipe(&bytes, 1, &limited.with_spool(folder.path())).unwrap();
    assert!(raw::read(&mut disk, &Pool::new(4, 1 << 20)).unwrap() == expected);
    assert_eq!(disk.strategy(), Strategy::Spooled);

    let mut disk = pipe(&bytes, 1, &ReadOptions::default()).unwrap();
    assert!(raw::read(&mut disk, &Pool::new(4, 1 << 20)).unwrap() == expected);
    assert_eq!(disk.strategy(), Strategy::Forward);
}
