//! No file causes a panic: images truncated at any length, and changed images.

use std::sync::Mutex;

use imgpush_formats::Detector;
use imgpush_test_support::{is_full, left_out};

use crate::images;
use crate::mutation::{Image, Random};

/// A little more than the head that a detector keeps. A file may end at any byte before it.
const HEAD_BYTES: usize = 66 << 10;
/// After that, the distance between tested lengths.
const STEP: usize = 4093;
/// The maximum tested length; each byte that a detector reads is before it, or at the end.
const MAX_BYTES: usize = 4 << 20;
/// Number of bytes of a changed image that are read as a stream.
const STREAM_BYTES: usize = 1 << 20;

#[test]
fn no_truncated_or_changed_image_of_qemu_causes_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let images = images::made(folder.path());
    if images.is_empty() {
        left_out("qemu-img: images that end anywhere");
    }
    on_all_cores(&images, |image| {
        ends_anywhere(image);
        changes(image, if is_full() { 20_000 } else { 500 });
    });
}

#[test]
#[ignore = "`cargo xtask corpus` sets IMGPUSH_CORPUS to folders of disk images"]
fn no_truncated_or_changed_real_image_causes_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let images = images::corpus(folder.path());
    if images.is_empty() {
        left_out("IMGPUSH_CORPUS: real images that end anywhere");
    }
    on_all_cores(&images, |image| {
        ends_anywhere(image);
        changes(image, if is_full() { 20_000 } else { 1000 });
    });
}

/// Each core takes the next image, since they differ in size.
fn on_all_cores(images: &[Image], test: impl Fn(&Image) + Sync) {
    let next = Mutex::new(images.iter());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(image) = { next.lock().unwrap().next() } {
                    test(image);
                }
            });
        }
    });
}

/// Judges the file truncated at each length: every length in the headers, and every seventh byte between them
/// in the smaller size of a run.
fn ends_anywhere(image: &Image) {
    let bytes = image.start(MAX_BYTES);
    let is_header = |at: &usize| *at <= 2048 || (32 << 10..36 << 10).contains(at);
    let head = (1..HEAD_BYTES).filter(|at| is_full() || is_header(at) || at % 7 == 0);
    let ends = head.chain((HEAD_BYTES..bytes.len()).step_by(STEP)).chain([bytes.len()]);
    let mut detector = Detector::new();
    let mut start = 0;
    for end in ends.take_while(|end| *end <= bytes.len()) {
        detector.push(&bytes[start..end]);
        let _ = detector.so_far(Some(end as u64));
        start = end;
    }
}

fn changes(image: &Image, cases: u64) {
    for number in 0..cases {
        let mutation = image.mutation(&mut Random::new(number));
        image.changed(&mutation, |image| {
            let sought = image.inspect();
            // The same bytes as a stream: an unseen rest causes no panic either.
            let mut detector = Detector::new();
            detector.push(&image.start(STREAM_BYTES));
            let streamed = detector.so_far(sought.stream_bytes);
            if streamed.is_complete && sought.is_complete {
                assert_eq!(sought, streamed, "case {number} of {}: {mutation:?}", image.name);
            }
        });
    }
}
