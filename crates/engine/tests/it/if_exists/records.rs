//! The calls of [`Records`] for each record.

use std::io;
use std::sync::{Arc, Mutex};

use imgpush_engine::{IfExists, PushFailure, Records};
use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;

use super::scene::{NAME, Way, data, derived, failure, options, push_data, record_of, sha512};

#[derive(Default)]
struct Account {
    lines: Mutex<Vec<String>>,
    is_full: bool,
}

impl Records for Account {
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

impl Account {
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }
}

fn kept_by(account: &Arc<Account>, mode: IfExists) -> Way {
    Way { records: Some(Arc::clone(account) as Arc<dyn Records>), ..options(mode).into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_id_is_told_before_and_when_it_is_gone() {
    let scene = Scene::start().await;
    let account = Arc::new(Account::default());
    let report = push_data(&scene, kept_by(&account, IfExists::Add), &data(0)).await.0.unwrap();
    assert_eq!(account.taken(), [format!("asking {}", report.id)]);

    scene.sandbox().inject(Operation::Upload, Fault::Status { status: 413, after: 300_000 });
    let error = push_data(&scene, kept_by(&account, IfExists::Add), &data(0)).await.0.unwrap_err();
    let imgpush_engine::RecordOutcome::Removed { id } = error.outcome else { panic!("{error:?}") };
    assert_eq!(account.taken(), [format!("asking {id}"), format!("gone {id}")]);

    scene.sandbox().inject(Operation::Create, Fault::Status { status: 403, after: 0 });
    push_data(&scene, kept_by(&account, IfExists::Add), &data(0)).await.0.unwrap_err();
    let lines = account.taken();
    assert!(lines[0].starts_with("asking ") && lines[1].starts_with("gone "), "{lines:?}");

    // Nothing is created, so nothing is reported.
    push_data(&scene, kept_by(&account, IfExists::Skip), &data(0)).await.0.unwrap();
    assert!(account.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_anothers_is_told_to_be_gone() {
    let scene = Scene::start().await;
    let [first, second] = [0, 1].map(|number| derived(&sha512(&data(0)), number, NAME));
    scene.client.create(&record_of(&first)).await.unwrap();
    scene.client.delete(&first).await.unwrap();
    let account = Arc::new(Account::default());
    push_data(&scene, kept_by(&account, IfExists::Skip), &data(0)).await.0.unwrap();
    let expected = [format!("asking {first}"), format!("gone {first}"), format!("asking {second}")];
    assert_eq!(account.taken(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_down_is_not_asked_for() {
    let scene = Scene::start().await;
    let account = Arc::new(Account { is_full: true, ..Account::default() });
    let failure = failure(push_data(&scene, kept_by(&account, IfExists::Add), &data(0)).await.0);
    assert!(matches!(failure, PushFailure::NotRecorded { .. }), "{failure}");
    assert!(!scene.requests(0).iter().any(|request| request.starts_with("POST")));
}
