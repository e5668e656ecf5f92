//! Data that a push rejects, and data that it accepts, against a sandbox that accepts everything.

use std::io::{Cursor, Seek as _, SeekFrom, Write as _};
use std::sync::{Arc, Mutex};

use imgpush_engine::client::NewImage;
use imgpush_engine::image_formats::FindingId;
use imgpush_engine::source::pool::Pool;
use imgpush_engine::source::{
    BytesSource, Chunk, FileSource, ReadAt, ReaderSource, Source, SourceError,
};
use imgpush_engine::{
    CancellationToken, ErrorKind, FormatError, Phase, Progress, Push, PushError, PushFailure,
    PushOptions, RecordOutcome, Report, Staging, StagingOptions,
};
use imgpush_sandbox::SandboxOptions;
use imgpush_scene::{Scene, zeros_with as with};

const MIB: usize = 1 << 20;

/// The type of the source.
#[derive(Clone, Copy, Debug)]
enum By {
    File,
    Pipe,
}

/// A service that accepts any data, so that each rejection is one of the engine.
async fn lenient_scene() -> Scene {
    Scene::builder().without_login().sandbox(SandboxOptions::with_any_format).start().await
}

async fn push(
    scene: &Scene,
    bytes: &[u8],
    by: By,
    options: &PushOptions,
) -> Result<Report, PushError> {
    let source: Box<dyn Source> = match by {
        By::File => Box::new(FileSource::open(scene.write("disk", bytes)).unwrap()),
        By::Pipe => Box::new(ReaderSource::new("pipe", Cursor::new(bytes.to_vec()))),
    };
    Push::new(scene.client.clone(), options.clone()).run(source, &CancellationToken::new()).await
}

/// Asserts that the push is rejected before a record is created.
async fn rejected(scene: &Scene, bytes: &[u8], by: By, options: &PushOptions) -> PushFailure {
    let error = push(scene, bytes, by, options).await.expect_err("the push has succeeded");
    assert_eq!(error.outcome, RecordOutcome::NoRecord, "{error:?}");
    assert_eq!(scene.writes(), 0, "{error:?}");
    *error.failure
}

/// Asserts that the push is rejected before the last chunk, and that the record is deleted.
async fn withheld(scene: &Scene, bytes: &[u8], options: &PushOptions) -> FormatError {
    let error = push(scene, bytes, By::Pipe, options).await.expect_err("the push has succeeded");
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");
    let journal = scene.sandbox().journal();
    let stored = journal.iter().find(|r| r.status == Some(204) && r.method == "PUT");
    assert!(stored.is_none(), "{stored:?}");
    let PushFailure::Format(FormatError::HeldBack { source }) = *error.failure else {
        panic!("{error:?}")
    };
    *source
}

fn options() -> PushOptions {
    PushOptions::named("image")
}

fn as_disk(disk_format: &str) -> PushOptions {
    let mut options = options();
    options.disk_format = Some(disk_format.to_owned());
    options
}

fn within(container_format: &str) -> PushOptions {
    let mut options = options();
    options.container_format = container_format.to_owned();
    options
}

fn forced(mut options: PushOptions) -> PushOptions {
    options.force_format = true;
    options
}

/// A disk of 4 MiB with the footer of a fixed VHD.
fn fixed_vhd() -> Vec<u8> {
    let size = 4 * MIB as u64;
    let mut footer = with(
        512,
        &[
            (0, b"conectix"),
            (16, &u64::MAX.to_be_bytes()),
            (28, b"win "),
            (40, &size.to_be_bytes()),
            (48, &size.to_be_bytes()),
            (60, &2u32.to_be_bytes()),
        ],
    );
    let sum: u32 = footer.iter().map(|&byte| u32::from(byte)).sum();
    footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
    [vec![0; 4 * MIB], footer].concat()
}

/// An empty qcow2 of 3 GiB + 512 B.
fn qcow2(backing: u64, features: u64, bytes: usize) -> Vec<u8> {
    with(
        bytes,
        &[
            (0, b"QFI\xfb\0\0\0\x03"),
            (8, &backing.to_be_bytes()),
            (16, &u32::from(backing != 0).to_be_bytes()),
            (20, &16u32.to_be_bytes()),
            (24, &((3u64 << 30) + 512).to_be_bytes()),
            (36, &14u32.to_be_bytes()),
            (40, &0x3_0000u64.to_be_bytes()),
            (48, &0x1_0000u64.to_be_bytes()),
            (56, &1u32.to_be_bytes()),
            (72, &features.to_be_bytes()),
            (96, &4u32.to_be_bytes()),
            (100, &104u32.to_be_bytes()),
            (200, b"base"),
        ],
    )
}

