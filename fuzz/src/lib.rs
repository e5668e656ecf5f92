//! The assertions of the fuzz targets. `cargo test` replays the corpora on any toolchain; `cargo xtask fuzz
//! run TARGET` searches for new inputs.

use std::array;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::ops::Range;

use bytes::Bytes;
use imgpush_convert::{ConvertError, Converted, ReadOptions};
use imgpush_digest::{Algorithm, Digests, MultiHasher, Platform, Stream, update_many};
use imgpush_formats::qcow2::{Header, L2Entry};
use imgpush_formats::{Detector, FindingId, Format, GuestOffset, ImageFormatSettings, Inspection};
use imgpush_source::checksum::{Sums, notation};
use imgpush_source::{BytesSource, Pool, ReaderSource, Source, SourceError};

/// The verdict on a stream does not depend on how it is split. The first byte selects the splitting.
pub fn detect_split(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else { return };
    let length = Some(stream.len() as u64);
    let mut complete = Detector::new();
    complete.push(stream);
    let mut pieces = Detector::new();
    for piece in stream.chunks(usize::from(cut) + 1) {
        pieces.push(piece);
    }
    assert_eq!(complete.so_far(length), pieces.so_far(length));
    assert_eq!(complete.is_decided(), pieces.is_decided());
    assert_eq!(complete.finish(), seek(stream));
}

/// Inspects a stream in one piece and in small ones.
fn inspect(stream: &[u8]) -> Inspection {
    let mut complete = Detector::new();
    complete.push(stream);
    let mut pieces = Detector::new();
    stream.chunks(4093).for_each(|piece| pieces.push(piece));
    let complete = complete.finish();
    assert_eq!(complete, pieces.finish());
    complete
}

/// Inspects a stream with random access: the end, then only the required parts.
fn seek(stream: &[u8]) -> Inspection {
    let part = |range: Range<u64>| {
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).expect("in it"));
        Ok::<_, Infallible>(stream[start..end].to_vec())
    };
    Detector::seek(stream.len() as u64, part).unwrap_or_else(|never| match never {})
}

/// Returns `start`, zeros up to `offset`, and then the data.
fn placed(start: &[u8], offset: usize, data: &[u8]) -> Vec<u8> {
    let mut stream = start.to_vec();
    stream.resize(offset, 0);
    stream.extend_from_slice(data);
    stream
}

/// An image that qemu opens has a layout, and its tables cover its size; a byte of the disk is found where it
/// was placed. The data is the header after its magic.
pub fn qcow2_header(data: &[u8]) {
    let stream = [b"QFI\xfb", data].concat();
    let inspection = inspect(&stream);
    let Some(header) = Header::read(&stream) else { return };
    let layout = header.layout();
    if inspection.qemu.format == "qcow2" && inspection.qemu.refusal.is_none() {
        let layout = layout.expect("qemu opens no other clusters");
        let reach = u128::from(layout.cluster_bytes() * layout.l2_entries());
        let entries = u128::from(header.l1_table().1);
        assert!(entries * reach >= u128::from(header.virtual_size()));
        assert_eq!(inspection.virtual_size, Some(header.virtual_size()));
    }
    let (Some(layout), Some(&word)) = (layout, data.last_chunk::<8>()) else { return };
    let word = u64::from_be_bytes(word);
    let (l1, l2) = layout.entries(layout.cluster(GuestOffset(word)));
    let start = (l1 * layout.l2_entries() + l2) * layout.cluster_bytes();
    assert_eq!(start, word - word % layout.cluster_bytes());
    match layout.l2_entry(word) {
        Ok(L2Entry::Data(offset)) => assert_eq!(offset.0 % layout.cluster_bytes(), 0),
        Ok(L2Entry::Compressed { offset, length }) => {
            assert_eq!((offset.0 + length) % 512, 0);
            // One sector more than two clusters is the maximum that the bits can express.
            assert!(length <= 2 * layout.cluster_bytes() + 512, "{length}");
        }
        Ok(_) | Err(_) => {}
    }
}

