//! The events of records and ends that a progress receiver gets.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use imgpush_engine::source::{BytesSource, ErrorKind, Source, SourceOptions};
use imgpush_engine::{
    Batch, BatchOptions, CancellationToken, Download, DownloadOptions, IfExists, MultiPush, Phase,
    Progress, Push, PushOptions, PushTask, RetryOptions, Target, Verification,
};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

#[derive(Debug, PartialEq)]
enum Event {
    Record(String),
    Ended(Result<(), ErrorKind>),
    Other,
}

#[derive(Default)]
struct Listener(Mutex<Vec<Event>>);

impl Listener {
    fn record_event(&self, events: Event) {
        self.0.lock().unwrap().push(events);
    }

    /// Returns the ids of the records. Asserts that there is one end, and that it is the last event.
    #[track_caller]
    fn records_until(&self, end: Result<(), ErrorKind>) -> Vec<String> {
        let mut events = std::mem::take(&mut *self.0.lock().unwrap());
        assert_eq!(events.pop(), Some(Event::Ended(end)));
        let record = |events| match events {
            Event::Record(id) => Some(id),
            Event::Ended(_) => panic!("the end was reported twice"),
            Event::Other => None,
        };
        events.into_iter().filter_map(record).collect()
    }
}

impl Progress for Listener {
    fn phase(&self, _: Phase) {
        self.record_event(Event::Other);
    }

    fn sent(&self, _: u64) {
        self.record_event(Event::Other);
    }

    fn record(&self, id: &str) {
        self.record_event(Event::Record(id.to_owned()));
    }

    fn ended(&self, result: Result<(), ErrorKind>) {
        self.record_event(Event::Ended(result));
    }
}

fn source() -> Box<dyn Source> {
    Box::new(BytesSource::new("disk.raw", vec![3; 4 << 20]))
}

fn once() -> PushOptions {
    PushOptions::named("image").with_retry(RetryOptions::never())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_reports_its_record_and_its_end() {
    let scene = Scene::start().await;
    let listener = Arc::new(Listener::default());
    let push = |options| {
        Push::new(scene.client.clone(), options)
            .with_progress(Arc::clone(&listener) as Arc<dyn Progress>)
    };
    let cancel = CancellationToken::new();
    let report = push(once()).run(source(), &cancel).await.unwrap();
    assert_eq!(listener.records_until(Ok(())), std::slice::from_ref(&report.id));

    // The same image exists.
    let skip = once().with_if_exists(IfExists::Skip);
    push(skip.clone()).run(source(), &cancel).await.unwrap();
    assert_eq!(listener.records_until(Ok(())), [report.id]);

    scene.sandbox().inject(Operation::Upload, Fault::Status { status: 413, after: 4 << 20 });
    let error = push(once()).run(source(), &cancel).await.unwrap_err();
    assert_eq!(listener.records_until(Err(error.kind())).len(), 1);

    // Pushes that end before the first request to the service.
    let error = push(once().with_property("checksum", "0")).run(source(), &cancel).await;
    assert_eq!(listener.records_until(Err(error.unwrap_err().kind())), [""; 0]);

    cancel.cancel();
    push(skip).run(source(), &cancel).await.unwrap_err();
    assert_eq!(listener.records_until(Err(ErrorKind::Interrupted)), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_target_has_its_own_end() {
    let (north, south) = (Scene::start().await, Scene::start().await);
    north.sandbox().inject(Operation::Upload, Fault::Status { status: 413, after: 4 << 20 });
    let listeners = [Arc::new(Listener::default()), Arc::new(Listener::default())];
    let target = |scene: &Scene, at: usize| {
        Target::new(scene.client.clone()).with_progress(Arc::clone(&listeners[at]) as _)
    };
    let push = MultiPush::new(once()).to(target(&north, 0)).to(target(&south, 1));
    let results = push.run(source(), &CancellationToken::new()).await;
    assert_eq!(listeners[0].records_until(Err(ErrorKind::Refused)).len(), 1);
    assert_eq!(listeners[1].records_until(Ok(())), [results[1].as_ref().unwrap().id.clone()]);

    // A file that does not exist.
    let missing = PushTask::new("/nonexistent/disk.raw", SourceOptions::default(), once());
    let shared = listeners.clone();
    let batch = Batch::new(BatchOptions::default().with_jobs(NonZeroUsize::MIN))
        .to(Target::new(north.client.clone()).on_cloud("0"))
        .to(Target::new(south.client.clone()).on_cloud("1"))
        .with_progress(move |task| Arc::clone(&shared[task.cloud.parse::<usize>().unwrap()]) as _);
    let mut running = batch.start([missing], &CancellationToken::new()).unwrap();
    while running.next().await.is_some() {}
    for listener in listeners {
        assert_eq!(listener.records_until(Err(ErrorKind::Source)), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_and_verifications_report_their_end() {
    let scene = Scene::start().await;
    let cancel = CancellationToken::new();
    let report = Push::new(scene.client.clone(), once()).run(source(), &cancel).await.unwrap();
    let image = scene.client.image(&report.id).await.unwrap();
    let listener = Arc::new(Listener::default());
    let options = || DownloadOptions::default().with_retries(0);
    let download = Download::new(scene.client.clone(), options()).with_progress(listener.clone());
    let verification =
        Verification::new(scene.client.clone(), options()).with_progress(listener.clone());
    let path = scene.path("disk");

    download.to_file(&image, &path, &cancel).await.unwrap();
    listener.records_until(Ok(()));
    let error = download.to_file(&image, &path, &cancel).await.unwrap_err();
    listener.records_until(Err(error.kind()));
    download.to_writer(&image, &mut Vec::new(), "memory", &cancel).await.unwrap();
    listener.records_until(Ok(()));
    let mut stream = download.stream(&image);
    while stream.next().await.is_some() {}
    listener.records_until(Ok(()));

    verification.against_download(&image, &cancel).await.unwrap();
    listener.records_until(Ok(()));
    verification.against_file(&image, source(), &cancel).await.unwrap();
    listener.records_until(Ok(()));
    scene.sandbox().inject(Operation::Download, Fault::Status { status: 500, after: 0 });
    let error = verification.against_download(&image, &cancel).await.unwrap_err();
    listener.records_until(Err(error.kind()));
    scene.sandbox().inject(Operation::Download, Fault::Status { status: 500, after: 0 });
    let mut stream = download.stream(&image);
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    listener.records_until(Err(error.kind()));
}
