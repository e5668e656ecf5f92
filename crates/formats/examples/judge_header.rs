//! Judges images by their first sector, as a service does that receives only the start of an upload.
//!
//! `cargo run -p imgpush-formats --example judge_header` needs no files: it creates the headers itself and
//! asserts the results.

use imgpush_formats::{Detector, FindingId, Format, Inspection};

/// The first sector of a file of 10 GiB.
const SECTOR: usize = 512;
const FILE_BYTES: u64 = 10 << 30;

fn main() {
    // A valid header: the format and the size of the disk are known, the rest of the file is not.
    let image = judge(&qcow2(0));
    assert_eq!(image.format, Format::Qcow2);
    assert_eq!(image.virtual_size, Some(20 << 30));
    assert!(!image.is_refused());
    assert!(!image.is_complete);
    show("qcow2", &image);

    // A header that makes a service read a file of its own host. One sector is enough to refuse it.
    let image = judge(&qcow2(256));
    assert!(image.is_refused());
    let worst = &image.findings[0];
    assert_eq!(worst.id, FindingId::BackingFile);
    assert!(worst.text.contains("/etc/passwd"), "{}", worst.text);
    show("qcow2 with a backing file", &image);

    // No magic in the first sector does not mean that the file is a raw disk: a CD has its magic at 32 KiB.
    let image = judge(&[0; SECTOR]);
    assert_eq!(image.format, Format::Unknown);
    assert_eq!(image.virtual_size, None);
    assert!(image.findings.iter().any(|finding| finding.id == FindingId::NotChecked));
    show("zeros", &image);

    // The same sector is a raw disk if the file ends after it.
    let mut detector = Detector::new();
    detector.push(&[0; SECTOR]);
    let image = detector.finish();
    assert_eq!((image.format, image.is_complete), (Format::Raw, true));
    show("zeros, all of the file", &image);

    // For a source with random access the detector reads its end, its start, and the parts that the start
    // refers to.
    let mut read_bytes = 0;
    let image = Detector::seek(FILE_BYTES, |range| {
        let length = usize::try_from(range.end - range.start).expect("a part has at most one MiB");
        read_bytes += length;
        let mut bytes = vec![0; length];
        if range.start == 0 {
            bytes[..SECTOR].copy_from_slice(&qcow2(0));
        }
        Ok::<_, std::convert::Infallible>(bytes)
    });
    let Ok(image) = image;
    assert!(image.is_complete);
    assert_eq!(image.format, Format::Qcow2);
    assert!(read_bytes < 128 << 10);
    show(&format!("qcow2, {read_bytes} bytes read"), &image);
}

/// The inspection of a file by its first sector.
fn judge(sector: &[u8; SECTOR]) -> Inspection {
    let mut detector = Detector::new();
    detector.push(sector);
    detector.so_far(Some(FILE_BYTES))
}

#[expect(clippy::print_stdout, reason = "an example shows its results")]
fn show(name: &str, image: &Inspection) {
    println!("{name}: {}, complete: {}", image.format, image.is_complete);
    for finding in &image.findings {
        println!("  {} {}: {}", finding.severity, finding.id, finding.text);
    }
}

/// A header of version 2 for a disk of 20 GiB, with the name of a backing file at an offset, or without.
fn qcow2(backing_file_offset: u64) -> [u8; SECTOR] {
    const NAME: &[u8] = b"/etc/passwd";
    let mut sector = [0; SECTOR];
    let mut put = |offset: usize, bytes: &[u8]| {
        sector[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    put(0, b"QFI\xfb");
    put(4, &2u32.to_be_bytes());
    put(8, &backing_file_offset.to_be_bytes());
    put(20, &16u32.to_be_bytes());
    put(24, &(20u64 << 30).to_be_bytes());
    put(36, &40u32.to_be_bytes());
    put(40, &(3u64 << 16).to_be_bytes());
    put(48, &(1u64 << 16).to_be_bytes());
    put(56, &1u32.to_be_bytes());
    if let Ok(offset @ 1..) = usize::try_from(backing_file_offset) {
        put(16, &(NAME.len() as u32).to_be_bytes());
        put(offset, NAME);
    }
    sector
}

#[test]
fn the_example_runs() {
    main();
}
