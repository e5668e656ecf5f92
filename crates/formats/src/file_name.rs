//! Files whose name promises a format that their data does not have.

use crate::finding::{Finding, FindingId};
use crate::format::Format;
use crate::verdict::Inspection;

/// Extensions of container formats.
const CONTAINERS: [(&str, Format); 9] = [
    ("qcow2", Format::Qcow2),
    ("qcow", Format::Qcow),
    ("qed", Format::Qed),
    ("vmdk", Format::Vmdk),
    ("vhd", Format::Vhd),
    ("vhdx", Format::Vhdx),
    ("vdi", Format::Vdi),
    ("iso", Format::Iso),
    ("ova", Format::Ova),
];

/// Extensions of compressed files and archives.
const COMPRESSED: [(&str, &str); 17] = [
    ("gz", "gzip"),
    ("tgz", "gzip"),
    ("xz", "xz"),
    ("zst", "Zstandard"),
    ("bz2", "bzip2"),
    ("br", "brotli"),
    ("lz", "lzip"),
    ("lzma", "lzma"),
    ("lzo", "lzop"),
    ("lz4", "LZ4"),
    ("z", "compress"),
    ("zip", "zip"),
    ("7z", "7-Zip"),
    ("rar", "RAR"),
    ("cab", "cabinet"),
    ("xar", "xar"),
    ("tar", "tar"),
];

impl Inspection {
    /// Returns a finding if the name of the file promises a format, and the data has no known one: an
    /// incomplete download, an error page, or a compressed file that only its name shows (brotli).
    ///
    /// A format that only the end of the file shows counts once the inspection is
    /// [complete](Inspection::is_complete).
    #[must_use]
    pub fn contradicts_name(&self, file_name: &str) -> Option<Finding> {
        if !matches!(self.format, Format::Raw | Format::Unknown) {
            return None;
        }
        let name = file_name.to_ascii_lowercase();
        let (stem, extension) = name.rsplit_once('.')?;
        let text = if let Some((_, format)) = CONTAINERS.iter().find(|(of, _)| *of == extension) {
            let is_raw_extent = *format == Format::Vmdk && stem.ends_with("-flat");
            let is_bootable = *format == Format::Iso && !self.matches.is_empty();
            let may_follow = *format == Format::Vhd && !self.is_complete;
            if is_raw_extent || is_bootable || may_follow {
                return None;
            }
            format!("its name ends in .{extension}, but it is not {format}")
        } else {
            let (_, format) = COMPRESSED.iter().find(|(of, _)| *of == extension)?;
            format!(
                "its name ends in .{extension} ({format}), and its content is no known disk image"
            )
        };
        Some(Finding::fatal(FindingId::NotADisk, 0, text))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Detector, Inspection};

    fn inspect(bytes: &[u8]) -> Inspection {
        let mut detector = Detector::new();
        detector.push(bytes);
        detector.finish()
    }

    #[test]
    fn a_name_counts_if_the_data_has_no_known_format() {
        let raw = inspect(&[0xa5; 4096]);
        for name in ["a.qcow2", "A.VMDK", "a.vhdx", "a.iso", "a.vhd", "a.img.br", "a.Z", "a.gz"] {
            assert!(raw.contradicts_name(name).is_some(), "{name}");
        }
        for name in ["a.img", "a.raw", "a-flat.vmdk", "qcow2", "a", "a.br.img", "noble-24.04"] {
            assert_eq!(raw.contradicts_name(name), None, "{name}");
        }
        let mut qcow2 = vec![0; 4096];
        qcow2[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
        assert_eq!(inspect(&qcow2).contradicts_name("a.vmdk"), None);
        // A fixed VHD shows itself only at its end.
        let mut detector = Detector::new();
        detector.push(&[0; crate::HEAD_BYTES]);
        assert_eq!(detector.so_far(Some(1 << 30)).contradicts_name("a.vhd"), None);
        assert!(detector.so_far(Some(1 << 30)).contradicts_name("a.qcow2").is_some());
    }
}
