//! What goes wrong when it is told to, and what the record says then.

use std::time::{Duration, Instant};

use imgpush_sandbox::{Fault, Operation, SandboxOptions};
use serde_json::Value;

use super::{Scene, words};

#[tokio::test]
async fn an_upload_that_is_forgotten_is_saving_for_ever() {
    let scene = Scene::start(SandboxOptions::default()).await;
    let path = scene.record("", Value::Null).await;
    let file = format!("{path}/file");
    scene.sandbox.inject(Operation::Upload, Fault::Forget(2));
    let url = format!("{}{file}", scene.sandbox.url());
    let request = scene.client.put(url).header("content-type", "application/octet-stream");
    assert!(request.body("abc").send().await.is_err(), "the connection is cut");
    assert_eq!(scene.show("", &path).await["status"], "saving");

    let again = scene.send("", &file, "abc").await;
    assert_eq!(again.0, 409);
    let said = "Image status transition from saving to saving is not allowed";
    assert!(words(&again).contains(said), "{again:?}");
    assert_eq!(scene.show("", &path).await["status"], "saving");
    assert_eq!(scene.call("", "DELETE", &path, Value::Null).await.0, 204);
}

#[tokio::test]
async fn a_status_comes_as_json_too_and_the_record_stays_queued() {
    let scene = Scene::start(SandboxOptions::default()).await;
    let path = scene.record("", Value::Null).await;
    for (status, after) in [(503, 0), (500, 3)] {
        scene.sandbox.inject(Operation::Upload, Fault::StatusJson { status, after });
        let answer = scene.send("", &format!("{path}/file"), "abc").await;
        assert_eq!(answer.0, status);
        assert!(words(&answer).contains("gone wrong"), "{answer:?}");
        assert_eq!(scene.show("", &path).await["status"], "queued");
    }
    let journal = scene.sandbox.journal();
    let uploads = journal.iter().filter(|r| r.method == "PUT").map(|r| (r.status, r.body_bytes));
    assert_eq!(uploads.collect::<Vec<_>>(), [(Some(503), 0), (Some(500), 3)]);
}

#[tokio::test]
async fn a_wrong_answer_comes_behind_what_was_done() {
    let scene = Scene::start(SandboxOptions::default()).await;
    let path = scene.record("", Value::Null).await;
    scene.sandbox.inject(Operation::Upload, Fault::StatusAfter(504));
    assert_eq!(scene.send("", &format!("{path}/file"), "abc").await.0, 504);
    assert_eq!(scene.show("", &path).await["status"], "active");

    scene.sandbox.inject(Operation::Show, Fault::SlowAnswer(Duration::from_secs(1)));
    let begun = Instant::now();
    assert_eq!(scene.show("", &path).await["status"], "active");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_busy_service_names_a_time() {
    let scene = Scene::start(SandboxOptions::default()).await;
    scene.sandbox.inject(Operation::List, Fault::Busy(Duration::from_secs(7)));
    let url = format!("{}/v2/images", scene.sandbox.url());
    let answer = scene.client.get(&url).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    assert_eq!(scene.client.get(&url).send().await.unwrap().status().as_u16(), 200);
}
