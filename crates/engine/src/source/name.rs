//! What images are called that are made of files.

use std::path::Path;

/// The file name without an ending that only says what kind of file it is.
pub(super) fn image_name(path: &str) -> Option<String> {
    let file = Path::new(path).file_name()?.to_str()?;
    Some(without(file, &KINDS).to_owned())
}

/// The same of a file that was unpacked.
pub(super) fn unpacked(image_name: &str) -> String {
    without(without(image_name, &PACKINGS), &KINDS).to_owned()
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
            assert_eq!(image_name(path).as_deref(), Some(name));
        }
        assert_eq!(image_name(".."), None);
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
            assert_eq!(unpacked(&image_name(packed).unwrap()), name);
        }
    }
}
