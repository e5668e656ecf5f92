//! The formats, their names in qemu and the image service, and their inspectors.

use std::fmt;

use crate::inspect::Inspector;
use crate::{
    archive, bochs, cloop, compressed, dmg, filesystem, iso, luks, parallels, partition, qcow,
    qcow2, qed, vdi, vhd, vhdx, vmdk,
};

macro_rules! formats {
    ($($(#[$doc:meta])* $format:ident $name:literal $kind:ident $inspector:expr;)*) => {
        /// The format of a stream of bytes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Format {
            /// A disk image without a container, or anything else without a known magic.
            Raw,
            /// No magic was found, but only a part of the start was read; see
            /// [`Inspection::is_complete`](crate::Inspection::is_complete).
            Unknown,
            $($(#[$doc])* $format,)*
        }

        impl Format {
            /// The name in qemu or in the image service, if they have one.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    Format::Raw => "raw",
                    Format::Unknown => "unknown",
                    $(Format::$format => $name,)*
                }
            }

            /// The role of the format in a verdict.
            pub(crate) fn kind(self) -> Kind {
                match self {
                    Format::Raw | Format::Unknown => Kind::Content,
                    $(Format::$format => Kind::$kind,)*
                }
            }
        }

        /// Every format with a magic; a stream without any magic is raw.
        pub(crate) const INSPECTORS: &[(Format, &dyn Inspector)] =
            &[$((Format::$format, &$inspector)),*];
    };
}

formats! {
    /// qcow2, versions 2 and 3.
    Qcow2 "qcow2" Container qcow2::Qcow2;
    /// The first qcow.
    Qcow "qcow" Container qcow::Qcow;
    /// QEMU enhanced disk.
    Qed "qed" Container qed::Qed;
    /// VMware: sparse, stream-optimized, of ESX, or a text descriptor.
    Vmdk "vmdk" Container vmdk::Vmdk;
    /// Virtual PC: dynamic, differencing, or fixed, which only the end of the file shows.
    Vhd "vhd" Container vhd::Vhd;
    /// Hyper-V.
    Vhdx "vhdx" Container vhdx::Vhdx;
    /// VirtualBox.
    Vdi "vdi" Container vdi::Vdi;
    /// LUKS, versions 1 and 2.
    Luks "luks" Container luks::Luks;
    /// Parallels, also called ploop.
    Parallels "parallels" Container parallels::Parallels;
    /// Bochs.
    Bochs "bochs" Container bochs::Bochs;
    /// Compressed loop, version 2.
    Cloop "cloop" Container cloop::Cloop;
    /// Apple's UDIF, which only the end of the file shows.
    Dmg "dmg" Container dmg::Dmg;
    /// ISO 9660, or UDF that is declared in the first descriptor.
    Iso "iso" Cd iso::Iso;
    /// An appliance: a tar whose first member is an `.ovf`.
    Ova "ova" Compressed archive::Ova;
    /// Any other tar.
    Tar "tar" Compressed archive::Tar;
    /// gzip.
    Gzip "gzip" Compressed compressed::Compressed::new(b"\x1f\x8b").with_details(compressed::gzip);
    /// xz.
    Xz "xz" Compressed compressed::Compressed::new(b"\xfd7zXZ\0");
    /// Zstandard.
    Zstd "zstd" Compressed compressed::Compressed::new(b"\x28\xb5\x2f\xfd").with_details(compressed::zstd);
    /// bzip2.
    Bzip2 "bzip2" Compressed compressed::Compressed::new(b"BZh");
    /// LZ4 frames.
    Lz4 "lz4" Compressed compressed::Compressed::new(b"\x04\x22\x4d\x18");
    /// zip.
    Zip "zip" Compressed compressed::Compressed::new(b"PK\x03\x04").with_details(compressed::zip);
    /// 7-Zip.
    SevenZip "7z" Compressed compressed::Compressed::new(b"7z\xbc\xaf\x27\x1c");
    /// lzip.
    Lzip "lzip" Compressed compressed::Compressed::new(b"LZIP");
    /// The older format of lzma.
    Lzma "lzma" Compressed compressed::Lzma;
    /// lzop.
    Lzop "lzop" Compressed compressed::Compressed::new(b"\x89LZO\0\r\n\x1a\n");
    /// compress of Unix.
    CompressZ "compress" Compressed compressed::Compressed::new(b"\x1f\x9d");
    /// RAR.
    Rar "rar" Compressed compressed::Compressed::new(b"Rar!\x1a\x07").of_files();
    /// Cabinet of Windows.
    Cab "cab" Compressed compressed::Compressed::new(b"MSCF\0\0\0\0").of_files();
    /// Extensible archive of macOS.
    Xar "xar" Compressed compressed::Compressed::new(b"xar!").of_files();
    /// Android sparse image.
    AndroidSparse "android-sparse" Compressed compressed::Compressed::new(b"\x3a\xff\x26\xed");
    /// Expert Witness, used by forensic tools.
    Ewf "ewf" Compressed compressed::Compressed::new(b"EVF\x09\x0d\x0a\xff\x00");
    /// Advanced Forensic Format.
    Aff "aff" Compressed compressed::Compressed::new(b"AFF10\r\n");
    /// Apple's sparse image.
    Asif "asif" Compressed compressed::Compressed::new(b"shdw");
    /// A partition table of four entries, or any other boot sector.
    Mbr "mbr" Content partition::Mbr;
    /// A GUID partition table.
    Gpt "gpt" Content partition::Gpt;
    /// UDF without ISO 9660.
    Udf "udf" Content iso::Udf;
    /// A file system, swap space or volume without a disk around it.
    FileSystem "file-system" Content filesystem::FileSystem;
    /// A Linux kernel without a disk around it.
    Kernel "kernel" Content filesystem::Kernel;
    /// An initial ramdisk of Linux, not compressed.
    Initrd "initrd" Content filesystem::Initrd;
}

impl Format {
    /// Whether it is a format of virtual disks: qcow2, qcow, QED, VMDK, VHDX, VHD, VDI or Parallels. LUKS and the
    /// formats that only few programs read, such as Bochs, are not included.
    #[must_use]
    pub fn is_virtual_disk(self) -> bool {
        matches!(
            self,
            Format::Qcow2
                | Format::Qcow
                | Format::Qed
                | Format::Vmdk
                | Format::Vhdx
                | Format::Vhd
                | Format::Vdi
                | Format::Parallels
        )
    }
}

/// The role of a format in a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A container of a disk.
    Container,
    /// A compressed file or an archive.
    Compressed,
    /// A CD.
    Cd,
    /// The content of a raw disk.
    Content,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
