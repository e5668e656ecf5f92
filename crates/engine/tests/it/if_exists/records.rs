//! The calls of [`Records`] for each record.

use std::io;
use std::sync::{Arc, Mutex};

use imgpush_engine::{IfExists, PushFailure, Records};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

use super::scene::{
    NAME, PushSetup, data, derived, failure, options, push_data, record_of, sha512,
};

#[derive(Default)]
struct RecordedCalls {
    lines: Mutex<Vec<String>>,
    is_full: bool,
}

impl Records for RecordedCalls {
    fn asking(&self, id: &str, _: Option<&str>) -> io::Result<()> {
        if self.is_full {
            return Err(io::Error::other("no space is left"));
        }
        self.lines.lock().unwrap().push(format!("asking {id}"));
        Ok(())
    }

    fn gone(&self, id: &str) {
        self.lines.lock().unwrap().push(format!("gone {id}"));
    }
}

impl RecordedCalls {
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }
}

fn recorded_by(calls: &Arc<RecordedCalls>, mode: IfExists) -> PushSetup {
    PushSetup { records: Some(Arc::clone(calls) as Arc<dyn Records>), ..options(mode).into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_id_is_reported_before_its_creation_and_after_its_deletion() {
    let scene = Scene::start().await;
    let calls = Arc::new(RecordedCalls::default());
    let report = push_data(&scene, recorded_by(&calls, IfExists::Add), &data(0)).await.0.unwrap();
    assert_eq!(calls.taken(), [format!("asking {}", report.id)]);

    scene.sandbox().inject(Operation::Upload, Fault::Status { status: 413, after: 300_000 });
    let error =
        push_data(&scene, recorded_by(&calls, IfExists::Add), &data(0)).await.0.unwrap_err();
    let imgpush_engine::RecordOutcome::Removed { id } = error.outcome else { panic!("{error:?}") };
    assert_eq!(calls.taken(), [format!("asking {id}"), format!("gone {id}")]);

    scene.sandbox().inject(Operation::Create, Fault::Status { status: 403, after: 0 });
    push_data(&scene, recorded_by(&calls, IfExists::Add), &data(0)).await.0.unwrap_err();
    let lines = calls.taken();
    assert!(lines[0].starts_with("asking ") && lines[1].starts_with("gone "), "{lines:?}");

    // Nothing is created, so nothing is reported.
    push_data(&scene, recorded_by(&calls, IfExists::Skip), &data(0)).await.0.unwrap();
    assert!(calls.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_in_use_is_reported_as_gone() {
    let scene = Scene::start().await;
    let [first, second] = [0, 1].map(|number| derived(&sha512(&data(0)), number, NAME));
    scene.client.create(&record_of(&first)).await.unwrap();
    scene.client.delete(&first).await.unwrap();
    let calls = Arc::new(RecordedCalls::default());
    push_data(&scene, recorded_by(&calls, IfExists::Skip), &data(0)).await.0.unwrap();
    let expected = [format!("asking {first}"), format!("gone {first}"), format!("asking {second}")];
    assert_eq!(calls.taken(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_cannot_be_recorded_is_not_requested() {
    let scene = Scene::start().await;
    let calls = Arc::new(RecordedCalls { is_full: true, ..RecordedCalls::default() });
    let failure = failure(push_data(&scene, recorded_by(&calls, IfExists::Add), &data(0)).await.0);
    assert!(matches!(failure, PushFailure::NotRecorded { .. }), "{failure}");
    assert!(!scene.requests(0).iter().any(|request| request.starts_with("POST")));
}
