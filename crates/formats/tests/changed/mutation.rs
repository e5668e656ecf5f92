//! Disk images in separate files, with random changes in the parts that a detector reads.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use imgpush_formats::{Detector, Inspection};

use crate::checksums;

/// Pseudo-random numbers (SplitMix64), the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}

/// A change of an image.
#[derive(Debug)]
pub(crate) struct Mutation {
    /// Offsets and the bytes to write there.
    writes: Vec<(u64, Vec<u8>)>,
    /// Whether the checksums of headers are updated, so that a reader gets to the fields.
    is_sealed: bool,
    /// The length of the file afterwards.
    length: u64,
}

/// Values that a reader does not expect.
const MAGICS: &[&[u8]] = &[
    b"QFI\xfb\0\0\0\x02",
    b"QFI\xfb\0\0\0\x03",
    b"QFI\xfb\0\0\0\x01",
    b"QED\0",
    b"KDMV\x01\0\0\0",
    b"COWD\x01\0\0\0",
    b"# Disk DescriptorFile\nversion=1\n",
    b"conectix",
    b"cxsparse",
    b"vhdxfile",
    b"WithoutFreeSpace",
    b"WithouFreSpacExt",
    b"LUKS\xba\xbe\0\x01",
    b"LUKS\xba\xbe\0\x02",
    b"Bochs Virtual HD Image",
    b"\x7f\x10\xda\xbe",
    b"koly",
    b"\x55\xaa",
    b"EFI PART",
    b"CD001",
];

/// Maximum length of the truncated part, which is restored from memory.
const MAX_CUT_BYTES: u64 = 16 << 20;

/// An image that can be changed and restored.
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    file: File,
    length: u64,
    /// Offsets of bytes other than zero, within the parts that a detector reads.
    used: Vec<u64>,
}

impl Image {
    /// An image in a file that is not used otherwise.
    pub(crate) fn new(name: impl Into<String>, path: &Path) -> Self {
        let file = File::options().read(true).write(true).open(path).unwrap();
        let length = file.metadata().unwrap().len();
        let mut image =
            Image { name: name.into(), path: path.to_owned(), file, length, used: Vec::new() };
        let mut used = Vec::new();
        image.inspect_with(|range| {
            let bytes = image.read(range.clone());
            used.extend(
                (range.start..).zip(&bytes).filter(|(_, byte)| **byte != 0).map(|(at, _)| at),
            );
        });
        // An image that contains only zeros is changed at its start.
        image.used = if used.is_empty() { vec![0] } else { used };
        image
    }

    /// A random change.
    pub(crate) fn mutation(&self, random: &mut Random) -> Mutation {
        let writes = (0..random.below(4)).map(|_| self.write(random)).collect::<Vec<_>>();
        let least = self.length.saturating_sub(MAX_CUT_BYTES);
        let length = match random.below(if writes.is_empty() { 4 } else { 24 }) {
            0 => least + random.below(self.length - least + 1),
            1 => least + random.below(1024.min(self.length - least)),
            2 => (least + random.below(self.length - least + 1)) / 512 * 512,
            3 => self.length + random.below(2048),
            _ => self.length,
        };
        Mutation { writes, is_sealed: random.below(2) == 0, length }
    }

    fn write(&self, random: &mut Random) -> (u64, Vec<u8>) {
        let used = *random.one_of(&self.used);
        let at = match random.below(8) {
            0 => random.below(512),
            1 => self.length.saturating_sub(random.below(512)),
            2 => used + random.below(16),
            _ => used,
        };
        let at = at.min(self.length.saturating_sub(1));
        let width = *random.one_of(&[1u64, 2, 4, 8]);
        let width = width.min(self.length - at);
        let before = self.read(at..at + width);
        let bytes = match random.below(10) {
            0 => random.one_of(MAGICS).to_vec(),
            1 => vec![0; random.below(64) as usize],
            2 => before.iter().map(|byte| byte ^ 1 << random.below(8)).collect(),
            3 => before.iter().map(|byte| byte.wrapping_add(1)).collect(),
            4 => self.read(used..(used + width).min(self.length)),
            _ => {
                let bit = random.below(64);
                let values = [random.below(70), 1 << bit, (1 << bit) - 1, u64::MAX, random.next()];
                let value = *random.one_of(&values);
                let (big, little) = (value.to_be_bytes(), value.to_le_bytes());
                let width = width as usize;
                if random.below(2) == 0 {
                    big[8 - width..].to_vec()
                } else {
                    little[..width].to_vec()
                }
            }
        };
        // Most magics are at the start.
        let at = if bytes.len() > 8 && random.below(2) == 0 { 0 } else { at };
        let fits = bytes.len().min((self.length - at) as usize);
        (at, bytes[..fits].to_vec())
    }

    /// Runs `look` while the image is changed, and returns its result.
    pub(crate) fn changed<T>(&self, mutation: &Mutation, look: impl FnOnce(&Self) -> T) -> T {
        let mut before = Vec::new();
        let mut write = |at: u64, bytes: &[u8]| {
            before.push((at, self.read(at..at + bytes.len() as u64)));
            self.file.write_all_at(bytes, at).unwrap();
        };
        mutation.writes.iter().for_each(|(at, bytes)| write(*at, bytes));
        if mutation.is_sealed {
            let sums = checksums::of(self.length, |range| self.read(range));
            sums.into_iter().for_each(|(at, sum)| write(at, &sum));
        }
        let rest = self.read(mutation.length.min(self.length)..self.length);
        self.file.set_len(mutation.length).unwrap();
        let seen = look(self);
        self.file.set_len(self.length).unwrap();
        self.file.write_all_at(&rest, self.length - rest.len() as u64).unwrap();
        for (at, bytes) in before.into_iter().rev() {
            self.file.write_all_at(&bytes, at).unwrap();
        }
        seen
    }

    /// Inspects the current content, read with random access.
    pub(crate) fn inspect(&self) -> Inspection {
        self.inspect_with(|_| {})
    }

    fn inspect_with(&self, mut wanted: impl FnMut(Range<u64>)) -> Inspection {
        let length = self.file.metadata().unwrap().len();
        let part = |range: Range<u64>| {
            wanted(range.clone());
            Ok::<_, std::convert::Infallible>(self.read(range))
        };
        Detector::seek(length, part).unwrap()
    }

    /// The first `most` bytes of the current content, or all.
    pub(crate) fn start(&self, most: usize) -> Vec<u8> {
        let length = self.file.metadata().unwrap().len();
        self.read(0..length.min(most as u64))
    }

    fn read(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        self.file.read_exact_at(&mut bytes, range.start).unwrap();
        bytes
    }
}
