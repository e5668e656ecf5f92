//! Faults, and the state of the record after each.

use std::time::Duration;

use imgpush_sandbox::{Fault, Operation};
use serde_json::{Value, json};

use super::{Wire, words};

#[tokio::test]
async fn an_image_stays_saving_after_forget() {
    let wire = Wire::open().await;
    let path = wire.record("", Value::Null).await;
    let file = format!("{path}/file");
    wire.scene.sandbox().inject(Operation::Upload, Fault::Forget(2));
    let url = format!("{}{file}", wire.scene.image_url());
    let request = wire.http.put(url).header("content-type", "application/octet-stream");
    assert!(request.body("abc").send().await.is_err(), "the connection is cut");
    assert_eq!(wire.show("", &path).await["status"], "saving");

    let again = wire.send("", &file, "abc").await;
    assert_eq!(again.0, 409);
    let said = "Image status transition from saving to saving is not allowed";
    assert!(words(&again).contains(said), "{again:?}");
    assert_eq!(wire.show("", &path).await["status"], "saving");
    assert_eq!(wire.call("", "DELETE", &path, Value::Null).await.0, 204);
}

#[tokio::test]
async fn a_status_fault_can_be_json_and_the_record_stays_queued() {
    let wire = Wire::open().await;
    let path = wire.record("", Value::Null).await;
    for (status, after) in [(503, 0), (500, 3)] {
        wire.scene.sandbox().inject(Operation::Upload, Fault::StatusJson { status, after });
        let answer = wire.send("", &format!("{path}/file"), "abc").await;
        assert_eq!(answer.0, status);
        assert!(words(&answer).contains("gone wrong"), "{answer:?}");
        assert_eq!(wire.show("", &path).await["status"], "queued");
    }
    let journal = wire.scene.sandbox().journal();
    let uploads = journal.iter().filter(|r| r.method == "PUT").map(|r| (r.status, r.body_bytes));
    assert_eq!(uploads.collect::<Vec<_>>(), [(Some(503), 0), (Some(500), 3)]);
}

#[tokio::test]
async fn a_wrong_response_follows_the_completed_request() {
    let wire = Wire::open().await;
    let path = wire.record("", Value::Null).await;
    wire.scene.sandbox().inject(Operation::Upload, Fault::StatusAfter(504));
    assert_eq!(wire.send("", &format!("{path}/file"), "abc").await.0, 504);
    assert_eq!(wire.show("", &path).await["status"], "active");

    wire.scene.sandbox().inject(Operation::Show, Fault::SlowAnswer(Duration::from_millis(1)));
    assert_eq!(wire.show("", &path).await["status"], "active");
    wire.scene.sandbox().inject(Operation::Show, Fault::SlowAnswer(Duration::from_secs(3600)));
    let others = async {
        for _ in 0..20 {
            wire.show("", "/v2/images").await;
        }
    };
    tokio::select! {
        biased;
        image = wire.show("", &path) => panic!("answered at once: {image}"),
        () = others => {}
    }
}

#[tokio::test]
async fn a_busy_service_sends_retry_after() {
    let wire = Wire::open().await;
    wire.scene.sandbox().inject(Operation::List, Fault::Busy(Duration::from_secs(7)));
    let url = format!("{}/v2/images", wire.scene.image_url());
    let answer = wire.http.get(&url).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    assert_eq!(wire.http.get(&url).send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn a_fault_for_one_image_does_not_affect_others() {
    let wire = Wire::open().await;
    let [first, second, third] = ["first", "second", "third"];
    let mut paths = Vec::new();
    for name in [first, second, third] {
        paths.push(wire.record("", json!({"name": name})).await);
    }
    let fault = || Fault::StatusJson { status: 503, after: 0 };
    wire.scene.sandbox().inject_for_image(second, Operation::Upload, fault());
    let id = paths[2].trim_start_matches("/v2/images/");
    wire.scene.sandbox().inject_for_image(id, Operation::Upload, fault());
    let mut answers = Vec::new();
    for path in [&paths[0], &paths[2], &paths[1], &paths[1]] {
        answers.push(wire.send("", &format!("{path}/file"), "abc").await.0);
    }
    assert_eq!(answers, [204, 503, 503, 204]);
}