/// The bytes of a disk do not depend on how its image is read: by random access, or once through a pipe. The
/// first byte selects how the pipe is cut; the rest is an image of [`sectors`].
pub fn convert(data: &[u8]) {
    let Some((&cut, parts)) = data.split_first() else { return };
    let image = &sectors(parts)[..];
    let file = BytesSource::new("a file", image.to_vec());
    let pipe = CutReader { data: image.to_vec(), at: 0, most: usize::from(cut) * 16 + 1 };
    let random = read_disk(Box::new(file));
    let forward = read_disk(Box::new(ReaderSource::new("a pipe", pipe)));
    match (random, forward) {
        (Ok(random), Ok(forward)) => assert!(random == forward, "the bytes differ"),
        // What comes too early, or is known only at the end.
        (Ok(_), Err(error)) => assert!(
            matches!(
                error,
                ConvertError::OutOfOrder { .. }
                    | ConvertError::Refused { .. }
                    | ConvertError::Unsupported { .. }
            ) || image.starts_with(b"KDMV"),
            "{error:?}"
        ),
        // Another format is recognised by the end.
        (Err(error), Ok(_)) => assert!(
            matches!(error, ConvertError::Refused { .. } | ConvertError::Unsupported { .. })
                || image.starts_with(b"KDMV"),
            "{error:?}"
        ),
        (Err(_), Err(_)) => {}
    }
}

/// An image in which most sectors are zeros: number of a sector, length of the data from there on, data.
fn sectors(mut parts: &[u8]) -> Vec<u8> {
    const MAX_SECTORS: u16 = 32 << 10;
    let mut image = Vec::new();
    while let Some((&[a, b, c, d], rest)) = parts.split_first_chunk() {
        let start = usize::from(u16::from_le_bytes([a, b]) % MAX_SECTORS) * 512;
        let (data, rest) = rest.split_at(usize::from(u16::from_le_bytes([c, d])).min(rest.len()));
        image.resize(image.len().max(start + data.len()), 0);
        image[start..][..data.len()].copy_from_slice(data);
        parts = rest;
    }
    image
}

/// The maximum number of bytes of a disk that are read.
const MAX_DISK_BYTES: usize = 2 << 20;

/// The start of the disk in an image.
fn read_disk(source: Box<dyn Source + 'static>) -> Result<Vec<u8>, ConvertError> {
    let mut disk = Converted::new(source, &ReadOptions::default())?;
    let pool = Pool::new(4, 64 << 10);
    let mut bytes = Vec::new();
    let convert_error = |error| match error {
        SourceError::Custom(custom) => match custom.source.downcast::<ConvertError>() {
            Ok(error) => *error,
            Err(error) => panic!("{error}"),
        },
        error => ConvertError::Source(error),
    };
    while bytes.len() < MAX_DISK_BYTES {
        let Some(chunk) = disk.next_chunk(&pool).map_err(convert_error)? else {
            assert_eq!(Some(bytes.len() as u64), disk.size());
            break;
        };
        assert!(!chunk.is_empty() && chunk.len() <= pool.chunk_bytes() as u64);
        chunk.slices().for_each(|slice| bytes.extend_from_slice(&slice));
    }
    bytes.truncate(MAX_DISK_BYTES);
    Ok(bytes)
}

/// A pipe that returns at most this number of bytes at once.
struct CutReader {
    data: Vec<u8>,
    at: usize,
    most: usize,
}

impl std::io::Read for CutReader {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let count = self.most.min(space.len()).min(self.data.len() - self.at);
        space[..count].copy_from_slice(&self.data[self.at..][..count]);
        self.at += count;
        Ok(count)
    }
}

/// Text with a version is a descriptor; the image service never accepts it, and its size is a naive sum.
pub fn vmdk_descriptor(data: &[u8]) {
    let stream = [b"version=1\n", data].concat();
    let inspection = inspect(&stream);
    assert_eq!((inspection.format, inspection.qemu.format), (Format::Vmdk, "vmdk"));
    assert!(inspection.is_refused());
    let text = stream.split(|&byte| byte == 0).next().unwrap_or_default();
    if let Ok(text) = std::str::from_utf8(text)
        && stream.len() < 60_000
    {
        let sectors = text.split('\n').filter_map(|line| {
            let words: Vec<_> = line.split_ascii_whitespace().collect();
            let ["RW", sectors, "FLAT" | "SPARSE" | "VMFS" | "VMFSSPARSE" | "SESPARSE", ..] =
                words[..]
            else {
                return None;
            };
            line.contains('"').then(|| sectors.parse::<u64>().ok()).flatten()
        });
        // A line without a file name is not counted, so the size may be smaller.
        let sum: u128 = sectors.map(u128::from).sum();
        assert!(inspection.virtual_size.is_none_or(|size| u128::from(size) <= sum * 512));
    }
}

