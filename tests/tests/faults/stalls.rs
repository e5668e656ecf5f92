//! Connections on which nothing moves, and such on which little does.

use std::time::{Duration, Instant};

use imgpush_scene::Side;
use imgpush_tests::proxy::{Fault, Pace, Requests};

use super::scene::{MIB, Proxied};

pub(crate) fn a_connection_that_takes_nothing_is_left_for_another(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(8 * MIB);
    let lasting = Duration::from_secs(2);
    scene.image.once(Requests::UPLOADS, Fault::Stall { after: MIB, lasting });
    let run = scene.push(&file, &["--retries", "1", "--idle-timeout", "1"]);
    scene.arrived(&run, &file);
    assert_eq!(scene.sent().len(), 2, "{run:?}");
    assert!(scene.sent()[0] < 8 * MIB, "{:?} {run:?}", scene.sent());
}

pub(crate) fn a_service_that_never_answers_is_asked_what_it_has(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    // For longer than any test: it ends only when it does not wait for the answer.
    let lasting = Duration::from_secs(3600);
    scene.image.once(Requests::UPLOADS, Fault::Stall { after: MIB, lasting });
    let run = scene.push(&file, &["--retries", "1", "--finish-timeout", "1"]);
    scene.arrived(&run, &file);
    assert_eq!(scene.sent(), [MIB], "{run:?}");
    assert_eq!(scene.image.passed(Requests::UPLOADS)[0].status, None, "{run:?}");
}

/// The body takes several times the time-out, but bytes move. The program sees them move in steps of half
/// a MiB, so that is what has to be through within the time-out.
pub(crate) fn what_is_slow_is_not_taken_for_stalled(side: Side) {
    let scene = Proxied::new(side);
    // More than all buffers on the way hold.
    let file = scene.file(5 * MIB / 2);
    let pace = Pace { bytes: 8 << 10, pause: Duration::from_millis(20) };
    scene.image.once(Requests::UPLOADS, Fault::SlowBody(pace));
    let begun = Instant::now();
    let run = scene.push(&file, &["--retries", "0", "--idle-timeout", "2"]);
    let took = begun.elapsed();
    scene.arrived(&run, &file);
    // That it was slow is what this test is about, and only time shows it. A busy machine makes it slower.
    assert!(took > Duration::from_secs(4), "{run:?}");
}

pub(crate) fn an_answer_that_comes_slowly_is_waited_for(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    let by_byte = Pace { bytes: 1, pause: Duration::from_millis(1) };
    scene.image.once(Requests::UPLOADS, Fault::SlowAnswer(by_byte));
    scene.image.once(Requests::CREATIONS, Fault::SlowAnswer(by_byte));
    scene.image.once(Requests::LOOKS, Fault::SlowAnswer(by_byte));
    let run = scene.push(&file, &["--retries", "0"]);
    scene.arrived(&run, &file);
}
