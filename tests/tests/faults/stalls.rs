//! Stalled connections, and slow ones.

use std::time::{Duration, Instant};

use imgpush_scene::Side;
use imgpush_tests::proxy::{Fault, Pace, Requests};

use super::scene::{MIB, Proxied};

pub(crate) fn a_stalled_connection_is_replaced(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(8 * MIB);
    let lasting = Duration::from_secs(2);
    scene.image.once(Requests::UPLOADS, Fault::Stall { after: MIB, lasting });
    let run = scene.push(&file, &["--retries", "1", "--idle-timeout", "1"]);
    scene.arrived(&run, &file);
    assert_eq!(scene.sent().len(), 2, "{run:?}");
    assert!(scene.sent()[0] < 8 * MIB, "{:?} {run:?}", scene.sent());
}

pub(crate) fn without_a_response_the_record_is_checked(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    // Longer than any test: it can only end by not waiting for the response.
    let lasting = Duration::from_secs(3600);
    scene.image.once(Requests::UPLOADS, Fault::Stall { after: MIB, lasting });
    let run = scene.push(&file, &["--retries", "1", "--finish-timeout", "1"]);
    scene.arrived(&run, &file);
    assert_eq!(scene.sent(), [MIB], "{run:?}");
    assert_eq!(scene.image.passed(Requests::UPLOADS)[0].status, None, "{run:?}");
}

/// The body takes several times the time-out, but bytes are transferred. The program sees progress in steps
/// of half a MiB, so that amount has to be sent within the time-out.
pub(crate) fn a_slow_connection_does_not_count_as_stalled(side: Side) {
    let scene = Proxied::new(side);
    // More than all buffers in between hold.
    let file = scene.file(5 * MIB / 2);
    let pace = Pace { bytes: 8 << 10, pause: Duration::from_millis(20) };
    scene.image.once(Requests::UPLOADS, Fault::SlowBody(pace));
    let begun = Instant::now();
    let run = scene.push(&file, &["--retries", "0", "--idle-timeout", "2"]);
    let took = begun.elapsed();
    scene.arrived(&run, &file);
    // The slowness is the subject of this test, and only time shows it. A busy machine makes it slower.
    assert!(took > Duration::from_secs(4), "{run:?}");
}

pub(crate) fn a_slow_response_is_awaited(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    let by_byte = Pace { bytes: 1, pause: Duration::from_millis(1) };
    scene.image.once(Requests::UPLOADS, Fault::SlowAnswer(by_byte));
    scene.image.once(Requests::CREATIONS, Fault::SlowAnswer(by_byte));
    scene.image.once(Requests::LOOKS, Fault::SlowAnswer(by_byte));
    let run = scene.push(&file, &["--retries", "0"]);
    scene.arrived(&run, &file);
}
