//! Headers of every format that qemu creates, with changed fields: they are refused, or opened with the same
//! result, as by qemu-img itself.
//!
//! The cases are the same in every run. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` generate others.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use imgpush_formats::{Detector, FindingId, Inspection};
use imgpush_test_support::left_out;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

/// Formats and options for qemu-img, and the offsets of the fields that it reads.
const IMAGES: &[(&str, &[&str], &[Fields])] = &[
    ("qcow2", &["compat=0.10"], &[(0, 72)]),
    ("qcow2", &["compat=1.1,cluster_size=4k,preallocation=metadata"], &[(0, 112), (112, 300)]),
    ("qcow2", &["extended_l2=on,cluster_size=64k,compression_type=zstd"], &[(0, 112)]),
    ("qcow", &[], &[(0, 48)]),
    ("qed", &[], &[(0, 64)]),
    ("vmdk", &["subformat=monolithicSparse"], &[(0, 79), (512, 1024)]),
    ("vmdk", &["subformat=streamOptimized"], &[(0, 79), (512, 1024)]),
    ("vpc", &["subformat=dynamic"], &[(0, 86), (512, 560)]),
    ("vdi", &[], &[(64, 512)]),
    ("parallels", &[], &[(0, 64)]),
    ("vhdx", &[], &[(0x30000, 0x30060), (0x30_0000, 0x30_00c0), (0x31_0000, 0x31_0030)]),
];

/// A range of offsets.
type Fields = (u64, u64);

/// A field and the value to write.
#[derive(Clone, Debug)]
struct Change {
    place: prop::sample::Index,
    bytes: Vec<u8>,
}

fn change() -> impl Strategy<Value = Change> {
    let value = prop_oneof![
        0u64..70,
        (0u32..64).prop_map(|bit| 1 << bit),
        (0u32..64).prop_map(|bit| (1 << bit) - 1),
        Just(u64::MAX),
        any::<u64>(),
    ];
    let width = prop::sample::select(vec![1usize, 2, 4, 8]);
    (any::<prop::sample::Index>(), value, width, any::<bool>()).prop_map(
        |(place, value, width, is_big)| {
            let bytes = if is_big {
                value.to_be_bytes()[8 - width..].to_vec()
            } else {
                value.to_le_bytes()[..width].to_vec()
            };
            Change { place, bytes }
        },
    )
}

#[test]
fn a_changed_field_is_judged_as_by_qemu() {
    let folder = tempfile::tempdir().unwrap();
    for (index, (driver, options, fields)) in IMAGES.iter().enumerate() {
        let path = folder.path().join(format!("image-{index}"));
        if !create(&path, driver, options) {
            return;
        }
        let mut config = ProptestConfig::with_cases(60);
        if config.rng_seed == RngSeed::Random {
            config.rng_seed = RngSeed::Fixed(1);
        }
        config.failure_persistence = None;
        let changes = proptest::collection::vec(change(), 1..3);
        TestRunner::new(config)
            .run(&changes, |changes| {
                let (expected, found) =
                    changed(&path, fields, &changes, || (qemu(&path), inspect(&path)));
                // An incomplete inspection makes no statement about safety.
                if found.findings.iter().all(|finding| finding.id != FindingId::NotChecked) {
                    prop_assert_eq!(expected, ours(&found), "{} {:?}", driver, options);
                }
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Runs `look` while the changes are in place, and returns its result.
fn changed<T>(path: &Path, fields: &[Fields], changes: &[Change], look: impl Fn() -> T) -> T {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let places: Vec<u64> = fields.iter().flat_map(|&(start, end)| start..end).collect();
    let mut before = Vec::new();
    for change in changes {
        let place = *change.place.get(&places);
        let mut was = vec![0; change.bytes.len()];
        file.read_exact_at(&mut was, place).unwrap();
        file.write_all_at(&change.bytes, place).unwrap();
        before.push((place, was));
    }
    let seen = look();
    for (place, was) in before.into_iter().rev() {
        file.write_all_at(&was, place).unwrap();
    }
    seen
}

/// Format and virtual size; none if the image is refused.
type View = Option<(String, u64)>;

fn ours(inspection: &Inspection) -> View {
    let qemu = &inspection.qemu;
    qemu.refusal.is_none().then(|| (qemu.format.to_owned(), qemu.virtual_size.unwrap_or_default()))
}

fn qemu(path: &Path) -> View {
    let mut command = Command::new("qemu-img");
    command.args(["info", "-U", "--output", "json"]).arg(path);
    let output = command.output().unwrap();
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    Some((info["format"].as_str()?.to_owned(), info["virtual-size"].as_u64()?))
}

fn inspect(path: &Path) -> Inspection {
    let file = File::open(path).unwrap();
    let part = |range: Range<u64>| {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap()];
        file.read_exact_at(&mut bytes, range.start).map(|()| bytes)
    };
    Detector::seek(file.metadata().unwrap().len(), part).unwrap()
}

/// Creates the image; returns whether qemu-img is available.
fn create(path: &Path, driver: &str, options: &[&str]) -> bool {
    let mut command = Command::new("qemu-img");
    command.args(["create", "-q", "-f", driver]);
    options.iter().for_each(|options| _ = command.args(["-o", options]));
    let Ok(status) = command.arg(path).arg("5M").status() else {
        left_out("qemu-img: the images that it makes, mutated");
        return false;
    };
    assert!(status.success(), "{command:?}");
    true
}
