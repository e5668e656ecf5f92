//! Services that decompress or convert what they store.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use imgpush_engine::client::Status;
use imgpush_engine::source::pool::Pool;
use imgpush_engine::source::{
    BytesSource, Chunk, Compression, Decompressed, FileSource, ReaderSource, Rewind, Source,
};
use imgpush_engine::{
    CancellationToken, DownloadOptions, ErrorKind, IfExists, NoteId, Push, PushAction, PushError,
    PushFailure, PushOptions, RecordOutcome, Report, Retire, RetryOptions, SourceError, Target,
    Verification, VerifiedBy, Via,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;
use imgpush_test_support::left_out;

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_the_import_converts_to_another_format_is_kept_and_not_compared() {
    let scene = Scene::start().await;
    let Some(disk) = converted(&scene) else { return };
    scene.sandbox().inject(Operation::Import, Fault::ImportConverts("vmdk".to_owned()));
    let file = FileSource::open(&disk).unwrap();
    let error = import(&scene, Box::new(file), PushOptions::named("image")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotVerify, "{error:?}");
    assert!(error.failure.to_string().contains("converted to vmdk"), "{error:?}");
    assert!(matches!(error.outcome, RecordOutcome::Kept { .. }), "{error:?}");
    let all = scene.images().await;
    assert_eq!((all.len(), all[0].status()), (1, Status::Active));
}

/// The record describes the raw bytes of the disk.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_the_import_converts_to_raw_is_compared_with_the_raw_view() {
    for algorithm in ["sha512", "sha256"] {
        let scene =
            Scene::builder().sandbox(|options| options.with_hash_algo(algorithm)).start().await;
        let Some(disk) = converted(&scene) else { return };
        scene.sandbox().inject(Operation::Import, Fault::ImportConverts("raw".to_owned()));
        let file = FileSource::open(&disk).unwrap();
        let report = import(&scene, Box::new(file), PushOptions::named("image")).await.unwrap();
        assert!(report.verified);
        assert_eq!(report.verified_by, [VerifiedBy::RawView]);
        assert_eq!(report.disk_format.as_deref(), Some("raw"));
        assert_eq!(report.size, Some(DISK_BYTES as u64));
        let notes: Vec<_> = report.notes.iter().map(|note| note.id).collect();
        assert_eq!(notes, [NoteId::Converted]);
        let image = &scene.images().await[0];
        assert_eq!(image.status(), Status::Active);
        assert_eq!(report.digests.get(algorithm).map(|it| &**it), image.hash_value());
        assert_eq!(image.property("imgpush_run"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_from_a_pipe_that_the_import_converts_is_compared_with_the_raw_view() {
    let scene = Scene::start().await;
    let Some(disk) = converted(&scene) else { return };
    let bytes = std::io::Cursor::new(std::fs::read(&disk).unwrap());
    let pipe = || Box::new(ReaderSource::new("pipe", bytes.clone()));
    scene.sandbox().inject(Operation::Import, Fault::ImportConverts("raw".to_owned()));
    let report = import(&scene, pipe(), PushOptions::named("image")).await.unwrap();
    assert_eq!(report.verified_by, [VerifiedBy::RawView]);
    // An algorithm that was not computed on the way.
    let sha256 = Scene::builder().sandbox(|options| options.with_hash_algo("sha256")).start().await;
    sha256.sandbox().inject(Operation::Import, Fault::ImportConverts("raw".to_owned()));
    let error = import(&sha256, pipe(), PushOptions::named("image")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotVerify, "{error:?}");
    assert!(error.failure.to_string().contains("sha256 was not computed"), "{error:?}");
    assert_eq!(sha256.images().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converted_image_with_other_bytes_is_deleted() {
    let scene = Scene::start().await;
    let Some(disk) = converted(&scene) else { return };
    let bytes = std::io::Cursor::new(std::fs::read(&disk).unwrap());
    let sources: [Box<dyn Source>; 2] =
        [Box::new(FileSource::open(&disk).unwrap()), Box::new(ReaderSource::new("pipe", bytes))];
    for source in sources {
        scene.sandbox().inject(Operation::Import, Fault::ImportConvertsWrongly);
        let error = import(&scene, source, PushOptions::named("image")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ServerDiffers, "{error:?}");
        assert!(error.failure.to_string().contains("converted to raw"), "{error:?}");
        assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");
        assert!(scene.images().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_keeps_the_image_that_the_service_has_converted() {
    for mode in [IfExists::Skip, IfExists::Replace(Retire::Delete), IfExists::Rename] {
        let scene = Scene::start().await;
        let Some(disk) = converted(&scene) else { return };
        scene.sandbox().inject(Operation::Import, Fault::ImportConverts("raw".to_owned()));
        let mut ids = Vec::new();
        for action in [PushAction::Pushed, PushAction::Skipped] {
            let file = FileSource::open(&disk).unwrap();
            let options = PushOptions::named("image").with_if_exists(mode);
            let report = import(&scene, Box::new(file), options).await.unwrap();
            assert_eq!(report.verified_by, [VerifiedBy::RawView], "{mode:?}");
            assert_eq!(report.action, action, "{mode:?}");
            ids.push(report.id);
        }
        assert_eq!(ids[0], ids[1], "{mode:?}");
        assert_eq!(scene.images().await.len(), 1, "{mode:?}");
    }
}

/// Another raw disk of the same size has its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_raw_image_with_other_bytes_is_not_the_converted_source() {
    let scene = Scene::start().await;
    let Some(disk) = converted(&scene) else { return };
    let other = Box::new(BytesSource::new("disk.raw", vec![3; DISK_BYTES]));
    let options = PushOptions::named("image").with_disk_format("raw");
    Push::new(scene.client.clone(), options).run(other, &CancellationToken::new()).await.unwrap();
    let file = || Box::new(FileSource::open(&disk).unwrap());
    let skip = PushOptions::named("image").with_if_exists(IfExists::Skip);
    let error = import(&scene, file(), skip).await.unwrap_err();
    assert!(matches!(*error.failure, PushFailure::Exists { .. }), "{error:?}");
    scene.sandbox().inject(Operation::Import, Fault::ImportConverts("raw".to_owned()));
    let replace = PushOptions::named("image").with_if_exists(IfExists::Replace(Retire::Delete));
    let report = import(&scene, file(), replace).await.unwrap();
    assert_eq!((report.action, report.replaced.len()), (PushAction::Pushed, 1));
}

/// While the first run uploads, the second one waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_runs_into_a_service_that_converts_end_with_one_image() {
    let scene = Scene::start().await;
    let Some(disk) = converted(&scene) else { return };
    for _ in 0..2 {
        scene.sandbox().inject(Operation::Import, Fault::ImportConverts("raw".to_owned()));
    }
    let run = || {
        let file = FileSource::open(&disk).unwrap();
        let options = PushOptions::named("image").with_if_exists(IfExists::Skip);
        import(&scene, Box::new(file), options)
    };
    let (first, second) = tokio::join!(run(), run());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.id, second.id);
    assert!(first.verified && second.verified);
    assert_eq!(scene.images().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converted_image_is_verified_with_the_file_it_was_made_of() {
    let scene = Scene::start().await;
    let Some(disk) = converted(&scene) else { return };
    scene.sandbox().inject(Operation::Import, Fault::ImportConverts("raw".to_owned()));
    let file = || Box::new(FileSource::open(&disk).unwrap());
    import(&scene, file(), PushOptions::named("image")).await.unwrap();
    let image = scene.images().await.remove(0);
    let verification = Verification::new(scene.client.clone(), DownloadOptions::default());
    let token = CancellationToken::new();
    let report = verification.against_file(&image, file(), &token).await.unwrap();
    assert_eq!(report.verified_by, [VerifiedBy::RawView]);
    // Another disk of the same size.
    let other = scene.write("other.raw", vec![4; DISK_BYTES]);
    let changed = scene.write("other.qcow2", []);
    qemu_img(&["convert", "-O", "qcow2", path(&other), path(&changed)]);
    let source = Box::new(FileSource::open(&changed).unwrap());
    let error = verification.against_file(&image, source, &token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerDiffers, "{error:?}");
}

/// The start of a source without random access was read for its inspection.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_from_a_source_without_random_access_keeps_the_converted_image() {
    let scene = Scene::start().await;
    let Some(disk) = converted(&scene) else { return };
    scene.sandbox().inject(Operation::Import, Fault::ImportConverts("raw".to_owned()));
    for action in [PushAction::Pushed, PushAction::Skipped] {
        let source = Box::new(WithoutRandomAccess(FileSource::open(&disk).unwrap()));
        let options = PushOptions::named("image").with_if_exists(IfExists::Skip);
        let report = import(&scene, source, options).await.unwrap();
        assert_eq!((report.action, &*report.verified_by), (action, &[VerifiedBy::RawView][..]));
    }
    assert_eq!(scene.images().await.len(), 1);
}

/// The size of a source that is decompressed here is unknown.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_from_a_compressed_file_keeps_the_converted_image() {
    let scene = Scene::start().await;
    let Some(disk) = converted(&scene) else { return };
    let compressed = scene.write("disk.qcow2.gz", gzip(&std::fs::read(disk).unwrap()));
    let source = || {
        let file = Box::new(FileSource::open(&compressed).unwrap());
        Box::new(Decompressed::new(file, Compression::Gzip).unwrap())
    };
    scene.sandbox().inject(Operation::Import, Fault::ImportConverts("raw".to_owned()));
    for action in [PushAction::Pushed, PushAction::Skipped] {
        let options = PushOptions::named("image").with_if_exists(IfExists::Skip);
        let report = import(&scene, source(), options).await.unwrap();
        assert_eq!((report.action, &*report.verified_by), (action, &[VerifiedBy::RawView][..]));
    }
    let image = scene.images().await.remove(0);
    let verification = Verification::new(scene.client.clone(), DownloadOptions::default());
    let token = CancellationToken::new();
    let report = verification.against_file(&image, source(), &token).await.unwrap();
    assert_eq!(report.verified_by, [VerifiedBy::RawView]);
}

/// A raw image that may be the disk has the name, but the disk cannot be read.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_cannot_be_compared_replaces_the_raw_image() {
    let scene = Scene::start().await;
    let Some(disk) = converted(&scene) else { return };
    let mut image = std::fs::read(&disk).unwrap();
    let end = image.len();
    image[end - 2000..end - 1000].fill(0xff);
    let damaged = scene.write("damaged.qcow2", image);
    let other = Box::new(BytesSource::new("disk.raw", vec![3; DISK_BYTES]));
    let options = PushOptions::named("image").with_disk_format("raw");
    Push::new(scene.client.clone(), options).run(other, &CancellationToken::new()).await.unwrap();
    let file = || Box::new(FileSource::open(&damaged).unwrap());
    let skip = PushOptions::named("image").with_if_exists(IfExists::Skip);
    let error = import(&scene, file(), skip).await.unwrap_err();
    assert!(error.failure.to_string().contains("cannot be compared"), "{error:?}");
    let replace = PushOptions::named("image").with_if_exists(IfExists::Replace(Retire::Delete));
    let report = import(&scene, file(), replace).await.unwrap();
    assert_eq!((report.action, report.replaced.len()), (PushAction::Pushed, 1));
    assert_eq!(report.verified_by, [VerifiedBy::OsHashValue, VerifiedBy::Checksum]);
}

/// A file that is read from start to end.
struct WithoutRandomAccess(FileSource);

impl Source for WithoutRandomAccess {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn size(&self) -> Option<u64> {
        self.0.size()
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        self.0.next_chunk(pool)
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        self.0.rewind()
    }
}

const DISK_BYTES: usize = 3 << 20;

/// A qcow2 with a disk of [`DISK_BYTES`]; `None` without qemu-img.
fn converted(scene: &Scene) -> Option<PathBuf> {
    if Command::new("qemu-img").arg("--version").output().is_err() {
        left_out("qemu-img: a service that converts");
        return None;
    }
    let raw: Vec<u8> = (0..DISK_BYTES).map(|at| (at / 4096) as u8).collect();
    let raw = scene.write("disk.raw", raw);
    let image = scene.write("disk.qcow2", []);
    qemu_img(&["convert", "-c", "-O", "qcow2", path(&raw), path(&image)]);
    Some(image)
}

fn qemu_img(arguments: &[&str]) {
    assert!(Command::new("qemu-img").args(arguments).status().unwrap().success());
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn import(
    scene: &Scene,
    source: Box<dyn Source>,
    options: PushOptions,
) -> Result<Report, PushError> {
    let target = Target::new(scene.client.clone()).via(Via::Import);
    let options = options.with_retry(RetryOptions::never());
    Push::to(target, options).run(source, &CancellationToken::new()).await
}

/// The record describes the decompressed data, so the source is decompressed for the comparison.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_the_import_decompresses_is_compared_with_the_decompressed_source() {
    for algorithm in ["sha512", "sha256"] {
        let scene =
            Scene::builder().sandbox(|options| options.with_hash_algo(algorithm)).start().await;
        scene.sandbox().inject(Operation::Import, Fault::ImportDecompresses);
        let disk = qcow2_of(1 << 30);
        let path = scene.write("disk.qcow2.gz", gzip(&disk));
        let file = FileSource::open(&path).unwrap();
        let report = push_compressed(&scene, Box::new(file)).await.unwrap();
        assert!(report.verified);
        assert_eq!(report.size, Some(disk.len() as u64));
        let notes: Vec<_> = report.notes.iter().map(|note| note.id).collect();
        assert_eq!(notes, [NoteId::Decompressed]);
        let image = &scene.images().await[0];
        assert_eq!(image.status(), Status::Active);
        assert_eq!(report.digests.get(algorithm).map(|it| &**it), image.hash_value());
        // The run has published its image.
        assert_eq!(image.property("imgpush_run"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_the_import_decompresses_from_a_pipe_is_kept_and_not_compared() {
    let scene = Scene::start().await;
    scene.sandbox().inject(Operation::Import, Fault::ImportDecompresses);
    let compressed = std::io::Cursor::new(gzip(&qcow2_of(1 << 30)));
    let pipe = ReaderSource::new("pipe", compressed);
    let error = push_compressed(&scene, Box::new(pipe)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotVerify, "{error:?}");
    let text = error.failure.to_string();
    assert!(text.contains("decompressed") && text.contains("pipe can be read only once"));
    assert!(matches!(error.outcome, RecordOutcome::Kept { .. }), "{error:?}");
    assert_eq!(scene.images().await[0].status(), Status::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decompressed_image_with_other_bytes_is_deleted() {
    let scene = Scene::start().await;
    scene.sandbox().inject(Operation::Import, Fault::ImportDecompresses);
    let mut disk = qcow2_of(1 << 30);
    let sent = gzip(&disk);
    *disk.last_mut().unwrap() ^= 1;
    let source = Changing(vec![gzip(&disk), sent]).start_pass();
    let error = push_compressed(&scene, Box::new(source)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerDiffers, "{error:?}");
    assert!(matches!(error.outcome, RecordOutcome::Removed { .. }), "{error:?}");
    assert!(scene.images().await.is_empty());
}

/// A source with other bytes in each pass, the last of these first.
struct Changing(Vec<Vec<u8>>);

struct CurrentPass {
    left: Changing,
    now: BytesSource,
}

impl Changing {
    fn start_pass(mut self) -> CurrentPass {
        let now = BytesSource::new("disk.qcow2.gz", self.0.pop().unwrap());
        CurrentPass { left: self, now }
    }
}

impl Source for CurrentPass {
    fn name(&self) -> &str {
        self.now.name()
    }

    fn size(&self) -> Option<u64> {
        None
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        self.now.next_chunk(pool)
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        Some(self)
    }
}

impl Rewind for CurrentPass {
    fn to_start(&mut self) -> Result<(), SourceError> {
        *self = Changing(std::mem::take(&mut self.left.0)).start_pass();
        Ok(())
    }
}

async fn push_compressed(scene: &Scene, source: Box<dyn Source>) -> Result<Report, PushError> {
    let target = Target::new(scene.client.clone()).via(Via::Import);
    let mut options = PushOptions::named("image").with_retry(RetryOptions::never());
    options.disk_format = Some("qcow2".to_owned());
    options.container_format = "compressed".to_owned();
    options.force_format = true;
    Push::to(target, options).run(source, &CancellationToken::new()).await
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// An empty disk of this number of bytes: a header, a table of reference counts and a table of level 1.
fn qcow2_of(virtual_size: u64) -> Vec<u8> {
    let cluster = 1usize << 16;
    let mut image = vec![0; 4 * cluster];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"QFI\xfb");
    put(4, &2u32.to_be_bytes());
    put(20, &16u32.to_be_bytes());
    put(24, &virtual_size.to_be_bytes());
    let entries = virtual_size.div_ceil((cluster as u64) * (cluster as u64 / 8));
    put(36, &u32::try_from(entries).unwrap().to_be_bytes());
    put(40, &(3 * cluster as u64).to_be_bytes());
    put(48, &(cluster as u64).to_be_bytes());
    put(56, &1u32.to_be_bytes());
    put(cluster, &(2 * cluster as u64).to_be_bytes());
    for used in 0..4 {
        put(2 * cluster + 2 * used, &1u16.to_be_bytes());
    }
    image
}
