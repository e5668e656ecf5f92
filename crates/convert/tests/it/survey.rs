//! What a survey says of a disk, compared with `qemu-img map`; and the estimated size, compared with that of the
//! image.

use std::path::Path;
use std::process::Command;

use imgpush_convert::write::{ClusterCompression, WriteOptions, write_to};
use imgpush_convert::{ConvertError, Survey};
use imgpush_test_support::{is_full, left_out};
use serde_json::Value;

use crate::{disks, qemu, raw};

const ALL: u64 = u64::MAX;

/// Bytes of data, and those of them that are compressed, by `qemu-img map`.
fn map(format: &str, image: &Path) -> (u64, u64) {
    let mut command = Command::new("qemu-img");
    command.args(["map", "--output", "json", "-f", format]).arg(image);
    let entries: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let sum = |key: &str| {
        let entries = entries.as_array().unwrap().iter().filter(|entry| entry[key] == true);
        entries.map(|entry| entry["length"].as_u64().unwrap()).sum()
    };
    (sum("data"), sum("compressed"))
}

fn survey(image: &Path) -> Survey {
    raw::open(image).unwrap().survey(ALL).unwrap().unwrap()
}

fn estimated(image: &Path, options: &WriteOptions) -> u64 {
    let mut disk = raw::open(image).unwrap();
    let survey = disk.survey(ALL).unwrap().unwrap();
    disk.estimate_qcow2(&survey, options).unwrap().unwrap()
}

fn written(image: &Path, options: &WriteOptions) -> u64 {
    let mut file = std::io::Cursor::new(Vec::new());
    let disk = Box::new(raw::open(image).unwrap());
    write_to(disk, options, &mut file, &mut |_| {}).unwrap().bytes
}

#[test]
fn the_allocated_bytes_are_those_of_qemu_img_map() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: maps of disks");
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut compressed_disks, mut wrong) = (0, Vec::new());
    for number in 0..if is_full() { 400 } else { 40 } {
        let Some(disk) = disks::create(200_000 + number, folder.path()) else { continue };
        let found = survey(&disk.image);
        assert_eq!(found.allocated + found.zeros + found.holes, found.size, "{}", disk.history);
        assert_eq!(found.examined, found.size);
        let (allocated, compressed) = map(disk.format, &disk.image);
        // qemu-img does not know the blocks of a VHDX, and maps all of them as data.
        let is_same = match disk.format {
            "vhdx" => allocated == found.size && compressed == 0,
            _ => (found.allocated, found.compressed) == (allocated, compressed),
        };
        if !is_same {
            wrong.push(format!("{allocated} {compressed} {found:?}: {}", disk.history));
        }
        compressed_disks += u32::from(compressed > 0);
        std::fs::remove_file(&disk.image).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compressed_disks > 0);
}

#[test]
fn the_estimate_of_a_small_disk_is_near_the_size_of_the_image() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: disks whose size as qcow2 is estimated");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for number in 0..if is_full() { 200 } else { 25 } {
        let Some(disk) = disks::create(300_000 + number, folder.path()) else { continue };
        for compression in [ClusterCompression::Zlib, ClusterCompression::Zstd] {
            let options = WriteOptions::default().with_compression(compression);
            let found = survey(&disk.image);
            let (estimate, written) =
                (estimated(&disk.image, &options), written(&disk.image, &options));
            // Clusters that are compressed in the image have another size there.
            let inexact = if found.compressed > 0 { written / 4 + found.compressed / 8 } else { 0 };
            let allowed = inexact + 2 * options.cluster_bytes;
            let history = &disk.history;
            assert!(written.abs_diff(estimate) <= allowed, "{estimate} {written}: {history}");
            compared += 1;
        }
        std::fs::remove_file(&disk.image).unwrap();
    }
    assert!(compared > 20);
}

