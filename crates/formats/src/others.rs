//! Formats of which only the magic, and a size at a fixed place, is looked at.

use crate::finding::{Finding, FindingId};
use crate::format::Format;
use crate::inspect::{CD_OFFSET, Seen};
use crate::on_disk::{be16, be32, be64, bytes, le32, le64};

/// Bytes of a sector, the unit of most sizes.
const SECTOR: u64 = 512;

/// qcow version 1 (`block/qcow.c`) and QED (`docs/interop/qed_spec.txt`): qemu reads both, the image
/// service neither.
pub(crate) fn qemu_family(head: &[u8]) -> Option<Seen> {
    let seen = if head.starts_with(b"QFI\xfb") && be32(head, 4) == Some(1) {
        let seen = Seen::new(Format::Qcow, 0).holding(be64(head, 24).map(|s| s / SECTOR * SECTOR));
        if be64(head, 8).is_some_and(|offset| offset != 0) {
            seen.with(Finding::fatal(FindingId::BackingFile, 8, "it names a backing file"))
        } else {
            seen
        }
    } else if head.starts_with(b"QED\0") {
        Seen::new(Format::Qed, 0).holding(le64(head, 48))
    } else {
        return None;
    };
    let text = format!("the image service does not take {}", seen.format);
    Some(seen.with(Finding::fatal(FindingId::ServiceUnsupported, 0, text)))
}

/// Sparse extents (`KDMV`), those of ESX (`COWD`), and text descriptors.
pub(crate) fn vmware(head: &[u8]) -> Option<Seen> {
    if head.starts_with(b"KDMV") {
        let capacity = le64(head, 12);
        let seen = Seen::new(Format::Vmdk, 0).holding(capacity.and_then(|c| c.checked_mul(SECTOR)));
        return Some(if capacity == Some(0) {
            seen.with(external("the sparse header holds only a descriptor"))
        } else {
            seen
        });
    }
    if head.starts_with(b"COWD") {
        let text = "the image service takes no bare COWD extent";
        return Some(Seen::new(Format::Vmdk, 0).with(Finding::fatal(
            FindingId::ServiceUnsupported,
            0,
            text,
        )));
    }
    // A descriptor is text and says so in its first lines; it names the files that hold the data.
    let text = head.get(..head.len().min(512))?;
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    let text = std::str::from_utf8(&text[..end]).ok()?;
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let is_descriptor = first.is_some_and(|line| line.to_ascii_lowercase().starts_with("version="))
        && text.to_ascii_lowercase().contains("descriptorfile");
    is_descriptor.then(|| {
        Seen::new(Format::Vmdk, 0)
            .with(external("this is only a descriptor; the data is elsewhere"))
    })
}

fn external(text: &str) -> Finding {
    Finding::fatal(FindingId::ExternalExtents, 0, text)
}

/// VHD with a copy of its footer at the start, and VHDX.
pub(crate) fn microsoft(head: &[u8]) -> Option<Seen> {
    if head.starts_with(b"vhdxfile") {
        return Some(Seen::new(Format::Vhdx, 0));
    }
    if !head.starts_with(b"conectix") {
        return None;
    }
    let seen = Seen::new(Format::Vhd, 0).holding(vhd_size(head));
    // Type 4 differs from a parent, which qemu ignores in silence.
    Some(if be32(head, 60) == Some(4) {
        seen.with(Finding::fatal(FindingId::BackingFile, 60, "it differs from a parent disk"))
    } else {
        seen
    })
}

/// By cylinders, heads and sectors when Virtual PC or qemu made it, else by the current size
/// (`block/vpc.c`).
fn vhd_size(head: &[u8]) -> Option<u64> {
    let by_geometry =
        u64::from(be16(head, 56)?) * u64::from(*head.get(58)?) * u64::from(*head.get(59)?);
    let creator: [u8; 4] = bytes(head, 28)?;
    let geometry_counts = matches!(&creator, b"vpc " | b"qemu") && by_geometry != 65_535 * 16 * 255;
    let sectors = if geometry_counts { by_geometry } else { be64(head, 48)? / SECTOR };
    sectors.checked_mul(SECTOR)
}

/// VirtualBox (`block/vdi.c`).
pub(crate) fn vdi(head: &[u8]) -> Option<Seen> {
    (le32(head, 0x40)? == 0xbeda_107f).then(|| {
        let size = le64(head, 0x170).and_then(|size| size.checked_next_multiple_of(SECTOR));
        Seen::new(Format::Vdi, 0x40).holding(size)
    })
}

/// LUKS 1 and 2.
pub(crate) fn luks(head: &[u8]) -> Option<Seen> {
    head.starts_with(b"LUKS\xba\xbe").then(|| {
        let text = "the data is encrypted";
        Seen::new(Format::Luks, 0).with(Finding::info(FindingId::Encrypted, 0, text))
    })
}

/// Parallels (`docs/interop/parallels.rst`) and Bochs.
pub(crate) fn parallels_and_bochs(head: &[u8]) -> Option<Seen> {
    if head.starts_with(b"Bochs Virtual HD Image\0") {
        return Some(Seen::new(Format::Bochs, 0));
    }
    let old = head.starts_with(b"WithoutFreeSpace");
    if !(old || head.starts_with(b"WithouFreSpacExt")) || le32(head, 16)? != 2 {
        return None;
    }
    let sectors = if old { le32(head, 36).map(u64::from) } else { le64(head, 36) };
    Some(Seen::new(Format::Parallels, 0).holding(sectors.and_then(|s| s.checked_mul(SECTOR))))
}

/// What has to be unpacked first. Nobody boots from it, and everybody takes it for a raw disk.
pub(crate) fn packed(head: &[u8]) -> Option<Seen> {
    let magics: [(&[u8], Format); 8] = [
        (b"\x1f\x8b", Format::Gzip),
        (b"\xfd7zXZ\0", Format::Xz),
        (b"\x28\xb5\x2f\xfd", Format::Zstd),
        (b"BZh", Format::Bzip2),
        (b"\x04\x22\x4d\x18", Format::Lz4),
        (b"PK\x03\x04", Format::Zip),
        (b"7z\xbc\xaf\x27\x1c", Format::SevenZip),
        (b"\x3a\xff\x26\xed", Format::AndroidSparse),
    ];
    if let Some((_, format)) = magics.iter().find(|(magic, _)| head.starts_with(magic)) {
        let text = format!("{format} has to be unpacked before a machine boots from it");
        let finding = Finding::fatal(FindingId::Compressed, 0, text);
        return Some(Seen::new(*format, 0).with(finding));
    }
    if head.get(257..262)? != b"ustar" {
        return None;
    }
    let name = head[..100].split(|&byte| byte == 0).next().unwrap_or_default();
    let is_appliance = name.to_ascii_lowercase().ends_with(b".ovf");
    let format = if is_appliance { Format::Ova } else { Format::Tar };
    let text = "an archive of files, not a disk";
    Some(Seen::new(format, 257).with(Finding::fatal(FindingId::Archive, 257, text)))
}

/// ISO 9660 and UDF, by the standard identifier of the first descriptor.
pub(crate) fn cd(head: &[u8]) -> Option<Seen> {
    let offset = usize::try_from(CD_OFFSET).ok()?;
    let identifier: [u8; 5] = bytes(head, offset)?;
    matches!(&identifier, b"CD001" | b"NSR02" | b"NSR03").then(|| Seen::new(Format::Iso, CD_OFFSET))
}
