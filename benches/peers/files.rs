//! What is pushed.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use imgpush_benches::data;
use liblzma::write::XzEncoder;
use md5::Digest as _;

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
    pub(crate) fn known(&self) -> String {
        format!("{}:{}:{}", self.bytes, self.md5, self.sha512)
    }
}

pub(crate) struct Files {
    pub(crate) full: Image,
    pub(crate) sparse: Image,
    /// By xz.
    pub(crate) packed: Image,
}

/// Unpacked; the kind of its bytes, which cannot be packed, makes the file as large.
const PACKED_MIB: u64 = 64;

impl Files {
    pub(crate) fn make(folder: &Path, full_mib: u64, sparse_gib: u64) -> Self {
        let full = write(folder.join("full.raw"), full_mib, |_| {});
        let mut packed = Vec::new();
        let mut encoder = XzEncoder::new(&mut packed, 0);
        let unpacked = folder.join("packed.raw");
        let mut image = write(unpacked, PACKED_MIB, |block| encoder.write_all(block).unwrap());
        encoder.finish().unwrap();
        std::fs::remove_file(&image.path).unwrap();
        image.path.set_extension("raw.xz");
        std::fs::write(&image.path, packed).unwrap();
        Files { full, sparse: zeros(folder.join("sparse.raw"), sparse_gib), packed: image }
    }

    pub(crate) fn known(&self) -> [String; 3] {
        [&self.full, &self.sparse, &self.packed].map(Image::known)
    }
}

/// So many files of the same bytes, each with a name and pages of its own.
pub(crate) fn copies(folder: &Path, name: &str, mib: u64, count: usize) -> (Vec<PathBuf>, Image) {
    let place = |number: usize| folder.join(format!("{name}-{number}.raw"));
    let first = write(place(0), mib, |_| {});
    let copied = (1..count).map(place).inspect(|to| _ = std::fs::copy(&first.path, to).unwrap());
    let all = std::iter::once(first.path.clone()).chain(copied).collect();
    (all, first)
}

/// So many small files, of as many sizes as there are MiB, that share their bytes with others of the size.
pub(crate) fn small(folder: &Path, count: u64, most_mib: u64) -> (Vec<PathBuf>, Vec<Image>) {
    let size = |mib| write(folder.join(format!("size-{mib}")), mib, |_| {});
    let sizes: Vec<Image> = (1..=most_mib).map(size).collect();
    let link = |(number, of): (u64, &Image)| {
        let place = folder.join(format!("small-{number}.raw"));
        std::fs::hard_link(&of.path, &place).unwrap();
        place
    };
    ((0..count).zip(sizes.iter().cycle()).map(link).collect(), sizes)
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
