//! The verdict on a stream, independent of how it is split, compared with qemu.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use imgpush_formats::{
    Detector, FindingId, Format, HEAD_BYTES, ImageFormatSettings, Inspection, ServerVerdict,
    Severity, TAIL_BYTES,
};
use imgpush_test_support::left_out;
use proptest::prelude::*;

fn inspect(bytes: &[u8]) -> Inspection {
    let mut detector = Detector::new();
    detector.push(bytes);
    detector.so_far(Some(bytes.len() as u64))
}

#[test]
fn an_empty_stream_and_plain_bytes_are_raw() {
    let empty = inspect(b"");
    assert_eq!((empty.format, empty.virtual_size), (Format::Raw, Some(0)));
    let plain = inspect(&[7; 5000]);
    // A machine sees complete sectors.
    assert_eq!((plain.format, plain.virtual_size), (Format::Raw, Some(5120)));
    assert_eq!((plain.driver, plain.stream_bytes), ("raw", Some(5000)));
    assert!(plain.findings.is_empty());
}

#[test]
fn no_magic_is_taken_for_a_raw_disk() {
    let mut ova = vec![0; 1024];
    ova[..8].copy_from_slice(b"disk.ovf");
    ova[257..262].copy_from_slice(b"ustar");
    let mut iso = vec![0; 40_000];
    iso[32_769..32_774].copy_from_slice(b"CD001");
    let mut vdi = vec![0; 512];
    vdi[0x40..0x44].copy_from_slice(&0xbeda_107f_u32.to_le_bytes());
    let descriptor = b"# Disk DescriptorFile\nversion=1\nCID=1\nRW 20 FLAT \"/etc/passwd\" 0\n";
    for (bytes, format) in [
        (b"\x1f\x8b\x08\0".to_vec(), Format::Gzip),
        (b"\xfd7zXZ\0".to_vec(), Format::Xz),
        (b"\x28\xb5\x2f\xfd".to_vec(), Format::Zstd),
        (b"BZh91AY".to_vec(), Format::Bzip2),
        (b"PK\x03\x04".to_vec(), Format::Zip),
        (b"7z\xbc\xaf\x27\x1c".to_vec(), Format::SevenZip),
        (b"LZIP\x01".to_vec(), Format::Lzip),
        (b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(), Format::Lzma),
        (b"\x89LZO\0\r\n\x1a\n".to_vec(), Format::Lzop),
        (b"\x1f\x9d\x90".to_vec(), Format::CompressZ),
        (b"Rar!\x1a\x07\0".to_vec(), Format::Rar),
        (b"MSCF\0\0\0\0".to_vec(), Format::Cab),
        (b"xar!".to_vec(), Format::Xar),
        (b"QED\0".to_vec(), Format::Qed),
        // qemu reads zeros after the end of the file.
        (b"QED".to_vec(), Format::Qed),
        (b"QFI\xfb\0\0\0\x01".to_vec(), Format::Qcow),
        (b"QFI\xfb\0\0\0\x03".to_vec(), Format::Qcow2),
        (b"KDMV\x01\0\0\0".to_vec(), Format::Vmdk),
        (descriptor.to_vec(), Format::Vmdk),
        (b"conectix".to_vec(), Format::Vhd),
        (b"vhdxfile".to_vec(), Format::Vhdx),
        (b"LUKS\xba\xbe\0\x01".to_vec(), Format::Luks),
        (ova, Format::Ova),
        (iso, Format::Iso),
        (vdi, Format::Vdi),
    ] {
        assert_eq!(inspect(&bytes).format, format);
    }
}

