//! File systems, kernels and ramdisks without a disk around them: the content of `ami`, `aki` and `ari`.

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::le16;

/// Offset and magic of each. File systems with a magic after the head (btrfs, ZFS, reiserfs) are omitted.
const MAGICS: [(usize, &[u8], &str); 20] = [
    (3, b"NTFS    ", "NTFS"),
    (3, b"EXFAT   ", "exFAT"),
    (3, b"-FVE-FS-", "BitLocker"),
    (54, b"FAT", "FAT"),
    (82, b"FAT32", "FAT"),
    (1080, b"\x53\xef", "ext"),
    (0, b"XFSB", "XFS"),
    (0, b"hsqs", "squashfs"),
    (0, b"\x45\x3d\xcd\x28", "cramfs"),
    (1024, b"\xe2\xe1\xf5\xe0", "EROFS"),
    (1024, b"\x10\x20\xf5\xf2", "F2FS"),
    (1024, b"H+\0\x04", "HFS+"),
    (1024, b"HX\0\x05", "HFSX"),
    (32, b"NXSB", "APFS"),
    (32_768, b"JFS1", "JFS"),
    (512, b"LABELONE", "LVM2"),
    (4086, b"SWAPSPACE2", "swap"),
    (4086, b"SWAP-SPACE", "swap"),
    (8244, b"\x19\x01\x54\x19", "UFS"),
    (9564, b"\x19\x01\x54\x19", "UFS"),
];

/// Offset and length of the label.
const LABELS: [(&str, usize, usize); 6] = [
    ("FAT", 43, 11),
    ("ext", 1144, 16),
    ("XFS", 108, 12),
    ("EROFS", 1088, 16),
    ("swap", 1052, 16),
    ("LVM2", 544, 32),
];

/// Offset of the identifier.
const UUIDS: [(&str, usize); 4] = [("ext", 1128), ("XFS", 32), ("EROFS", 1072), ("swap", 1036)];

/// A file system, swap space or volume.
pub(crate) struct FileSystem;

impl Inspector for FileSystem {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let is_there = |&&(at, magic, _): &&(usize, &[u8], &str)| {
            stream.head.get(at..).is_some_and(|head| head.starts_with(magic))
        };
        let (at, magic, name) = MAGICS.iter().find(is_there)?;
        let text = format!("it is a {name} file system without a partition table");
        let finding = Finding::info(FindingId::NoPartition, *at as u64, text);
        let mut seen = Seen::unprobed(*at as u64, magic.len()).of(*name).with(finding);
        seen.details.text("file system", *name);
        // The boot sector of FAT32 has more fields before its label.
        let moved = if *magic == *b"FAT32" { 28 } else { 0 };
        if let Some((_, at, length)) = LABELS.iter().find(|(of, ..)| of == name) {
            let label = stream.head.get(at + moved..at + moved + length);
            seen.details.field("label", label.unwrap_or_default());
        }
        if let Some((_, at)) = UUIDS.iter().find(|(of, _)| of == name) {
            seen.details.uuid("file system uuid", stream.head.get(*at..));
        }
        Some(seen)
    }
}

/// bzImage (`Documentation/arch/x86/boot.rst` of Linux), the image of ARM (`arch/arm64/booting.rst`), or ELF.
pub(crate) struct Kernel;

impl Inspector for Kernel {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        for (at, magic, name, text) in [
            (
                0,
                b"\x7fELF",
                "ELF",
                "it is an ELF file, such as a kernel; its container_format is aki",
            ),
            (56, b"ARM\x64", "Image", "it is a Linux kernel; its container_format is aki"),
        ] {
            if stream.head.get(at..).is_some_and(|head| head.starts_with(magic)) {
                let finding = Finding::info(FindingId::NoPartition, at as u64, text);
                return Some(Seen::unprobed(at as u64, magic.len()).of(name).with(finding));
            }
        }
        stream.head.get(0x202..)?.starts_with(b"HdrS").then(|| {
            let text = "it is a Linux kernel; its container_format is aki";
            let finding = Finding::info(FindingId::NoPartition, 0x202, text);
            let mut seen = Seen::unprobed(0x202, 4).of("bzImage").with(finding);
            let version = le16(stream.head, 0x20e).map(|at| usize::from(at) + 0x200);
            let version = version.and_then(|at| stream.head.get(at..));
            seen.details.field("kernel", version.unwrap_or_default());
            seen
        })
    }
}

/// cpio with the headers that Linux supports (`Documentation/driver-api/early-userspace`).
pub(crate) struct Initrd;

impl Inspector for Initrd {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let is_there = |magic: &&[u8]| stream.head.starts_with(magic);
        [&b"070701"[..], b"070702"].iter().any(is_there).then(|| {
            let text = "it is a ramdisk; its container_format is ari";
            let finding = Finding::info(FindingId::NoPartition, 0, text);
            Seen::unprobed(0, 6).of("cpio").with(finding)
        })
    }
}
