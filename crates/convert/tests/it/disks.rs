//! Random disks in every format, written by qemu-io. A disk depends only on its number.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::qemu;

/// A linear congruential generator with its high bits: enough to choose options.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491);
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// A disk image, and how it was made.
pub(crate) struct Disk {
    pub(crate) format: &'static str,
    pub(crate) image: PathBuf,
    pub(crate) history: String,
}

/// qemu's names of the formats.
pub(crate) const FORMATS: [&str; 8] =
    ["qcow2", "qcow2", "vmdk", "vhdx", "vpc", "vdi", "qed", "parallels"];

/// Creates the disk of this number, or none if qemu-img refuses the options.
pub(crate) fn create(number: u64, folder: &Path) -> Option<Disk> {
    let mut random = Random::new(number);
    let format = if random.chance(8) { "qcow" } else { random.pick(&FORMATS) };
    create_as(format, number, folder)
}

/// Creates a disk of a format.
pub(crate) fn create_as(format: &'static str, number: u64, folder: &Path) -> Option<Disk> {
    let mut random = Random::new(number ^ 0x5555_0000);
    let image = folder.join(format!("{number}.{format}"));
    let data = folder.join("data");
    if !data.exists() {
        std::fs::write(&data, text()).unwrap();
    }
    let Options { options, cluster, is_compressible, is_once } = options(format, &mut random);
    let size = size(&mut random);
    let mut history = format!("{format} {options} {size}");
    let is_copy = is_once || random.chance(25);
    let first = if is_copy { folder.join(format!("{number}.raw")) } else { image.clone() };
    let is_created = if is_copy {
        qemu::run("qemu-img", &["create", "-f", "raw", first.to_str()?, &size.to_string()])
    } else {
        let mut arguments = vec!["create", "-f", format];
        let size = size.to_string();
        if !options.is_empty() {
            arguments.extend(["-o", &options]);
        }
        arguments.extend([first.to_str()?, &size]);
        qemu::run("qemu-img", &arguments)
    };
    if !is_created {
        return None;
    }
    let first_format = if is_copy { "raw" } else { format };
    let compressed = (!is_copy && is_compressible).then_some(cluster);
    write(&mut random, first_format, &first, size, compressed, &data, &mut history);
    if is_copy {
        let mut arguments = vec!["convert", "-f", "raw", "-O", format];
        if is_compressible && random.chance(60) {
            arguments.push("-c");
        }
        if random.chance(30) && is_compressible && format == "qcow2" {
            arguments.extend(["-W", "-m", "8"]);
        }
        if !options.is_empty() {
            arguments.extend(["-o", &options]);
        }
        let _ = write!(history, "; {}", arguments.join(" "));
        arguments.extend([first.to_str()?, image.to_str()?]);
        if !qemu::run("qemu-img", &arguments) {
            return None;
        }
        std::fs::remove_file(&first).unwrap();
    }
    if !is_once && random.chance(50) {
        change(&mut random, format, &image, size, cluster, is_compressible, &data, &mut history);
    }
    Some(Disk { format, image, history })
}

struct Options {
    options: String,
    cluster: u64,
    is_compressible: bool,
    /// Whether qemu writes each cluster only once.
    is_once: bool,
}

fn options(format: &str, random: &mut Random) -> Options {
    let mut options = Vec::new();
    let mut cluster = 65_536;
    let mut is_once = false;
    match format {
        "qcow2" => {
            cluster = 1 << random.pick(&[9, 10, 12, 14, 16, 16, 16, 16, 18, 20, 21]);
            options.push(format!("cluster_size={cluster}"));
            if random.chance(30) {
                options.push("compat=0.10".to_owned());
            } else {
                if random.chance(40) {
                    options.push("compression_type=zstd".to_owned());
                }
                if cluster >= 16_384 && random.chance(40) {
                    options.push("extended_l2=on".to_owned());
                }
                if random.chance(20) {
                    options.push("lazy_refcounts=on".to_owned());
                }
                if random.chance(20) {
                    options.push(format!("refcount_bits={}", random.pick(&[1, 8, 16, 64])));
                }
            }
            if random.chance(25) {
                let kind = random.pick(&["metadata", "falloc", "full"]);
                options.push(format!("preallocation={kind}"));
            }
        }
        "vmdk" => {
            let kind = random.pick(&["monolithicSparse", "streamOptimized"]);
            is_once = kind == "streamOptimized";
            options.push(format!("subformat={kind}"));
            if random.chance(40) && !is_once {
                options.push("zeroed_grain=on".to_owned());
            }
        }
        "vhdx" => {
            options.push(format!("subformat={}", random.pick(&["dynamic", "dynamic", "fixed"])));
            if random.chance(60) {
                options.push(format!("block_size={}", 1 << random.pick(&[20, 21, 23, 24])));
            }
            if random.chance(30) {
                options.push("block_state_zero=off".to_owned());
            }
        }
        "vpc" => {
            options.push(format!("subformat={}", random.pick(&["dynamic", "dynamic", "fixed"])));
            if random.chance(50) {
                options.push("force_size=on".to_owned());
            }
        }
        "vdi" if random.chance(30) => options.push("static=on".to_owned()),
        "qed" => {
            cluster = 1 << random.pick(&[12, 13, 16, 18]);
            options.push(format!("cluster_size={cluster}"));
            options.push(format!("table_size={}", random.pick(&[2, 4, 8, 16])));
        }
        "parallels" => {
            cluster = random.pick(&[65_536, 1 << 20, 1 << 20]);
            options.push(format!("cluster_size={cluster}"));
        }
        _ => {}
    }
    let is_compressible = matches!(format, "qcow2" | "qcow") || is_once;
    if format == "qcow" {
        cluster = 4096;
    }
    Options { options: options.join(","), cluster, is_compressible, is_once }
}