/// If qemu opens a VHDX, qemu and the image service agree on its size except for the last sector. The data is
/// the first region table, whose checksum is corrected, and the bytes after the first MiB.
pub fn vhdx_regions(data: &[u8]) {
    let (table, metadata) = data.split_at(data.len().min(80));
    let mut stream = placed(b"vhdxfile", 64 << 10, b"head\0\0\0\0");
    stream = placed(&stream, (64 << 10) + 66, &[1]);
    stream = placed(&stream, (192 << 10) + 8, table);
    stream = placed(&stream, 1 << 20, metadata);
    stream.resize(stream.len().max((1 << 20) + (128 << 10)), 0);
    stream[192 << 10..(192 << 10) + 4].copy_from_slice(b"regi");
    for (offset, length) in [(64 << 10, 4096), (192 << 10, 64 << 10)] {
        stream[offset + 4..offset + 8].fill(0);
        let sum = crc32c(&stream[offset..offset + length]);
        stream[offset + 4..offset + 8].copy_from_slice(&sum.to_le_bytes());
    }
    let mut detector = Detector::new();
    detector.push(&stream);
    let inspection = detector.finish();
    assert_eq!(inspection, seek(&stream));
    assert_eq!(inspection.format, Format::Vhdx);
    let service = inspection.oslo.matches.first().and_then(|matched| matched.virtual_size);
    if let (None, Some(size), Some(service)) =
        (&inspection.qemu.refusal, inspection.virtual_size, service)
        && service != 0
    {
        assert_eq!(i128::from(size), service / 512 * 512);
    }
}