#[test]
fn combined_formats_are_fatal_except_a_hybrid_cd() {
    let mut disk = vec![0; 40_000];
    disk[510..512].copy_from_slice(b"\x55\xaa");
    let partitioned = inspect(&disk);
    assert_eq!(partitioned.format, Format::Raw);
    assert!(!partitioned.is_refused());

    disk[32_769..32_774].copy_from_slice(b"CD001");
    let hybrid = inspect(&disk);
    assert_eq!((hybrid.format, hybrid.is_refused()), (Format::Iso, false));
    assert_eq!((hybrid.stream_bytes, hybrid.virtual_size), (Some(40_000), Some(40_448)));

    disk[..8].copy_from_slice(b"vhdxfile");
    let polyglot = inspect(&disk);
    assert!(polyglot.findings.iter().any(|finding| finding.id == FindingId::Polyglot));

    disk[0x40..0x44].copy_from_slice(&0xbeda_107f_u32.to_le_bytes());
    let ambiguous = inspect(&disk);
    assert!(ambiguous.findings.iter().any(|finding| finding.id == FindingId::Ambiguous));
    assert_eq!(ambiguous.matches.len(), 4);
    assert_eq!(ambiguous.matches[0].evidence.bytes, b"vhdxfile");
}

#[test]
fn nothing_after_the_head_is_kept_or_counts() {
    let mut detector = Detector::new();
    detector.push(&vec![0; HEAD_BYTES]);
    assert!(detector.is_decided());
    detector.push(&vec![0xff; 10 * HEAD_BYTES]);
    assert_eq!(detector.so_far(None).virtual_size, None);
    assert_eq!(detector.so_far(Some(1 << 40)).virtual_size, Some(1 << 40));
}

fn start(bytes: &[u8]) -> Detector {
    let mut detector = Detector::new();
    detector.push(bytes);
    detector
}

fn not_checked(inspection: &Inspection) -> Option<Severity> {
    let finding = inspection.findings.iter().find(|f| f.id == FindingId::NotChecked);
    finding.map(|finding| finding.severity)
}

#[test]
fn the_start_of_a_larger_file_is_never_raw_and_safe() {
    let settings = ImageFormatSettings::default();
    for bytes in [0, 1, 511, 512, 40_000, HEAD_BYTES - 1] {
        let head = start(&vec![0; bytes]);
        let mut with_tail = start(&vec![0; bytes]);
        with_tail.tail(&[0; TAIL_BYTES], 10 << 30);
        for inspection in [
            head.so_far(Some(10 << 30)),
            head.so_far(None),
            with_tail.so_far(None),
            with_tail.finish(),
        ] {
            assert_eq!((inspection.format, inspection.virtual_size), (Format::Unknown, None));
            assert!(!inspection.is_complete);
            assert_eq!(not_checked(&inspection), Some(Severity::Warning), "{inspection:?}");
            let verdict = inspection.glance("raw", "bare", &settings);
            assert!(matches!(verdict, ServerVerdict::Unknown { .. }), "{verdict:?}");
        }
        // A file that ends after these bytes.
        let inspection = head.finish();
        assert_eq!((inspection.format, inspection.is_complete), (Format::Raw, true), "{bytes}");
        let ids: Vec<_> = inspection.findings.iter().map(|finding| finding.id).collect();
        let is_short = (1..512).contains(&bytes);
        assert_eq!(ids, if is_short { vec![FindingId::NotADisk] } else { Vec::new() }, "{bytes}");
    }
}

#[test]
fn without_the_end_an_inspection_is_incomplete() {
    let head = start(&vec![0; HEAD_BYTES]);
    for inspection in [head.so_far(Some(10 << 30)), head.so_far(None)] {
        assert_eq!((inspection.format, inspection.is_complete), (Format::Raw, false));
        assert_eq!(not_checked(&inspection), Some(Severity::Info));
    }
    let mut with_tail = head.clone();
    with_tail.tail(&[0; TAIL_BYTES], 10 << 30);
    let inspection = with_tail.so_far(None);
    assert_eq!((inspection.format, inspection.is_complete), (Format::Raw, true));
    assert_eq!((inspection.virtual_size, not_checked(&inspection)), (Some(10 << 30), None));
    // Less than the footers of all formats need.
    let mut with_sector = head.clone();
    with_sector.tail(&[0; 512], 10 << 30);
    assert!(!with_sector.so_far(None).is_complete);
}

