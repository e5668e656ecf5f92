//! What is pushed.

use std::io::Write as _;
use std::path::PathBuf;

use imgpush_benches::data;
use liblzma::write::XzEncoder;
use md5::Digest as _;
use tempfile::TempDir;

/// A file whose digests are known.
pub(crate) struct Image {
    pub(crate) path: PathBuf,
    /// Of what becomes of it, where it is packed.
    pub(crate) bytes: u64,
    md5: String,
    sha512: String,
}

impl Image {
    /// As `null_glance` takes it.
    fn known(&self) -> String {
        format!("{}:{}:{}", self.bytes, self.md5, self.sha512)
    }
}

pub(crate) struct Files {
    pub(crate) full: Image,
    pub(crate) sparse: Image,
    /// By xz.
    pub(crate) packed: Image,
    /// Also the home of all programs, so that none reads or leaves anything elsewhere.
    pub(crate) folder: TempDir,
}

/// Unpacked; the kind of its bytes, which cannot be packed, makes the file as large.
const PACKED_MIB: u64 = 64;

impl Files {
    pub(crate) fn make(full_mib: u64, sparse_gib: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let full = write(folder.path().join("full.raw"), full_mib, |_| {});
        let mut packed = Vec::new();
        let mut encoder = XzEncoder::new(&mut packed, 0);
        let unpacked = folder.path().join("packed.raw");
        let mut image = write(unpacked, PACKED_MIB, |block| encoder.write_all(block).unwrap());
        encoder.finish().unwrap();
        std::fs::remove_file(&image.path).unwrap();
        image.path.set_extension("raw.xz");
        std::fs::write(&image.path, packed).unwrap();
        Files {
            full,
            sparse: zeros(folder.path().join("sparse.raw"), sparse_gib),
            packed: image,
            folder,
        }
    }

    pub(crate) fn known(&self) -> [String; 3] {
        [&self.full, &self.sparse, &self.packed].map(Image::known)
    }
}

/// The digests are those of the plain crates.
fn write(path: PathBuf, mib: u64, mut see: impl FnMut(&[u8])) -> Image {
    let (mut md5, mut sha512) = (md5::Md5::new(), sha2::Sha512::new());
    data::write(&path, mib, |block| {
        md5.update(block);
        sha512.update(block);
        see(block);
    });
    Image { path, bytes: mib << 20, md5: hex(&md5.finalize()), sha512: hex(&sha512.finalize()) }
}

/// What `truncate --size 64G zeros; md5sum zeros; sha512sum zeros` says, which takes minutes.
fn zeros(path: PathBuf, gib: u64) -> Image {
    data::sparse(&path, gib);
    let (md5, sha512) = match gib {
        4 => (
            "c9a5a6878d97b48cc965c1e41859f034",
            "43b5c6f434f71daae80a502212dc8c0e9e52d8b075d589afa430092eaf2d7f960cb097cb5ec656cdeaf87d5a9e61fa8e81665b07f40665fd8b09b6aeccb7f02f",
        ),
        64 => (
            "385ada6546aba21094f60a1e920b421d",
            "ac4cfaba7bee087fcc9d0b310370643c5d9d7348c94b64a93688d25c0af085124a511e1a7348d0c5a1ca8f2297b673337cbc4a7e5169674fc960d5a1904f5f31",
        ),
        _ => panic!("nobody has hashed {gib} GiB of zeros"),
    };
    Image { path, bytes: gib << 30, md5: md5.to_owned(), sha512: sha512.to_owned() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
