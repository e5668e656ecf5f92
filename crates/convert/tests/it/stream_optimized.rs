//! Stream-optimized VMDKs as VMware writes them, with the grain directory and a footer at the end. qemu-img
//! does not write these, but reads them.

use std::io::Write as _;

use flate2::write::ZlibEncoder;
use imgpush_convert::{ConvertError, ReadOptions, Strategy};
use imgpush_source::bytes::Bytes;
use imgpush_source::{BytesSource, Pool, ReaderSource, Source, SourceError};
use imgpush_test_support::left_out;

use crate::disks::Random;
use crate::{qemu, raw};

const SECTOR: usize = 512;
const ENTRIES: usize = 512;

/// An image that is being written.
struct Image {
    bytes: Vec<u8>,
    grain: usize,
    has_markers: bool,
}

impl Image {
    fn header(&self, capacity: usize, directory: u64) -> [u8; SECTOR] {
        let mut header = [0; SECTOR];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"KDMV");
        put(4, &3u32.to_le_bytes());
        let flags = if self.has_markers { 0x3_0001u32 } else { 0x1_0001 };
        put(8, &flags.to_le_bytes());
        put(12, &(capacity as u64 / 512).to_le_bytes());
        put(20, &(self.grain as u64 / 512).to_le_bytes());
        put(28, &1u64.to_le_bytes());
        put(36, &20u64.to_le_bytes());
        put(44, &(ENTRIES as u32).to_le_bytes());
        put(56, &directory.to_le_bytes());
        put(64, &128u64.to_le_bytes());
        put(73, b"\n \r\n");
        put(77, &1u16.to_le_bytes());
        header
    }

    fn marker(&mut self, sectors: u64, kind: u32) {
        let mut marker = [0; SECTOR];
        marker[..8].copy_from_slice(&sectors.to_le_bytes());
        marker[12..16].copy_from_slice(&kind.to_le_bytes());
        self.bytes.extend(marker);
    }

    /// Writes a table after its marker, and returns its sector.
    fn table(&mut self, entries: &[u32], kind: u32) -> u32 {
        let length = (entries.len() * 4).next_multiple_of(SECTOR);
        self.marker((length / SECTOR) as u64, kind);
        let sector = self.sector();
        self.bytes.extend(entries.iter().flat_map(|entry| entry.to_le_bytes()));
        self.pad();
        sector
    }

    fn grain(&mut self, guest: usize, data: &[u8]) -> u32 {
        let sector = self.sector();
        let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        let compressed = encoder.finish().unwrap();
        if self.has_markers {
            self.bytes.extend((guest as u64 / 512).to_le_bytes());
            self.bytes.extend((compressed.len() as u32).to_le_bytes());
        }
        self.bytes.extend(compressed);
        self.pad();
        sector
    }

    fn sector(&self) -> u32 {
        (self.bytes.len() / SECTOR) as u32
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(SECTOR), 0);
    }
}

/// The image of a disk. Grains of zeros are left out. `footer_bytes` is the size in the footer.
fn image(disk: &[u8], grain: usize, footer_bytes: usize) -> Vec<u8> {
    written(disk, footer_bytes, Image { bytes: Vec::new(), grain, has_markers: true })
}

fn written(disk: &[u8], footer_bytes: usize, mut image: Image) -> Vec<u8> {
    let grain = image.grain;
    image.bytes.extend(image.header(disk.len(), u64::MAX));
    image.bytes.extend(
        b"# Disk DescriptorFile\nversion=1\nCID=123a5678\nparentCID=ffffffff\n\
          createType=\"streamOptimized\"\n",
    );
    image.bytes.resize(128 * SECTOR, 0);
    let mut directory = Vec::new();
    for (n, part) in disk.chunks(grain * ENTRIES).enumerate() {
        let mut table = [0; ENTRIES];
        for (index, data) in part.chunks(grain).enumerate() {
            if data.iter().any(|byte| *byte != 0) {
                table[index] = image.grain((n * ENTRIES + index) * grain, data);
            }
        }
        let is_empty = table.iter().all(|entry| *entry == 0);
        directory.push(if is_empty { 0 } else { image.table(&table, 1) });
    }
    let directory = image.table(&directory, 2);
    image.marker(1, 3);
    image.bytes.extend(image.header(footer_bytes, directory.into()));
    image.marker(0, 0);
    image.bytes
}

/// A disk with data in some grains.
fn disk(seed: u64, size: usize, grain: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut disk = vec![0; size];
    for data in disk.chunks_mut(grain) {
        if random.chance(40) {
            let step = 1 + random.below(5) as usize;
            data.iter_mut().step_by(step).for_each(|byte| *byte = random.next() as u8);
        }
    }
    disk
}

