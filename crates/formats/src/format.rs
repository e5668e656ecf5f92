//! The formats, by the names that qemu and the image service use.

use std::fmt;

/// What a stream of bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Format {
    /// A disk as it is, or anything that nobody recognises.
    Raw,
    /// qcow2, versions 2 and 3.
    Qcow2,
    /// The first qcow.
    Qcow,
    /// QEMU enhanced disk.
    Qed,
    /// VMware: sparse, stream-optimized or a text descriptor.
    Vmdk,
    /// Virtual PC, with a header at the start: dynamic or differencing.
    Vhd,
    /// Hyper-V.
    Vhdx,
    /// VirtualBox.
    Vdi,
    /// ISO 9660 or UDF.
    Iso,
    /// LUKS, versions 1 and 2.
    Luks,
    /// Parallels, also called ploop.
    Parallels,
    /// Bochs.
    Bochs,
    /// Android sparse image.
    AndroidSparse,
    /// An appliance: a tar whose first member is an `.ovf`.
    Ova,
    /// Any other tar.
    Tar,
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
    /// bzip2.
    Bzip2,
    /// LZ4 frames.
    Lz4,
    /// zip.
    Zip,
    /// 7-Zip.
    SevenZip,
}

impl Format {
    /// The name, as qemu or the image service spells it where they have one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Raw => "raw",
            Format::Qcow2 => "qcow2",
            Format::Qcow => "qcow",
            Format::Qed => "qed",
            Format::Vmdk => "vmdk",
            Format::Vhd => "vhd",
            Format::Vhdx => "vhdx",
            Format::Vdi => "vdi",
            Format::Iso => "iso",
            Format::Luks => "luks",
            Format::Parallels => "parallels",
            Format::Bochs => "bochs",
            Format::AndroidSparse => "android-sparse",
            Format::Ova => "ova",
            Format::Tar => "tar",
            Format::Gzip => "gzip",
            Format::Xz => "xz",
            Format::Zstd => "zstd",
            Format::Bzip2 => "bzip2",
            Format::Lz4 => "lz4",
            Format::Zip => "zip",
            Format::SevenZip => "7z",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
