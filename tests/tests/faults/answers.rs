//! Responses that are lost, wrong, late in the exchange, or not HTTP.

use imgpush_scene::Side;
use imgpush_tests::proxy::{Answer, Ending, Fault, Requests};
use serde_json::json;

use super::scene::{MIB, Proxied, together};

const SIZE: u64 = 2 * MIB;

pub(crate) fn a_lost_response_is_recovered_from_the_record(side: Side) {
    together(side, &[Ending::Fin, Ending::Reset], |scene, &ending| {
        let file = scene.file(SIZE);
        scene.image.once(Requests::UPLOADS, Fault::Lose(ending));
        let run = scene.push(&file, &["--retries", "1"]);
        scene.arrived(&run, &file);
        assert_eq!(scene.sent(), [SIZE], "{run:?}");
    });
}

/// The service has the data, and a proxy in between reports an error. The record of the image is decisive.
pub(crate) fn a_wrong_response_after_all_data_causes_no_retry(side: Side) {
    let answers = [
        Answer::json(401),
        Answer::json(500),
        Answer::html(502),
        Answer::json(503),
        Answer::html(504),
        Answer::html(408),
    ];
    together(side, &answers, |scene, answer| {
        let file = scene.file(SIZE);
        scene.image.once(Requests::UPLOADS, Fault::Replace(answer.clone()));
        let run = scene.push(&file, &["--retries", "1"]);
        scene.arrived(&run, &file);
        assert_eq!(scene.sent(), [SIZE], "{answer:?} {run:?}");
    });
}

pub(crate) fn an_invalid_response_counts_as_a_failed_connection(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(SIZE);
    let answer = Answer::garbage();
    let fault = Fault::Answer { after: MIB, answer, ending: Ending::Fin };
    scene.image.once(Requests::UPLOADS, fault);
    let run = scene.push(&file, &["--retries", "1"]);
    scene.arrived(&run, &file);
    assert_eq!(scene.sent(), [MIB, SIZE], "{run:?}");

    let scene = Proxied::new(side);
    let file = scene.file(SIZE);
    scene.image.once(Requests::UPLOADS, Fault::Replace(Answer::garbage()));
    let run = scene.push(&file, &["--retries", "1"]);
    scene.arrived(&run, &file);
    assert_eq!(scene.sent(), [SIZE], "{run:?}");
}

pub(crate) fn a_repeated_response_counts_once(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(SIZE);
    for requests in [Requests::CREATIONS, Requests::UPLOADS, Requests::LOOKS] {
        scene.image.once(requests, Fault::Twice);
    }
    let run = scene.push(&file, &["--retries", "0"]);
    scene.arrived(&run, &file);
}

/// The record differs from the data that was sent: sending it again would hide that.
pub(crate) fn other_data_than_was_sent_is_never_a_success(side: Side) {
    let cases = [
        ("os_hash_value", json!("0".repeat(128))),
        ("checksum", json!("0".repeat(32))),
        ("size", json!(SIZE - 1)),
    ];
    together(side, &cases, |scene, (field, value)| {
        let file = scene.file(SIZE);
        scene.image.always(Requests::LOOKS, Fault::Rewrite(vec![(*field, value.clone())]));
        let run = scene.push(&file, &["--retries", "3"]);
        scene.failed(&run, 23);
        run.says(field);
        assert_eq!(scene.sent(), [SIZE], "{run:?}");
    });
}

/// The data has arrived, so failures of small calls after it must not discard it; nor may failures before it
/// fail the push.
pub(crate) fn failures_of_small_calls_are_tolerated(side: Side) {
    let answer =
        |status| Fault::Refuse { after: 0, answer: Answer::html(status), ending: Ending::Fin };
    let schema = Requests::new("GET", "/v2/schemas/image");
    let cases = [
        (Requests::LOOKS, answer(503)),
        (Requests::LOOKS, Fault::Cut { after: 0, ending: Ending::Reset }),
        (schema, answer(502)),
        (Requests::CREATIONS, answer(503)),
        (Requests::CREATIONS, Fault::Lose(Ending::Fin)),
    ];
    together(side, &cases, |scene, (requests, fault)| {
        let file = scene.file(SIZE);
        scene.image.once(*requests, fault.clone());
        let run = scene.push(&file, &["--retries", "1"]);
        assert!(scene.image.journal().iter().any(|passed| passed.fault.is_some()), "{run:?}");
        scene.arrived(&run, &file);
    });
}
