//! Randomly changed images of every format, compared with qemu-img: the detected format, the size of the
//! disk, and whether the image can be opened.
//!
//! `cargo xtask fuzz qemu-img [CASES]` runs it. A case depends only on its number, so that a single failing
//! one can be repeated: `--first NUMBER`.

use std::collections::BTreeMap;

use imgpush_test_support::left_out;

use crate::case::Case;
use crate::exceptions::EXCEPTIONS;
use crate::images;
use crate::mutation::Random;
use crate::oracle::Opened;

/// Maximum number of differences in the output of a run.
const MAX_SHOWN: usize = 30;

#[test]
#[ignore = "`cargo xtask fuzz qemu-img` runs it"]
fn changed_images_are_judged_as_by_qemu() {
    let setting = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let cases = setting("IMGPUSH_FUZZ_CASES").unwrap_or(1000);
    let first = setting("IMGPUSH_FUZZ_FIRST").unwrap_or(0);
    let folder = tempfile::tempdir().unwrap();
    let mut images = images::made(folder.path());
    if images.is_empty() {
        left_out("qemu-img: its opinion of changed images");
        return;
    }
    images.extend(images::corpus(folder.path()));
    let mut explained: BTreeMap<&str, u64> = BTreeMap::new();
    let mut differences = 0;
    for number in first..first + cases {
        let mut random = Random::new(number);
        let image = random.one_of(&images);
        let mutation = image.mutation(&mut random);
        let case = image.changed(&mutation, Case::of);
        if let Some(difference) = difference(&case) {
            match EXCEPTIONS.iter().find(|exception| (exception.applies)(&case)) {
                Some(exception) => *explained.entry(exception.name).or_default() += 1,
                None => {
                    differences += 1;
                    if differences <= MAX_SHOWN {
                        let case = case.shown(&mutation);
                        eprintln!("case {number}, {}: {difference}\n{case}", image.name);
                    }
                }
            }
        }
        let done = number + 1 - first;
        if done.is_multiple_of(1000) {
            eprintln!("{done} cases, {differences} unexplained differences");
        }
    }
    eprintln!("{cases} cases of {} images, {differences} unexplained differences", images.len());
    for exception in EXCEPTIONS {
        let times = explained.get(exception.name).copied().unwrap_or_default();
        eprintln!("{times:>8} {}: {}", exception.name, exception.reason);
    }
    assert_eq!(differences, 0);
}

/// A description of the difference, if there is one.
fn difference(case: &Case) -> Option<String> {
    let Case { found, probed, forced, .. } = case;
    let view = &found.qemu;
    match probed {
        Opened::Refused(_) if view.refusal.is_none() => {
            return Some(format!("qemu refuses it, expected {view:?}"));
        }
        Opened::Refused(_) if probed != forced => {
            return Some(format!("another refusal as {}", view.format));
        }
        Opened::As { format, size } if view.refusal.is_some() || view.format != format => {
            return Some(format!("qemu opens it as {format} of {size} bytes, expected {view:?}"));
        }
        Opened::As { size, .. } if view.virtual_size != Some(*size) => {
            return Some(format!("qemu says {size} bytes, expected {:?}", view.virtual_size));
        }
        _ => {}
    }
    match forced {
        Opened::Refused(_) if !found.is_refused() => {
            Some(format!("qemu refuses it as {}", found.driver))
        }
        Opened::As { format, size }
            if format == found.driver && found.virtual_size != Some(*size) =>
        {
            Some(format!("qemu says {size} bytes as {format}, found {:?}", found.virtual_size))
        }
        _ => None,
    }
}
