//! Error responses of a service, or of a proxy in front of it.

use imgpush_scene::Side;
use imgpush_tests::proxy::{Answer, Ending, Fault, Requests};

use super::scene::{MIB, together};

const SIZE: u64 = 4 * MIB;

/// With 0 bytes the service gets no request; with more, its upload is interrupted.
fn answered(after: u64, answer: Answer, ending: Ending) -> Fault {
    match after {
        0 => Fault::Refuse { after, answer, ending },
        _ => Fault::Answer { after, answer, ending },
    }
}

pub(crate) fn an_overloaded_service_is_retried(side: Side) {
    let mut cases = Vec::new();
    for (at, status) in [500, 502, 503, 504, 408, 429].into_iter().enumerate() {
        // Half of them in the form of Glance, and half of them early.
        let answers = [Answer::json(status), Answer::html(status)];
        let places = if at % 2 == 0 { [0, SIZE / 2] } else { [SIZE / 2, 0] };
        cases.extend(places.into_iter().zip(answers));
    }
    together(side, &cases, |scene, (after, answer)| {
        let file = scene.file(SIZE);
        let fault = answered(*after, answer.clone(), Ending::Fin);
        scene.image.once(Requests::UPLOADS, fault);
        let run = scene.push(&file, &["--retries", "1"]);
        scene.arrived(&run, &file);
        assert_eq!(scene.sent(), [*after, SIZE], "{answer:?} {run:?}");
    });
}

pub(crate) fn decisions_of_the_service_are_not_retried(side: Side) {
    let cases = [
        (400, 0, 21),
        (403, 0, 20),
        (404, 0, 21),
        (409, 0, 21),
        (410, SIZE / 2, 21),
        (413, 0, 21),
        (413, SIZE / 2, 21),
        (415, SIZE / 2, 21),
    ];
    together(side, &cases, |scene, &(status, after, code)| {
        let file = scene.file(SIZE);
        let fault = answered(after, Answer::json(status), Ending::Fin);
        scene.image.once(Requests::UPLOADS, fault);
        let run = scene.push(&file, &["--retries", "3"]);
        scene.failed(&run, code);
        assert_eq!(scene.sent(), [after], "{status} {run:?}");
        run.says(&status.to_string());
        run.says("Glance says");
    });
}

/// Whether the response survives the reset depends on the network; without it the refusal cannot be
/// distinguished from a failed connection.
pub(crate) fn a_refusal_before_a_reset_is_read_if_possible(side: Side) {
    together(side, &[0, SIZE / 2], |scene, &after| {
        let file = scene.file(SIZE);
        let fault = answered(after, Answer::json(413), Ending::Reset);
        scene.image.always(Requests::UPLOADS, fault);
        let run = scene.push(&file, &["--retries", "1"]);
        if run.code == Some(21) {
            run.says("Glance says");
            scene.failed(&run, 21);
        } else {
            scene.failed(&run, 22);
            assert_eq!(scene.sent().len(), 2, "{run:?}");
        }
    });
}

pub(crate) fn a_transient_refusal_before_a_reset_is_retried(side: Side) {
    together(side, &[0, SIZE / 2, SIZE - 1], |scene, &after| {
        let file = scene.file(SIZE);
        let fault = answered(after, Answer::html(503), Ending::Reset);
        scene.image.once(Requests::UPLOADS, fault);
        let run = scene.push(&file, &["--retries", "1"]);
        scene.arrived(&run, &file);
        assert_eq!(scene.sent(), [after, SIZE], "{run:?}");
    });
}

pub(crate) fn a_refusal_of_all_attempts_is_shown(side: Side) {
    let cases = [
        (
            Answer::json(503),
            &["503", "Glance says Service Unavailable", "req-00000000-0000-4000"][..],
        ),
        (Answer::html(502), &["502", "nginx"]),
    ];
    together(side, &cases, |scene, (answer, said)| {
        let file = scene.file(SIZE);
        scene.image.always(Requests::UPLOADS, answered(0, answer.clone(), Ending::Fin));
        let run = scene.push(&file, &["--retries", "1"]);
        scene.failed(&run, 22);
        assert_eq!(scene.sent(), [0, 0], "{run:?}");
        said.iter().for_each(|words| run.says(words));
    });
}
