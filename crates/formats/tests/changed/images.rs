//! The images to change: created by qemu-img, and real ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::mutation::Image;

/// Formats and options of the images that qemu-img creates.
const MADE: &[(&str, &str)] = &[
    ("raw", ""),
    ("qcow", ""),
    ("qcow2", "compat=0.10"),
    ("qcow2", "compat=0.10,cluster_size=512"),
    ("qcow2", "compat=1.1"),
    ("qcow2", "compat=1.1,cluster_size=4k,preallocation=metadata"),
    ("qcow2", "compat=1.1,cluster_size=2M,lazy_refcounts=on"),
    ("qcow2", "extended_l2=on,compression_type=zstd"),
    ("qcow2", "refcount_bits=1"),
    ("qcow2", "refcount_bits=64"),
    ("vmdk", "subformat=monolithicSparse"),
    ("vmdk", "subformat=monolithicSparse,zeroed_grain=on,compat6"),
    ("vmdk", "subformat=streamOptimized"),
    ("vmdk", "subformat=monolithicFlat"),
    ("vmdk", "subformat=twoGbMaxExtentSparse"),
    ("vpc", "subformat=dynamic"),
    ("vpc", "subformat=fixed"),
    ("vpc", "subformat=dynamic,force_size=on"),
    ("vhdx", "subformat=dynamic"),
    ("vhdx", "subformat=fixed"),
    ("vdi", ""),
    ("vdi", "static=on"),
    ("qed", ""),
    ("qed", "cluster_size=4096,table_size=1"),
    ("parallels", ""),
    ("luks", "key-secret=key,iter-time=10"),
    (
        "luks",
        "key-secret=key,iter-time=10,cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256",
    ),
];

/// Larger images of the corpus are skipped, since each one is copied.
const MAX_BYTES: u64 = 300 << 20;

/// Images created by qemu-img; none if it is missing.
pub(crate) fn made(folder: &Path) -> Vec<Image> {
    let mut images = Vec::new();
    for (number, (format, options)) in MADE.iter().enumerate() {
        let path = folder.join(format!("made-{number}"));
        let mut command = Command::new("qemu-img");
        command.args(["create", "-q", "--object", "secret,id=key,data=password", "-f", format]);
        if !options.is_empty() {
            command.args(["-o", options]);
        }
        let Ok(output) = command.arg(&path).arg("3M").output() else { return Vec::new() };
        assert!(output.status.success(), "{command:?}: {output:?}");
        images.push(Image::new(format!("{format} {options}"), &path));
    }
    images
}

/// Copies of the images in `IMGPUSH_CORPUS`, which `cargo xtask` sets; none without it.
pub(crate) fn corpus(folder: &Path) -> Vec<Image> {
    let mut images = Vec::new();
    let corpus = std::env::var_os("IMGPUSH_CORPUS").unwrap_or_default();
    for file in std::env::split_paths(&corpus).flat_map(|folder| files(&folder)) {
        let length = file.metadata().unwrap().len();
        if length == 0 || length > MAX_BYTES || file.extension().is_some_and(|end| end == "tsv") {
            continue;
        }
        let copy = folder.join(format!("corpus-{}", images.len()));
        // The copy stays sparse.
        let copied = Command::new("cp").arg("--sparse=always").arg(&file).arg(&copy).status();
        assert!(copied.unwrap().success());
        images.push(Image::new(file.display().to_string(), &copy));
    }
    images
}

/// All files of a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let of = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.into_iter().flat_map(of).collect()
}
