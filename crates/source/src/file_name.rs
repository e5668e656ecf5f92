//! Names of images, derived from file names.

use std::path::Path;

/// The last component of a path.
pub(crate) fn file_name(path: &str) -> Option<String> {
    Some(Path::new(path).file_name()?.to_str()?.to_owned())
}

/// The name without an extension of a disk format.
pub(crate) fn image_name(file: &str) -> String {
    without(file, &DISK_EXTENSIONS).to_owned()
}

/// The name without an extension of a compression format.
pub(crate) fn decompressed_name(file: &str) -> &str {
    without(file, &COMPRESSION_EXTENSIONS)
}

fn without<'a>(file: &'a str, extensions: &[&str]) -> &'a str {
    match file.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extensions.contains(&extension) => stem,
        _ => file,
    }
}

const DISK_EXTENSIONS: [&str; 11] =
    ["img", "raw", "qcow2", "qcow", "vmdk", "vhd", "vhdx", "vdi", "iso", "bin", "ova"];
const COMPRESSION_EXTENSIONS: [&str; 7] = ["gz", "gzip", "xz", "zst", "zstd", "bz2", "bzip2"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_name_is_the_file_name_without_the_disk_extension() {
        for (path, name) in [
            ("/images/noble-server.qcow2", "noble-server"),
            ("debian-12.img", "debian-12"),
            ("ubuntu-24.04", "ubuntu-24.04"),
            (".img", ".img"),
            ("a/b.tar.gz", "b.tar.gz"),
        ] {
            assert_eq!(image_name(&file_name(path).unwrap()), name);
        }
        assert_eq!(file_name(".."), None);
    }

    #[test]
    fn the_compression_extension_is_not_part_of_the_name() {
        for (compressed, name) in [
            ("noble.qcow2.xz", "noble"),
            ("noble.raw.zst", "noble"),
            ("disk.gz", "disk"),
            ("ubuntu-24.04", "ubuntu-24.04"),
            (".xz", ".xz"),
        ] {
            assert_eq!(image_name(decompressed_name(compressed)), name);
        }
    }
}