fn size(random: &mut Random) -> u64 {
    match random.below(10) {
        0 => 512 * (1 + random.below(300)),
        1 => (1 << 20) + random.below(1 << 20),
        2 => (8 << 20) + random.below(8 << 20),
        3 => 64 << 20,
        4 => (40 << 20) + 512 * random.below(2048),
        _ => (1 << 20) * (1 + random.below(24)) + 512 * random.below(2048),
    }
}

/// Text that compresses to about a third.
fn text() -> Vec<u8> {
    let words = ["disk", "image", "cluster", "table", "guest", "host", "entry", "zero", "block"];
    let mut random = Random::new(7);
    let mut text = Vec::new();
    while text.len() < 3 << 20 {
        text.extend_from_slice(random.pick(&words).as_bytes());
        text.extend_from_slice(&random.next().to_le_bytes()[..random.pick(&[0, 1, 3, 4])]);
    }
    text
}

fn write(
    random: &mut Random,
    format: &str,
    image: &Path,
    size: u64,
    compressed: Option<u64>,
    data: &Path,
    history: &mut String,
) {
    let size = size / 512 * 512;
    let mut commands = Vec::new();
    for _ in 0..random.below(30) {
        let at = random.below(size / 512) * 512;
        let most = random.pick(&[1, 8, 128, 700, 3000]);
        let length = (512 * (1 + random.below(most))).min(size - at);
        if length == 0 {
            continue;
        }
        let pattern = 1 + random.below(255);
        commands.push(match random.below(10) {
            0 | 1 => format!("write -z {at} {length}"),
            2 => format!("write -z -u {at} {length}"),
            3 => format!("discard {at} {length}"),
            4..=6 => format!("write -s {} {at} {length}", data.display()),
            7 | 8 if compressed.is_some() => {
                let cluster = compressed.unwrap();
                let at = at / cluster * cluster;
                let length = cluster.min(size - at);
                format!("write -c -s {} {at} {length}", data.display())
            }
            _ => format!("write -P {pattern} {at} {length}"),
        });
    }
    if !commands.is_empty() {
        let _ = write!(history, "; {}", commands.join(", "));
        qemu::io(format, image, &commands);
    }
}

/// Snapshots, other sizes, and more writes.
#[expect(clippy::too_many_arguments, reason = "the state of one disk")]
fn change(
    random: &mut Random,
    format: &'static str,
    image: &Path,
    mut size: u64,
    cluster: u64,
    is_compressible: bool,
    data: &Path,
    history: &mut String,
) {
    let path = image.to_str().unwrap();
    if format == "qcow2" && random.chance(60) {
        history.push_str("; snapshot");
        qemu::run("qemu-img", &["snapshot", "-c", "first", path]);
    }
    if matches!(format, "qcow2" | "vdi" | "qed" | "parallels") && random.chance(40) {
        let new = if random.chance(60) { size + 512 * random.below(9000) } else { size / 2 + 512 };
        let new = new / 512 * 512;
        let shrink = if new < size { "--shrink" } else { "--preallocation=off" };
        if qemu::run("qemu-img", &["resize", "-f", format, shrink, path, &new.to_string()]) {
            let _ = write!(history, "; resize {new}");
            size = new;
        }
    }
    write(random, format, image, size, is_compressible.then_some(cluster), data, history);
    if format == "qcow2" && random.chance(20) {
        history.push_str("; snapshot -a");
        qemu::run("qemu-img", &["snapshot", "-a", "first", path]);
    }
}