fn convert(
    source: Box<dyn Source>,
    chunk_bytes: usize,
) -> Result<(Vec<u8>, Strategy), SourceError> {
    let mut disk = raw::converted(source, &ReadOptions::default().with_hold_bytes(4 << 20))?;
    let bytes = raw::read(&mut disk, &Pool::new(4, chunk_bytes))?;
    Ok((bytes, disk.strategy()))
}

fn pipe(image: &[u8]) -> Box<dyn Source> {
    let image = std::io::Cursor::new(Bytes::copy_from_slice(image));
    Box::new(ReaderSource::new("a pipe", image))
}

#[test]
fn a_footer_at_the_end_is_read_by_access_and_by_markers() {
    let is_installed = qemu::is_installed();
    let folder = tempfile::tempdir().unwrap();
    let (file, expected) = (folder.path().join("disk.vmdk"), folder.path().join("raw"));
    // 8 MiB is more than a buffer.
    for (seed, size, grain) in [
        (1, 40 << 20, 64 << 10),
        (2, (70 << 20) + 512 * 77, 64 << 10),
        (3, (5 << 20) + 512, 4096),
        (4, (30 << 20) + 512, 8 << 20),
        (5, 512, 64 << 10),
    ] {
        let disk = disk(seed, size, grain);
        let image = image(&disk, grain, size);
        if is_installed {
            std::fs::write(&file, &image).unwrap();
            assert!(qemu::convert("vmdk", &file, &expected), "{seed}");
            assert!(std::fs::read(&expected).unwrap() == disk, "{seed}: qemu");
        }
        for chunk_bytes in [1 << 20, 100_001] {
            let access = Box::new(BytesSource::new("a file", image.clone()));
            let (bytes, strategy) = convert(access, chunk_bytes).unwrap();
            assert!(bytes == disk && strategy == Strategy::Random, "{seed}");
            let (bytes, strategy) = convert(pipe(&image), chunk_bytes).unwrap();
            assert!(bytes == disk && strategy == Strategy::Markers, "{seed}");
        }
    }
    if !is_installed {
        left_out("qemu-img 10: its bytes of a stream-optimized VMDK");
    }
}

#[test]
fn the_footer_decides_about_the_size_and_markers_are_optional() {
    let (size, grain) = (40 << 20, 64 << 10);
    let disk = disk(9, size, grain);
    let half = image(&disk, grain, size / 2);
    let no_markers = written(&disk, size, Image { bytes: Vec::new(), grain, has_markers: false });
    for (image, length) in [(half, size / 2), (no_markers, size)] {
        let access = Box::new(BytesSource::new("a file", image.clone()));
        assert!(convert(access, 1 << 20).unwrap().0 == disk[..length]);
        if !qemu::is_installed() {
            return left_out("qemu-img 10: its size of a stream-optimized VMDK");
        }
        let folder = tempfile::tempdir().unwrap();
        let (file, expected) = (folder.path().join("disk.vmdk"), folder.path().join("raw"));
        std::fs::write(&file, &image).unwrap();
        // qemu 10 fails to read some compressed grains without markers.
        let is_converted = qemu::convert("vmdk", &file, &expected);
        assert!(is_converted || length == size);
        assert!(!is_converted || std::fs::read(&expected).unwrap() == disk[..length]);
    }
}

#[test]
fn a_stream_that_contradicts_its_tables_is_an_error() {
    let (size, grain) = (40 << 20, 64 << 10);
    let disk = disk(7, size, grain);
    let sound = image(&disk, grain, size);
    let position = |of: &[u8]| sound.windows(of.len()).position(|window| window == of).unwrap();
    // The first entry of the first table that is not empty.
    let table = position(&[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]) + SECTOR;
    let entry = (table..).step_by(4).find(|at| sound[*at] != 0).unwrap();
    let mut other = sound.clone();
    other[entry] ^= 1;
    let mut missing = sound.clone();
    missing[entry..entry + 4].fill(0);
    let mut out_of_order = sound.clone();
    let first = 128 * SECTOR;
    out_of_order[first..first + 8].copy_from_slice(&((size / 512) as u64 - 128).to_le_bytes());
    for (what, image) in [
        ("another grain", other),
        ("a missing grain", missing),
        ("grains out of order", out_of_order),
        ("another size", image(&disk, grain, size / 2)),
        ("no end", sound[..sound.len() - 5 * SECTOR].to_vec()),
    ] {
        let SourceError::Custom(error) = convert(pipe(&image), 1 << 20).unwrap_err() else {
            panic!("{what}");
        };
        let error = error.source.downcast::<ConvertError>().unwrap();
        let is_expected =
            matches!(*error, ConvertError::Damaged { .. } | ConvertError::Truncated { .. });
        assert!(is_expected, "{what}: {error:?}");
    }
    assert!(convert(pipe(&sound), 1 << 20).unwrap().0 == disk);
}
