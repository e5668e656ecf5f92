//! Every disk has the bytes that qemu-img converts.

use std::sync::atomic::{AtomicU64, Ordering};

use imgpush_test_support::{is_full, left_out};

use crate::{disks, qemu, raw};

/// The number of disks.
fn cases() -> u64 {
    let given = std::env::var("IMGPUSH_CONVERT_CASES").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(if is_full() { 5_000 } else { 200 })
}

/// The first number, to repeat a failed case.
fn first() -> u64 {
    let given = std::env::var("IMGPUSH_CONVERT_FIRST").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(0)
}

#[test]
fn random_disks_have_the_bytes_that_qemu_img_converts() {
    if !qemu::is_installed() {
        return left_out("qemu-img 10: the bytes of random disks");
    }
    let next = AtomicU64::new(first());
    let end = first() + cases();
    let run = || {
        let folder = tempfile::tempdir().unwrap();
        let mut wrong = Vec::new();
        let mut compared = 0;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= end {
                return (wrong, compared);
            }
            let Some(disk) = disks::create(number, folder.path()) else { continue };
            let expected = folder.path().join("expected");
            let is_converted = qemu::convert(disk.format, &disk.image, &expected);
            let result = match raw::open(&disk.image) {
                Ok(mut own) if is_converted => raw::compare(&mut own, &expected),
                Ok(own) => match raw::drain(own) {
                    Ok(_) => Err("qemu-img refuses it".to_owned()),
                    Err(_) => Ok(()),
                },
                Err(error) if is_converted => Err(raw::chain(&error)),
                Err(_) => Ok(()),
            };
            compared += u64::from(is_converted);
            if let Err(error) = result {
                wrong.push(format!("disk {number}: {error}\n    {}", disk.history));
            }
            std::fs::remove_file(&disk.image).unwrap();
        }
    };
    let (mut wrong, compared) = std::thread::scope(|scope| {
        let other = scope.spawn(run);
        let (mut wrong, mut compared) = run();
        let (more, also) = other.join().unwrap();
        wrong.extend(more);
        compared += also;
        (wrong, compared)
    });
    wrong.sort();
    assert!(wrong.is_empty(), "{} of {compared} differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > cases() * 3 / 4, "only {compared} disks were compared");
}