/// A header of version 2 without its last field, which is zero: qemu-img opens it.
#[test]
fn a_header_that_lacks_only_zeros_is_valid_as_in_qemu() {
    let mut image = b"QFI\xfb\0\0\0\x02".to_vec();
    image.resize(65, 0);
    image[23] = 16;
    image[29] = 0x10;
    image[39] = 1;
    image[45] = 3;
    image[53] = 1;
    image[59] = 1;
    let inspection = inspect(&image);
    assert_eq!(inspection.qemu.refusal, None, "{inspection:?}");
    assert_eq!((inspection.format, inspection.virtual_size), (Format::Qcow2, Some(1 << 20)));
    assert!(inspection.findings.iter().all(|finding| finding.id == FindingId::Truncated));
    // One more lost field, the number of clusters of the reference counts, is not zero.
    assert!(inspect(&image[..59]).findings.iter().any(|it| it.text.contains("truncated")));
}

#[test]
fn an_unseen_part_of_a_header_is_not_reported_as_damaged() {
    let mut gpt = vec![0; 1023];
    gpt[512..520].copy_from_slice(b"EFI PART");
    let mut footer_at_end = b"KDMV\x01\0\0\0".to_vec();
    footer_at_end.resize(28, 0);
    footer_at_end.extend([1, 0, 0, 0, 0, 0, 0, 0, 20]);
    footer_at_end.resize(512, 1);
    let text = b"# Disk DescriptorFile\nversion=1\n".to_vec();
    for bytes in MAGICS.iter().map(|magic| magic.to_vec()).chain([gpt, footer_at_end, text]) {
        for length in 8..=bytes.len() {
            let prefix = start(&bytes[..length]).so_far(Some(10 << 30));
            let is_damage = |text: &str| {
                ["truncated", "after the end", "checksum", "CID", "createType"]
                    .iter()
                    .any(|words| text.contains(words))
            };
            let damage = prefix.findings.iter().find(|finding| is_damage(&finding.text));
            assert_eq!(damage, None, "{length} bytes of {bytes:?}");
            assert!(!prefix.is_complete);
        }
    }
    let cut = start(b"QFI\xfb\0\0\0\x03").finish();
    assert!(cut.findings.iter().any(|finding| finding.text.contains("truncated")), "{cut:?}");
}

#[test]
fn a_part_requested_too_late_makes_an_inspection_incomplete() {
    // A dynamic VHD whose table is between the head and the position at which the header is known.
    let mut vhd = b"conectix".to_vec();
    vhd.resize(HEAD_BYTES * 2, 0);
    vhd[16..24].copy_from_slice(&512u64.to_be_bytes());
    vhd[512..520].copy_from_slice(b"cxsparse");
    vhd[528..536].copy_from_slice(&1536u64.to_be_bytes());
    vhd[540..544].copy_from_slice(&5u32.to_be_bytes());
    assert!(start(&vhd).finish().is_complete);
    vhd[540..544].copy_from_slice(&50_000u32.to_be_bytes());
    assert!(!start(&vhd).so_far(Some(10 << 30)).is_complete);
}

proptest! {
    /// Any bytes, split in any way: the same verdict, and no panic.
    #[test]
    fn the_verdict_does_not_depend_on_the_splitting(
        magic in prop::sample::select(vec![
            &b"QFI\xfb\0\0\0\x03"[..], b"QFI\xfb\0\0\0\x02", b"QFI\xfb", b"KDMV", b"conectix", b"",
        ]),
        noise in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..600),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let bytes = [magic, &noise].concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let mut detector = Detector::new();
        for pair in at.windows(2) {
            detector.push(&bytes[pair[0]..pair[1]]);
        }
        prop_assert_eq!(detector.so_far(Some(bytes.len() as u64)), inspect(&bytes));
    }
}

