//! The files to push.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use imgpush_benches::data;
use liblzma::write::XzEncoder;
use md5::Digest as _;

/// A file with known digests.
pub(crate) struct Image {
    pub(crate) path: PathBuf,
    /// Size in bytes, after decompression if it is compressed.
    pub(crate) bytes: u64,
    md5: String,
    sha512: String,
    /// Empty if no measurement needs it.
    pub(crate) sha256: String,
}

impl Image {
    /// The argument for `null_glance`.
    pub(crate) fn known(&self) -> String {
        format!("{}:{}:{}:{}", self.bytes, self.md5, self.sha512, self.path.display())
    }
}

pub(crate) struct Files {
    pub(crate) full: Image,
    pub(crate) sparse: Image,
    /// Compressed with xz.
    pub(crate) compressed: Image,
}

/// The size after decompression; the data cannot be compressed, so the file has about the same size.
const COMPRESSED_MIB: u64 = 64;

impl Files {
    pub(crate) fn make(folder: &Path, full_mib: u64, sparse_gib: u64) -> Self {
        let full = write(folder.join("full.raw"), full_mib, |_| {});
        let mut compressed = Vec::new();
        let mut encoder = XzEncoder::new(&mut compressed, 0);
        let decompressed = folder.join("compressed.raw");
        let mut image =
            write(decompressed, COMPRESSED_MIB, |block| encoder.write_all(block).unwrap());
        encoder.finish().unwrap();
        std::fs::remove_file(&image.path).unwrap();
        image.path.set_extension("raw.xz");
        std::fs::write(&image.path, compressed).unwrap();
        Files { full, sparse: zeros(folder.join("sparse.raw"), sparse_gib), compressed: image }
    }

    pub(crate) fn known(&self) -> [String; 3] {
        [&self.full, &self.sparse, &self.compressed].map(Image::known)
    }
}

/// Creates `count` files with the same bytes, each with its own name and pages in the cache.
pub(crate) fn copies(folder: &Path, name: &str, mib: u64, count: usize) -> (Vec<PathBuf>, Image) {
    let place = |number: usize| folder.join(format!("{name}-{number}.raw"));
    let first = write(place(0), mib, |_| {});
    let copied = (1..count).map(place).inspect(|to| _ = std::fs::copy(&first.path, to).unwrap());
    let all = std::iter::once(first.path.clone()).chain(copied).collect();
    (all, first)
}

/// Creates `count` small files in `max_mib` sizes; files of the same size have the same bytes.
pub(crate) fn small(folder: &Path, count: u64, max_mib: u64) -> (Vec<PathBuf>, Vec<Image>) {
    let size = |mib| write(folder.join(format!("size-{mib}")), mib, |_| {});
    let sizes: Vec<Image> = (1..=max_mib).map(size).collect();
    let link = |(number, of): (u64, &Image)| {
        let place = folder.join(format!("small-{number}.raw"));
        std::fs::hard_link(&of.path, &place).unwrap();
        place
    };
    ((0..count).zip(sizes.iter().cycle()).map(link).collect(), sizes)
}

/// Writes an image; its digests are computed by the plain crates.
fn write(path: PathBuf, mib: u64, mut see: impl FnMut(&[u8])) -> Image {
    let (mut md5, mut sha512) = (md5::Md5::new(), sha2::Sha512::new());
    let mut sha256 = sha2::Sha256::new();
    data::write(&path, mib, |block| {
        md5.update(block);
        sha512.update(block);
        sha256.update(block);
        see(block);
    });
    Image {
        path,
        bytes: mib << 20,
        md5: hex(&md5.finalize()),
        sha512: hex(&sha512.finalize()),
        sha256: hex(&sha256.finalize()),
    }
}

/// The output of `truncate --size 64G zeros; md5sum zeros; sha512sum zeros`, which takes minutes.
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
        _ => panic!("the digests of {gib} GiB of zeros are unknown"),
    };
    let (md5, sha512) = (md5.to_owned(), sha512.to_owned());
    Image { path, bytes: gib << 30, md5, sha512, sha256: String::new() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
