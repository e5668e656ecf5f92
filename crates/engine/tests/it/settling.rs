//! Services that show the result of an upload late, or that convert what they store.

use std::io::Write as _;
use std::time::Duration;

use imgpush_engine::client::Status;
use imgpush_engine::source::pool::Pool;
use imgpush_engine::source::{BytesSource, Chunk, FileSource, ReaderSource, Rewind, Source};
use imgpush_engine::{
    CancellationToken, ErrorKind, NoteId, Push, PushError, PushFailure, PushOptions, RecordOutcome,
    Report, RetryOptions, SourceError, Target, Via,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

const BYTES: usize = 2 << 20;

fn once() -> PushOptions {
    PushOptions::named("image").with_disk_format("raw").with_retry(RetryOptions::never())
}

fn source() -> Box<dyn Source> {
    Box::new(BytesSource::new("disk.raw", vec![3; BYTES]))
}

async fn push(scene: &Scene, options: PushOptions) -> Result<Report, PushError> {
    Push::new(scene.client.clone(), options).run(source(), &CancellationToken::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outdated_response_after_an_upload_costs_no_image() {
    let shown = |status: &str| Fault::ShownAs(status.to_owned());
    for faults in [
        vec![shown("saving"), shown("saving"), shown("saving")],
        vec![shown("queued")],
        // Without hashes.
        vec![shown("active"), shown("active")],
        vec![Fault::Status { status: 404, after: 0 }],
        vec![Fault::Status { status: 502, after: 0 }, Fault::StatusJson { status: 404, after: 0 }],
        // The error page of a gateway.
        vec![Fault::StatusAfter(500), shown("saving"), Fault::Status { status: 503, after: 0 }],
    ] {
        let scene = Scene::start().await;
        for fault in &faults {
            scene.sandbox().inject(Operation::Show, fault.clone());
        }
        let report = push(&scene, once()).await.unwrap();
        assert!(report.verified, "{faults:?}");
        let all = scene.images().await;
        assert_eq!((all.len(), all[0].status()), (1, Status::Active), "{faults:?}");
        assert_eq!(scene.uploads().len(), 1, "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_stays_saving_after_its_upload_is_kept_and_reported() {
    let scene = Scene::start().await;
    for _ in 0..20 {
        scene.sandbox().inject(Operation::Show, Fault::ShownAs("saving".to_owned()));
    }
    let options = once().with_finish_timeout(Duration::from_secs(1));
    let error = push(&scene, options).await.unwrap_err();
    assert!(
        matches!(*error.failure, PushFailure::Unfinished { status: Status::Saving, .. }),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::WaitedTooLong);
    let RecordOutcome::Kept { id, .. } = &error.outcome else { panic!("{error:?}") };
    let all = scene.images().await;
    assert_eq!((all.len(), all[0].id()), (1, &**id));
}

/// The stored bytes differ from those that were sent, without being damaged.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_the_import_converts_is_kept_and_not_compared() {
    let scene = Scene::start().await;
    scene.sandbox().inject(Operation::Import, Fault::ImportConverts);
    let path = scene.write("disk.qcow2", qcow2_of(1 << 30));
    let target = Target::new(scene.client.clone()).via(Via::Import);
    let options = PushOptions::named("image").with_retry(RetryOptions::never());
    let file = FileSource::open(&path).unwrap();
    let run = Push::to(target, options).run(Box::new(file), &CancellationToken::new()).await;
    let error = run.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotVerify, "{error:?}");
    assert!(error.failure.to_string().contains("converted to raw"), "{error:?}");
    assert!(matches!(error.outcome, RecordOutcome::Kept { .. }), "{error:?}");
    let all = scene.images().await;
    assert_eq!((all.len(), all[0].status()), (1, Status::Active));
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