/// The magic of each format with header fields.
const MAGICS: [&[u8]; 14] = [
    b"QFI\xfb\0\0\0\x03",
    b"QFI\xfb\0\0\0\x01",
    b"QED\0",
    b"KDMV\x01\0\0\0",
    b"COWD",
    b"conectix",
    b"vhdxfile",
    b"LUKS\xba\xbe\0\x01",
    b"LUKS\xba\xbe\0\x02",
    b"WithouFreSpacExt\x02\0\0\0",
    b"Bochs Virtual HD Image\0\0\0\0\0\0\0\0\0\0Redolog",
    b"# Disk DescriptorFile\nversion=1\nRW ",
    b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n",
    b"",
];

#[test]
fn no_header_value_causes_a_panic_or_a_dependence_on_the_splitting() {
    for magic in MAGICS {
        for offset in (0..600).step_by(4) {
            for value in
                [&[0u8; 8][..], &[0xff; 8], b"\x7f\xff\xff\xff\xff\xff\xff\xff", b"\0\0\0\x01"]
            {
                // All other bytes are ones, so that few rules stop it early.
                for filler in [0u8, 1] {
                    let mut bytes = vec![filler; 1100];
                    bytes[..magic.len()].copy_from_slice(magic);
                    let at = offset.max(magic.len());
                    bytes[at..at + value.len()].copy_from_slice(value);
                    let mut pieces = Detector::new();
                    bytes.chunks(7).for_each(|piece| pieces.push(piece));
                    let complete = inspect(&bytes);
                    assert_eq!(pieces.finish(), complete);
                    assert_eq!(complete.min_disk().is_some(), complete.virtual_size.is_some());
                }
            }
        }
    }
}