/// A protective partition that starts at this head and sector, before a GPT of that many sectors.
fn gpt(sector: u8, sectors: u64) -> Vec<u8> {
    with(
        4 * MIB,
        &[
            (446, &[0, 0, sector, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 0x1f, 0, 0]),
            (510, b"\x55\xaa"),
            (512, b"EFI PART\0\0\x01\0\x5c\0\0\0"),
            (512 + 24, &1u64.to_le_bytes()),
            (512 + 32, &(sectors - 1).to_le_bytes()),
        ],
    )
}

fn vmdk(create_type: &str) -> Vec<u8> {
    let descriptor = format!(
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n\
         createType=\"{create_type}\"\nRW 2048 SPARSE \"disk.vmdk\"\n"
    );
    with(
        MIB,
        &[
            (0, b"KDMV\x01\0\0\0\x03\0\0\0"),
            (12, &2048u64.to_le_bytes()),
            (20, &128u64.to_le_bytes()),
            (28, &1u64.to_le_bytes()),
            (36, &20u64.to_le_bytes()),
            (44, &512u32.to_le_bytes()),
            (48, &21u64.to_le_bytes()),
            (56, &26u64.to_le_bytes()),
            (64, &128u64.to_le_bytes()),
            (73, b"\n \r\n"),
            (512, descriptor.as_bytes()),
        ],
    )
}

fn ova() -> Vec<u8> {
    with(MIB, &[(0, b"appliance.ovf"), (257, b"ustar\x0000")])
}