/// Processes half a byte at a time.
fn crc32c(bytes: &[u8]) -> u32 {
    let table: [u32; 16] = array::from_fn(|start| {
        (0..4).fold(start as u32, |crc, _| crc >> 1 ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    });
    let step = |crc: u32, half: u8| crc >> 4 ^ table[usize::from((crc as u8 ^ half) & 15)];
    !bytes.iter().fold(u32::MAX, |crc, byte| step(step(crc, *byte), byte >> 4))
}

/// The disk is the part after the payload's offset, and the image service agrees in complete sectors. The
/// data is the header after its magic.
pub fn luks(data: &[u8]) {
    let mut stream = [b"LUKS\xba\xbe", data].concat();
    // Space for eight slots of the smallest keys, which must be before the end for qemu.
    stream.resize(stream.len().max(640 << 10), 0);
    let inspection = inspect(&stream);
    if inspection.format != Format::Luks {
        // The data has the mark of another format as well.
        let is_reported =
            inspection.findings.iter().any(|finding| finding.id == FindingId::Ambiguous);
        assert!(is_reported && inspection.is_refused(), "{:?}", inspection.format);
        return;
    }
    if inspection.qemu.format == "luks" && inspection.qemu.refusal.is_none() {
        let payload = u32::from_be_bytes(*stream[104..].first_chunk().expect("there is a header"));
        let size = inspection.virtual_size.expect("qemu opens it");
        let length = stream.len().next_multiple_of(512) as u64;
        assert_eq!(size + u64::from(payload) * 512, length);
    } else {
        assert!(inspection.is_refused());
    }
}

/// A disk with a boot sector is raw here and in qemu, and the image service accepts it depending on its
/// partitions. The data is the table, and the bytes after the sector.
pub fn mbr_gpt(data: &[u8]) {
    let (table, rest) = data.split_at(data.len().min(64));
    let mut stream = placed(&[], 446, table);
    stream = placed(&stream, 510, b"\x55\xaa");
    stream.extend_from_slice(rest);
    let inspection = inspect(&stream);
    assert_eq!(inspection.qemu.format, "raw");
    if inspection.format != Format::Raw {
        return;
    }
    assert!(inspection.matches.iter().any(|matched| matched.format == Format::Mbr));
    let entries: Vec<_> = stream[446..510].chunks(16).collect();
    let flags = entries.iter().all(|entry| entry[0] & 0x7f == 0);
    let used: Vec<_> = entries.iter().map(|entry| entry[4] != 0).collect();
    let is_protective = |entry: &&&[u8]| entry[4] == 0xee;
    let sound = entries
        .iter()
        .filter(is_protective)
        .all(|entry| entry[1..4] == [0, 2, 0] && entry[8..12] == [1, 0, 0, 0]);
    let alone = used == [true, false, false, false];
    let takes = flags
        && used.contains(&true)
        && sound
        && (alone || entries.iter().filter(is_protective).count() == 0);
    let settings = ImageFormatSettings::default();
    assert_eq!(inspection.glance("raw", "bare", &settings).is_accepted(), takes);
}

/// The digests of a stream depend neither on how it is split, nor on the number of threads, nor on the
/// kernels, nor on other streams in the lanes. The first two bytes select these.
pub fn digest_split(data: &[u8]) {
    let [cut, threads, stream @ ..] = data else { return };
    let piece_bytes = usize::from(*cut) + 1;
    let threads = NonZeroUsize::new(usize::from(threads % 4) + 1).expect("one at least");
    let wanted = expected(&Algorithm::ALL, stream);
    for platform in Platform::available() {
        let mut hasher = MultiHasher::on(platform, Algorithm::ALL, threads);
        for piece in stream.chunks(piece_bytes) {
            hasher.update(&Bytes::copy_from_slice(piece));
        }
        assert_eq!(hasher.finish(), wanted, "{platform:?}");
        in_lanes(platform, stream, piece_bytes);
    }
}

/// The digests by the portable crates, of the bytes in one piece.
fn expected(algorithms: &[Algorithm], bytes: &[u8]) -> Digests {
    let portable = "portable".parse().expect("it runs everywhere");
    let mut stream = Stream::on(portable, algorithms.iter().copied());
    stream.update(bytes);
    stream.finish()
}

/// Concurrent streams, each one byte shorter than the previous one, so that they end one after another.
fn in_lanes(platform: Platform, bytes: &[u8], piece_bytes: usize) {
    const FUSED: [Algorithm; 3] = [Algorithm::Md5, Algorithm::Sha512, Algorithm::Sha256];
    let inputs: [&[u8]; 9] = array::from_fn(|start| bytes.get(start..).unwrap_or_default());
    let mut streams = inputs.map(|_| Stream::on(platform, FUSED));
    let mut pieces = inputs.map(|input| input.chunks(piece_bytes));
    loop {
        let next = pieces.each_mut().map(|pieces| pieces.next().unwrap_or_default());
        if next[0].is_empty() {
            break;
        }
        update_many(&mut streams.iter_mut().zip(next).collect::<Vec<_>>());
    }
    for (stream, input) in streams.into_iter().zip(inputs) {
        assert_eq!(stream.finish(), expected(&FUSED, input), "{platform:?}");
    }
}

/// Any bytes can be parsed as a list, and formatted entries are parsed to the same entries.
pub fn sums(data: &[u8]) {
    for entry in Sums::parse(data, &Algorithm::USUAL).entries {
        let untagged = notation::untagged_line(&entry.digest, &entry.name);
        let tagged = notation::tagged_line(&entry.digest, &entry.name);
        for line in [untagged, tagged] {
            let again = Sums::parse(&line, &[entry.digest.algorithm()]);
            assert_eq!(again.faulty_lines, []);
            assert_eq!(again.entries.len(), 1);
            assert_eq!(again.entries[0].name, entry.name);
            assert_eq!(again.entries[0].digest, entry.digest);
        }
    }
}

#[cfg(test)]
mod tests {
    /// Replays every file of a corpus, including regressions.
    fn replay(target: &str, assertion: fn(&[u8])) {
        let mut waiting =
            vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)];
        let mut files = 0;
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                waiting
                    .extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                assertion(&std::fs::read(&path).unwrap());
                files += 1;
            }
        }
        assert!(files > 0, "the corpus of {target} is empty");
    }

    #[test]
    fn detect_split() {
        replay("detect_split", super::detect_split);
    }

    #[test]
    fn convert() {
        replay("convert", super::convert);
    }

    #[test]
    fn sums() {
        replay("sums", super::sums);
    }

    #[test]
    fn digest_split() {
        replay("digest_split", super::digest_split);
    }

    #[test]
    fn qcow2_header() {
        replay("qcow2_header", super::qcow2_header);
    }

    #[test]
    fn vmdk_descriptor() {
        replay("vmdk_descriptor", super::vmdk_descriptor);
    }

    #[test]
    fn vhdx_regions() {
        replay("vhdx_regions", super::vhdx_regions);
    }

    #[test]
    fn luks() {
        replay("luks", super::luks);
    }

    #[test]
    fn mbr_gpt() {
        replay("mbr_gpt", super::mbr_gpt);
    }
}
