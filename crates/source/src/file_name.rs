//! What images are called that are made of files.

use std::path::Path;

/// The last word of a path.
pub(crate) fn file_name(path: &str) -> Option<String> {
    Some(Path::new(path).file_name()?.to_str()?.to_owned())
}

/// The name without an ending that only says what kind of file it is.
pub(crate) fn image_name(file: &str) -> String {
    without(file, &KINDS).to_owned()
}

/// The name that a file has when it is unpacked.
pub(crate) fn unpacked_name(file: &str) -> &str {
    without(file, &PACKINGS)
}

fn without<'a>(file: &'a str, endings: &[&str]) -> &'a str {
    match file.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && endings.contains(&ending) => stem,
        _ => file,
    }
}

const KINDS: [&str; 11] =
    ["img", "raw", "qcow2", "qcow", "vmdk", "vhd", "vhdx", "vdi", "iso", "bin", "ova"];
const PACKINGS: [&str; 7] = ["gz", "gzip", "xz", "zst", "zstd", "bz2", "bzip2"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_called_like_its_file_without_its_kind() {
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
    fn what_is_unpacked_is_not_called_by_its_packing() {
        for (packed, name) in [
            ("noble.qcow2.xz", "noble"),
            ("noble.raw.zst", "noble"),
            ("disk.gz", "disk"),
            ("ubuntu-24.04", "ubuntu-24.04"),
            (".xz", ".xz"),
        ] {
            assert_eq!(image_name(unpacked_name(packed)), name);
        }
    }
}