/// UDF without ISO 9660.
fn udf() -> Vec<u8> {
    with(MIB, &[(32769, &b"BEA01"[..]), (32768 + 2049, b"NSR02"), (32768 + 4097, b"TEA01")])
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_the_service_would_reject_creates_no_record() {
    let scene = lenient_scene().await;
    let flat = b"# Disk DescriptorFile\nversion=1\ncreateType=\"monolithicFlat\"\nRW 2048 FLAT \"/etc/passwd\" 0\n";
    let bitlocker = with(MIB, &[(0, b"\xeb\x58\x90-FVE-FS-"), (510, b"\x55\xaa")]);
    let text = format!("{}\u{e9}\n", "words ".repeat(99)).into_bytes();
    for (image, options, words) in [
        (
            qcow2(0, 16, MIB),
            options(),
            "refuse the data as qcow2 after the upload: unknown_features",
        ),
        (gpt(1, 8192), options(), "GPT MBR has invalid start CHS"),
        (
            bitlocker,
            options(),
            "GPT MBR has no partitions defined; it would accept the data with no other disk_format",
        ),
        (vmdk("custom"), options(), "refuse the data as vmdk after the upload: descriptor"),
        (
            udf(),
            as_disk("iso"),
            "the data is raw, not iso; the image service would accept the data as",
        ),
        (text, options(), "it is not known whether the image service would accept the data"),
        (with(MIB, &[(0, b"LUKS\xba\xbe\0\x02")]), options(), "the data is luks, for which"),
        (with(MIB, &[(0, b"QED\0")]), options(), "the data is qed, for which"),
        (with(MIB, &[(0, b"QFI\xfb\0\0\0\x01")]), options(), "the data is qcow, for which"),
        (with(MIB, &[(0, b"\x1f\x8b\x08")]), options(), "the data is gzip, for which"),
        (ova(), options(), "the data is ova, for which"),
        (with(MIB, &[(0, b"\x1f\x8b\x08")]), as_disk("raw"), "compressed: "),
        (qcow2(200, 0, MIB), options(), "backing-file: "),
        (qcow2(200, 0, MIB), forced(as_disk("qcow2")), "backing-file: "),
        (qcow2(200, 0, MIB), forced(within("ovf")), "container_format ovf is not known"),
        (qcow2(0, 4, MIB), options(), "data-file: "),
        (flat.to_vec(), options(), "external-extents: "),
        (
            with(MIB, &[(0, b"QFI\xfb\0\0\0\x03"), (0x40, b"\x7f\x10\xda\xbe")]),
            options(),
            "ambiguous: ",
        ),
        (
            qcow2(0, 0, MIB),
            as_disk("raw"),
            "the data is qcow2, not raw; the image service would accept the data as raw, qcow2",
        ),
        (vec![0xa5; MIB], as_disk("qcow2"), "the data is raw, not qcow2"),
        (ova(), within("ova"), "container_format ova is not known"),
        (
            with(MIB, &[(0, b"\x1f\x8b\x08")]),
            within("compressed"),
            "container_format compressed is not known",
        ),
    ] {
        for by in [By::File, By::Pipe] {
            let failure = rejected(&scene, &image, by, &options).await;
            assert!(failure.to_string().contains(words), "{by:?}: {failure} and not {words}");
            let is_unsafe = matches!(failure, PushFailure::Format(FormatError::Unsafe { .. }));
            assert!(!is_unsafe || !failure.findings().is_empty(), "{failure:?}");
        }
    }
    let failure = rejected(&scene, &fixed_vhd(), By::File, &as_disk("vhd")).await;
    let PushFailure::Format(FormatError::Refused {
        reason, instead: Some("raw"), findings, ..
    }) = failure
    else {
        panic!("{failure:?}")
    };
    assert_eq!(reason, "its inspector detects raw");
    assert!(findings.iter().any(|finding| finding.id == FindingId::FixedVhd), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_rejected_because_of_its_end_is_never_sent_completely() {
    let scene = lenient_scene().await;
    let koly = with(512, &[(0, b"koly\0\0\0\x04\0\0\x02\0")]);
    let footer = fixed_vhd().split_off(4 * MIB);
    for (image, options, words) in [
        ([vec![0xa5; 3 * MIB], koly.clone()].concat(), options(), "the data is dmg, not raw"),
        // A single chunk, which is the tail itself.
        ([vec![0xa5; MIB / 2], koly].concat(), as_disk("raw"), "the data is dmg, not raw"),
        ([qcow2(0, 0, 2 * MIB), footer.clone()].concat(), options(), "ambiguous: "),
        ([vec![0xa5; 4 * MIB], footer].concat(), as_disk("ami"), "the data is vhd, not ami"),
        (gpt(2, 9000), options(), "truncated: "),
    ] {
        let failure = withheld(&scene, &image, &options).await;
        assert!(failure.to_string().contains(words), "{failure} and not {words}");
    }
    // The end of a short stream is read before a record is created.
    let short = with(600, &[(88, b"koly\0\0\0\x04\0\0\x02\0")]);
    let records = || scene.count("POST", "");
    let before = records();
    let error = push(&scene, &short, By::Pipe, &options()).await.unwrap_err();
    assert_eq!((error.outcome, records()), (RecordOutcome::NoRecord, before));
}

#[tokio::test(flavor = "multi_thread")]
async fn valid_or_forced_data_is_pushed() {
    let scene = lenient_scene().await;
    let mut relaxed = options();
    relaxed.image_format.gpt_safety_checks_nonfatal = vec!["mbr".to_owned()];
    let kernel = with(MIB, &[(0x1fe, b"\x55\xaa"), (0x202, b"HdrS")]);
    let mut appliance = within("ova");
    appliance.disk_format = Some("vmdk".to_owned());
    for (image, options, disk_format, min_disk, notes) in [
        (fixed_vhd(), options(), "raw", 1, &["fixed-vhd"][..]),
        (gpt(2, 8192), options(), "raw", 1, &[]),
        (gpt(1, 8192), relaxed, "raw", 1, &["mbr-invalid"]),
        (gpt(1, 8192), forced(options()), "raw", 1, &["mbr-invalid"]),
        (qcow2(0, 0, MIB), options(), "qcow2", 4, &[]),
        (vmdk("monolithicSparse"), options(), "vmdk", 1, &[]),
        (vec![0xa5; MIB], as_disk("ami"), "ami", 1, &[]),
        (vec![0xa5; MIB], as_disk("aki"), "aki", 0, &[]),
        (kernel, within("aki"), "aki", 0, &["mbr-invalid"]),
        (udf(), options(), "raw", 1, &[]),
        (ova(), appliance, "vmdk", 0, &["archive"]),
    ] {
        for by in [By::File, By::Pipe] {
            let report = push(&scene, &image, by, &options).await.unwrap();
            assert_eq!(report.disk_format.as_deref(), Some(disk_format));
            let ids: Vec<_> = report.notes.iter().map(|note| note.id.name()).collect();
            // The partition tables here have neither checksums nor a second copy.
            let counts = |id: &&str| *id != "corrupt-header" && *id != "inconsistent-size";
            assert_eq!(ids.into_iter().filter(counts).collect::<Vec<_>>(), notes, "{disk_format}");
            assert!(report.detected_virtual_size.is_some());
            let record = scene.client.image(&report.id).await.unwrap();
            // The size of a raw stream is unknown when its record is created.
            let is_unknown = matches!(by, By::Pipe) && !matches!(disk_format, "qcow2" | "vmdk");
            let expected = if is_unknown { 0 } else { min_disk };
            assert_eq!(record.min_disk(), Some(expected), "{disk_format} {by:?}");
        }
    }
    let mut none = options();
    none.min_disk = Some(0);
    let report = push(&scene, &qcow2(0, 0, MIB), By::File, &none).await.unwrap();
    assert_eq!(scene.client.image(&report.id).await.unwrap().min_disk(), Some(0));
    assert_eq!(report.detected_virtual_size, Some((3 << 30) + 512));
}

/// Runs an action during the preflight: after the inspection and before the upload.
struct AtPreflight(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Progress for AtPreflight {
    fn phase(&self, phase: Phase) {
        if phase == Phase::Preflight
            && let Some(act) = self.0.lock().unwrap().take()
        {
            act();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_replaced_after_the_inspection_is_not_uploaded() {
    let scene = lenient_scene().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![0xa5; 3 * MIB]).unwrap();
    let modified = file.as_file().metadata().unwrap().modified().unwrap();
    let mut handle = file.reopen().unwrap();
    let swap: Box<dyn FnOnce() + Send> = Box::new(move || {
        handle.seek(SeekFrom::Start(0)).unwrap();
        handle.write_all(&qcow2(200, 0, MIB)).unwrap();
        handle.set_modified(modified).unwrap();
    });
    let push = Push::new(scene.client.clone(), options())
        .with_progress(Arc::new(AtPreflight(Mutex::new(Some(swap)))));
    let source = FileSource::open(file.path()).unwrap();
    let error = push.run(Box::new(source), &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");
    // On Unix, the change time reveals it.
    if cfg!(unix) {
        assert_eq!(error.failure.kind(), ErrorKind::Source, "{error:?}");
    }
}

/// Returns other bytes to an inspection than to a reader.
struct Swapped {
    inspected: BytesSource,
    read: BytesSource,
}

impl Source for Swapped {
    fn name(&self) -> &str {
        self.read.name()
    }

    fn size(&self) -> Option<u64> {
        self.read.size()
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        self.read.next_chunk(pool)
    }

    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        self.inspected.random_access()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_after_the_inspection_is_not_uploaded() {
    let scene = lenient_scene().await;
    let inspected = vec![0xa5; 3 * MIB];
    let mut read = inspected.clone();
    let image = qcow2(200, 0, MIB);
    read[..image.len()].copy_from_slice(&image);
    let source = Swapped {
        inspected: BytesSource::new("inspected", inspected),
        read: BytesSource::new("swapped", read),
    };
    let push = Push::new(scene.client.clone(), options());
    let error = push.run(Box::new(source), &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");
    let is_unsafe = matches!(
        error.failure.format_error(),
        Some(FormatError::Unsafe { findings, overrulable: false })
            if findings[0].id == FindingId::BackingFile
    );
    assert!(is_unsafe, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_the_import_would_reject_is_not_staged() {
    let scene = lenient_scene().await;
    let wanted = NewImage::named("staged").with_formats("vhd", "bare");
    let image = scene.client.create(&wanted).await.unwrap();
    let stage = |options: StagingOptions| {
        let staging = Staging::new(scene.client.clone(), options);
        let image = image.clone();
        let source = FileSource::open(scene.write("disk", fixed_vhd())).unwrap();
        async move {
            let source = Box::new(source);
            staging.run(&image, source, &CancellationToken::new()).await
        }
    };
    let error = stage(StagingOptions::default()).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Format(FormatError::Refused { .. })),
        "{error:?}"
    );
    assert_eq!(scene.writes(), 1, "the record, and no data");
    let mut forcing = StagingOptions::default();
    forcing.force_format = true;
    stage(forcing).await.unwrap();
}

/// Data that looks like something else than a disk, or has the name of another format.
#[tokio::test(flavor = "multi_thread")]
async fn data_that_is_no_disk_is_refused_unless_the_caller_insists() {
    let scene = lenient_scene().await;
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    for (data, words) in [
        (&b"<!DOCTYPE html><html><body>Please log in</body></html>\n"[..], "an HTML page"),
        (pointer, "a Git LFS pointer"),
        (b"{\"message\": \"not found\"}", "JSON"),
        (b"404: not found\n", "text"),
        (b"x\0", "it has 2 bytes, less than a sector"),
    ] {
        for by in [By::File, By::Pipe] {
            let failure = rejected(&scene, data, by, &options()).await;
            let text = failure.to_string();
            assert!(text.starts_with("not-a-disk: ") && text.contains(words), "{by:?}: {text}");
            assert_eq!(failure.kind(), ErrorKind::Format);
        }
    }
    let disk = || Box::new(BytesSource::new("disk", vec![0xa5; MIB]));
    for (name, words) in [
        ("disk.qcow2", "its name ends in .qcow2, but it is not qcow2"),
        ("disk.iso", "its name ends in .iso, but it is not iso"),
        ("disk.qcow2.br", "its name ends in .br (brotli)"),
    ] {
        let source = disk().with_file_name(name);
        let push = Push::new(scene.client.clone(), options());
        let error = push.run(Box::new(source), &CancellationToken::new()).await.unwrap_err();
        assert!(error.failure.to_string().contains(words), "{error:?}");
        let push = Push::new(scene.client.clone(), as_disk("raw"));
        let source = disk().with_file_name(name);
        push.run(Box::new(source), &CancellationToken::new()).await.unwrap();
    }
    for options in [forced(options()), as_disk("raw")] {
        let report = push(&scene, pointer, By::File, &options).await.unwrap();
        assert_eq!(report.disk_format.as_deref(), Some("raw"));
        assert!(report.notes.iter().any(|note| note.id.name() == "not-a-disk"), "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn further_compressed_files_and_archives_are_refused() {
    let scene = lenient_scene().await;
    let lzma = b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0";
    for (start, name) in [
        (&b"LZIP\x01"[..], "lzip"),
        (lzma, "lzma"),
        (b"\x89LZO\0\r\n\x1a\n", "lzop"),
        (b"\x1f\x9d\x90", "compress"),
        (b"Rar!\x1a\x07\x01\0", "rar"),
        (b"MSCF\0\0\0\0", "cab"),
        (b"xar!", "xar"),
    ] {
        let scene = lenient_scene().await;
        let data = with(MIB, &[(0, start)]);
        for by in [By::File, By::Pipe] {
            let failure = rejected(&scene, &data, by, &options()).await;
            let words = format!("the data is {name}, for which");
            assert!(failure.to_string().contains(&words), "{failure}");
        }
        rejected(&scene, &data, By::File, &as_disk("qcow2")).await;
        for options in [forced(options()), as_disk("raw")] {
            for by in [By::File, By::Pipe] {
                let report = push(&scene, &data, by, &options).await.unwrap();
                assert_eq!(report.disk_format.as_deref(), Some("raw"));
            }
        }
    }
    // A disk whose first bytes are only similar.
    let similar = with(MIB, &[(0, b"\x5d\0\0\x81\0")]);
    push(&scene, &similar, By::File, &options()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn kernels_and_ramdisks_are_accepted_as_such_and_not_as_disks() {
    for (start, disk_format) in [
        (&b"070701"[..], "ari"),
        (b"\x7fELF\x02\x01", "aki"),
        (b"\x1f\x8b\x08", "ari"),
        (b"\xfd7zXZ\0", "ari"),
        (b"\x28\xb5\x2f\xfd", "ari"),
        (b"\x1f\x8b\x08", "ami"),
    ] {
        let scene = lenient_scene().await;
        let data = with(MIB, &[(0, start)]);
        for by in [By::File, By::Pipe] {
            rejected(&scene, &data, by, &options()).await;
        }
        let report = push(&scene, &data, By::File, &as_disk(disk_format)).await.unwrap();
        assert_eq!(report.disk_format.as_deref(), Some(disk_format));
        assert_eq!(report.notes, [], "{start:?}");
    }
    // Since 2025.1 the service takes the boot sector of a bzImage for a partition table.
    let kernel = with(MIB, &[(0x1fe, b"\x55\xaa"), (0x202, b"HdrS")]);
    let scene = lenient_scene().await;
    let mut relaxed = as_disk("aki");
    relaxed.image_format.require_image_format_match = false;
    relaxed.image_format.gpt_safety_checks_nonfatal = vec!["mbr".to_owned()];
    push(&scene, &kernel, By::File, &relaxed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_data_becomes_raw_with_a_note() {
    let scene = lenient_scene().await;
    let ids = |report: &Report| report.notes.iter().map(|n| n.id.name()).collect::<Vec<_>>();
    let report = push(&scene, &vec![0xa5; MIB], By::File, &options()).await.unwrap();
    assert_eq!(ids(&report), ["unrecognised"]);
    let report = push(&scene, &vec![0xa5; MIB], By::Pipe, &as_disk("raw")).await.unwrap();
    assert_eq!(ids(&report), [""; 0]);
    let report = push(&scene, &gpt(2, 8192), By::File, &options()).await.unwrap();
    assert!(!ids(&report).contains(&"unrecognised"), "{report:?}");
}
