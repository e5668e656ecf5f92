//! The images to push.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use imgpush_scene::Scene;

use super::scene::{MIB, unique};

/// The images of a batch, of 1 to 4 MiB; each has a different size, so all are different.
pub(crate) fn batch(scene: &Scene, name: &str, count: u64) -> Vec<PathBuf> {
    let image = |number: u64| {
        let bytes = MIB * (1 + number % 4) + 513 * number;
        scene.file(&unique(scene, &format!("{name}-{number}.raw")), bytes)
    };
    (0..count).map(image).collect()
}

/// An image whose content only has to differ from all others.
pub(crate) fn sparse(place: &Path, bytes: u64) {
    let mut file = File::create(place).unwrap();
    writeln!(file, "{}", place.display()).unwrap();
    file.set_len(bytes).unwrap();
}
