//! No file panics: images that end anywhere, and images with changes.

use imgpush_formats::Detector;
use imgpush_test_support::{is_full, left_out};

use crate::images;
use crate::mutation::{Image, Random};

/// A little more than the head that a detector keeps. A file may end at any byte before.
const HEAD_BYTES: usize = 66 << 10;
/// Behind that, the lengths of files that are tried are this far apart.
const STEP: usize = 4093;
/// The longest file that is tried; each byte that a detector looks for is before that, or at the end.
const MOST_BYTES: usize = 4 << 20;
/// What is read of a changed image as a stream.
const STREAM_BYTES: usize = 1 << 20;

#[test]
fn no_image_of_qemu_panics_wherever_it_ends_and_whatever_changes() {
    let folder = tempfile::tempdir().unwrap();
    let images = images::made(folder.path());
    if images.is_empty() {
        left_out("qemu-img: images that end anywhere");
    }
    images.iter().for_each(ends_anywhere);
    images.iter().for_each(|image| changes(image, if is_full() { 20_000 } else { 500 }));
}

#[test]
#[ignore = "`cargo xtask corpus` sets IMGPUSH_CORPUS to folders of disk images"]
fn no_real_image_panics_wherever_it_ends_and_whatever_changes() {
    let folder = tempfile::tempdir().unwrap();
    let images = images::corpus(folder.path());
    if images.is_empty() {
        left_out("IMGPUSH_CORPUS: real images that end anywhere");
    }
    images.iter().for_each(ends_anywhere);
    images.iter().for_each(|image| changes(image, if is_full() { 20_000 } else { 1000 }));
}

/// Judges the file as one that ends there: everywhere in the headers, and in the smaller size of a run at
/// every seventh byte between them.
fn ends_anywhere(image: &Image) {
    let bytes = image.start(MOST_BYTES);
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
            // The same bytes as a stream: what lies behind what was read is no panic either.
            let mut detector = Detector::new();
            detector.push(&image.start(STREAM_BYTES));
            let streamed = detector.so_far(sought.stream_bytes);
            if streamed.is_complete && sought.is_complete {
                assert_eq!(sought, streamed, "case {number} of {}: {mutation:?}", image.name);
            }
        });
    }
}