/// A raw disk with runs of zeros, text, data that compresses little, and random bytes.
fn mixed(path: &Path, clusters: u64) {
    let mut file = std::fs::File::create(path).unwrap();
    let mut random = disks::Random::new(7);
    let (mut kind, mut left) = (0, 0);
    for number in 0..clusters {
        if left == 0 {
            (kind, left) = (random.below(4), 1 + random.below(40));
        }
        left -= 1;
        let cluster: Vec<u8> = match kind {
            0 => vec![0; 64 << 10],
            1 => format!("cluster {number} of a text, and again. ").into_bytes(),
            2 => (0..1024).map(|n| (n * number % 251) as u8 ^ random.below(4) as u8).collect(),
            _ => (0..64 << 10).map(|_| random.below(256) as u8).collect(),
        };
        let cluster: Vec<u8> = cluster.into_iter().cycle().take(64 << 10).collect();
        std::io::Write::write_all(&mut file, &cluster).unwrap();
    }
}

#[test]
fn a_sample_of_a_large_disk_is_near_the_size_by_qemu_img() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: a large disk whose size as qcow2 is estimated");
    }
    let folder = tempfile::tempdir().unwrap();
    let (raw, image) = (folder.path().join("raw"), folder.path().join("disk.vhdx"));
    mixed(&raw, 2_500);
    let paths = [raw.to_str().unwrap(), image.to_str().unwrap()];
    let convert = |options: &[&str], to: &str| {
        let arguments = [&["convert", "-f", "raw"], options, &[paths[0], to]].concat();
        assert!(qemu::run("qemu-img", &arguments), "{arguments:?}");
    };
    convert(&["-O", "vhdx"], paths[1]);
    let compressed = folder.path().join("disk.qcow2");
    convert(&["-O", "qcow2", "-c"], compressed.to_str().unwrap());
    let actual = compressed.metadata().unwrap().len();
    let estimate = estimated(&image, &WriteOptions::default());
    assert!(actual.abs_diff(estimate) * 100 <= 10 * actual, "{estimate} of {actual}");
}

#[test]
fn a_disk_of_many_terabytes_is_examined_quickly_and_partly() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: a disk of 63 TiB");
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("large.qcow2");
    let create = ["create", "-f", "qcow2", "-o", "cluster_size=2M", image.to_str().unwrap(), "63T"];
    assert!(qemu::run("qemu-img", &create));
    let writes = ["write 0 4M", "write 40T 1M", "write -z 50T 8M"].map(str::to_owned);
    assert!(qemu::io("qcow2", &image, &writes));
    let all = survey(&image);
    assert_eq!((all.size, all.examined), (63 << 40, 63 << 40));
    assert_eq!((all.allocated, all.zeros), (6 << 20, 8 << 20));

    let mut disk = raw::open(&image).unwrap();
    let part = disk.survey(3).unwrap().unwrap();
    assert!(part.examined < 1 << 40 && part.allocated == 4 << 20, "{part:?}");
    assert_eq!(part.allocated + part.zeros + part.holes, part.examined);
    assert_eq!(disk.estimate_qcow2(&part, &WriteOptions::default()).unwrap(), None);
}

#[test]
fn a_truncated_image_has_no_survey() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: a truncated image");
    }
    let folder = tempfile::tempdir().unwrap();
    let (raw, image) = (folder.path().join("raw"), folder.path().join("disk.qcow2"));
    mixed(&raw, 100);
    let paths = [raw.to_str().unwrap(), image.to_str().unwrap()];
    assert!(qemu::run("qemu-img", &["convert", "-O", "qcow2", paths[0], paths[1]]));
    assert_eq!(survey(&image).snapshots, 0);
    let file = std::fs::OpenOptions::new().write(true).open(&image).unwrap();
    file.set_len(image.metadata().unwrap().len() - 200_000).unwrap();
    let error = raw::open(&image).unwrap().survey(ALL).unwrap_err();
    assert!(matches!(error, ConvertError::Truncated { .. }), "{error}");
}

#[test]
fn what_a_conversion_loses_is_counted() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: snapshots and bitmaps");
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.qcow2");
    let path = image.to_str().unwrap();
    for arguments in [
        &["create", "-f", "qcow2", path, "8M"][..],
        &["snapshot", "-c", "first", path],
        &["snapshot", "-c", "second", path],
        &["bitmap", "--add", path, "changes"],
    ] {
        assert!(qemu::run("qemu-img", arguments), "{arguments:?}");
    }
    let found = survey(&image);
    assert_eq!((found.snapshots, found.has_bitmaps), (2, true));
}