#[test]
fn a_wrong_end_from_the_caller_causes_no_panic() {
    let mut footer_at_end = b"KDMV\x01\0\0\0".to_vec();
    footer_at_end.resize(28, 0);
    footer_at_end.extend([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    footer_at_end.resize(56, 0);
    footer_at_end.extend([0xff; 8]);
    footer_at_end.resize(512, 0);
    footer_at_end.extend(b"createType=\"streamOptimized\"\nRW 1 SPARSE \"d\"\n");
    footer_at_end.resize(5000, 0);
    for magic in MAGICS.iter().copied().chain([&footer_at_end[..]]) {
        for tail_bytes in [0, 1, 512, 1000, 1536, 5000] {
            for length in [0, 1, 511, 1000, 5000, u64::MAX - 1, u64::MAX] {
                let mut detector = Detector::new();
                let mut tail = b"conectix koly".repeat(400);
                tail.truncate(tail_bytes);
                detector.tail(&tail, length);
                detector.push(magic);
                detector.push(&[1; 2000]);
                let _ = (detector.so_far(None), detector.so_far(Some(length)));
                let mut detector = Detector::new();
                detector.push(magic);
                detector.push(&[1; 2000]);
                let _ = detector.so_far(Some(length));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// As above, with fields anywhere in the first 350 KiB, which contain regions.
    #[test]
    fn regions_do_not_depend_on_the_splitting(
        magic in prop::sample::select(MAGICS.to_vec()),
        fields in proptest::collection::vec(
            (prop_oneof![0usize..2048, 65_500usize..65_600, 196_600usize..196_700, 0usize..350_000],
             prop_oneof![any::<u64>(), 0u64..400_000, Just(u64::MAX)]),
            0..30,
        ),
        piece_bytes in prop_oneof![1usize..600, 60_000usize..70_000, 1usize..400_000],
        end_known in any::<bool>(),
    ) {
        let mut bytes = vec![0; 360_000];
        for (at, value) in fields {
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        bytes[..magic.len()].copy_from_slice(magic);
        let mut detector = Detector::new();
        if end_known {
            detector.tail(&bytes[350_000..], bytes.len() as u64);
        }
        bytes.chunks(piece_bytes).for_each(|piece| detector.push(piece));
        prop_assert_eq!(detector.finish(), inspect(&bytes));
    }
}

/// Runs qemu-img; `None` and a report if it is not installed.
fn qemu_img(arguments: &[&str], folder: &Path) -> Option<String> {
    let Ok(output) = Command::new("qemu-img").args(arguments).current_dir(folder).output() else {
        left_out("qemu-img: what it says of the images that it makes");
        return None;
    };
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn formats_and_sizes_match_qemu() {
    let folder = tempfile::tempdir().unwrap();
    for (format, options, size, expected) in [
        ("qcow2", "compat=0.10", "1G", Format::Qcow2),
        ("qcow2", "compat=1.1", "1048577", Format::Qcow2),
        ("qcow2", "cluster_size=2M,lazy_refcounts=on", "10G", Format::Qcow2),
        ("qcow2", "cluster_size=512", "64M", Format::Qcow2),
        ("qcow2", "compression_type=zstd", "1T", Format::Qcow2),
        ("raw", "preallocation=off", "1M", Format::Raw),
        ("qcow", "encryption=off", "64M", Format::Qcow),
        ("qed", "cluster_size=65536", "64M", Format::Qed),
        ("vdi", "static=off", "64M", Format::Vdi),
        ("vmdk", "subformat=monolithicSparse", "64M", Format::Vmdk),
        ("vmdk", "subformat=streamOptimized", "64M", Format::Vmdk),
        ("vpc", "subformat=dynamic", "64M", Format::Vhd),
        ("vpc", "subformat=dynamic,force_size=on", "64M", Format::Vhd),
        ("parallels", "cluster_size=1M", "64M", Format::Parallels),
    ] {
        let create = ["create", "-q", "-f", format, "-o", options, "image", size];
        if qemu_img(&create, folder.path()).is_none() {
            return;
        }
        let info =
            qemu_img(&["info", "-f", format, "--output=json", "image"], folder.path()).unwrap();
        let info: serde_json::Value = serde_json::from_str(&info).unwrap();
        let size = info["virtual-size"].as_u64().unwrap();
        let inspection = inspect(&std::fs::read(folder.path().join("image")).unwrap());
        assert_eq!(inspection.format, expected, "{format} {options}");
        assert_eq!(inspection.virtual_size, Some(size), "{format} {options}");
        assert_eq!(inspection.qemu.virtual_size, Some(size), "{format} {options}");
        let refused = matches!(expected, Format::Qcow | Format::Qed);
        assert_eq!(
            inspection.is_refused(),
            refused,
            "{format} {options}: {:?}",
            inspection.findings
        );
        std::fs::remove_file(folder.path().join("image")).unwrap();
    }
}

#[test]
fn images_that_qemu_ties_to_other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let base = ["create", "-q", "-f", "raw", "base.raw", "1M"];
    if qemu_img(&base, folder.path()).is_none() {
        return;
    }
    let cases: [(&[&str], FindingId, &str); 3] = [
        (
            &["create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", "i"],
            FindingId::BackingFile,
            "base.raw",
        ),
        (
            &["create", "-q", "-f", "qcow2", "-o", "data_file=d.raw", "i", "1M"],
            FindingId::DataFile,
            "d.raw",
        ),
        (
            &["create", "-q", "-f", "qcow2", "-o", "extended_l2=on", "i", "1M"],
            FindingId::ServiceUnsupported,
            "extended L2",
        ),
    ];
    for (create, id, word) in cases {
        qemu_img(create, folder.path());
        let inspection = inspect(&std::fs::read(folder.path().join("i")).unwrap());
        let finding = inspection.findings.iter().find(|finding| finding.id == id);
        let finding =
            finding.unwrap_or_else(|| panic!("{id} is not among {:?}", inspection.findings));
        assert!(finding.text.contains(word), "{}", finding.text);
        assert!(inspection.is_refused());
    }
}
