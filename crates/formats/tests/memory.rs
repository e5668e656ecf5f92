//! Memory that a stream can make the detector allocate: never more than 2 MiB, whatever its headers declare.

use imgpush_formats::Detector;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// A stream with this start that continues with one byte endlessly.
struct Endless {
    start: Vec<u8>,
    filler: u8,
}

fn put(image: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    image.resize(image.len().max(offset + bytes.len()), 0);
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// A single test, as the allocator counts for the complete process.
#[test]
fn no_stream_inflates_the_detector() {
    let mut sparse = b"KDMV\x01\0\0\0".to_vec();
    put(&mut sparse, 12, &[0xff; 68]);
    put(&mut sparse, 28, &1u64.to_le_bytes());
    let mut late = sparse.clone();
    put(&mut late, 28, &10_000u64.to_le_bytes());
    let mut dynamic = b"conectix".to_vec();
    put(&mut dynamic, 16, &512u64.to_be_bytes());
    put(&mut dynamic, 512, b"cxsparse");
    put(&mut dynamic, 528, &1536u64.to_be_bytes());
    put(&mut dynamic, 540, &[0xff; 8]);
    let mut vhdx = b"vhdxfile".to_vec();
    put(&mut vhdx, 192 << 10, b"regi");
    put(&mut vhdx, (192 << 10) + 8, &[0xff; 4]);
    let mut linked = b"QFI\xfb\0\0\0\x03".to_vec();
    put(&mut linked, 8, &[0xff; 300]);
    for (start, filler) in [
        (sparse, b'\n'),
        (late, 0),
        (dynamic, 0),
        (vhdx, 0xff),
        (linked, 0xff),
        (b"version=1\n".to_vec(), b'\n'),
        (b"RW 1 FLAT \"/\" 0\n".repeat(5000), b'='),
        (vec![0; 510], 0x55),
        (vec![], 0),
    ] {
        let stream = Endless { start, filler };
        let piece = vec![stream.filler; 1 << 20];
        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let mut detector = Detector::new();
        detector.push(&stream.start);
        for _ in 0..8 {
            detector.push(&piece);
        }
        drop(detector.finish());
        let peak = ALLOCATOR.peak_usage() - before;
        assert!(peak < 2 << 20, "{peak} bytes for {:?}", &stream.start.first_chunk::<8>());
    }
}
