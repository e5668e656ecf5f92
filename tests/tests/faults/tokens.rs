//! Logins that expire, or are unavailable, during a push.

use std::time::{Duration, Instant};

use imgpush_scene::Side;
use imgpush_tests::proxy::{Answer, Ending, Fault, Pace, Requests};

use super::scene::{MIB, Proxied, short, together};

const SIZE: u64 = 4 * MIB;

/// The refusal of the service itself, which checks the token before the image.
fn refused(after: u64) -> Fault {
    Fault::Refuse { after, answer: Answer::json(401), ending: Ending::Fin }
}

/// Glance checks the token when an upload begins. One that has expired since then is renewed for the next
/// attempt, and for the calls after the upload.
pub(crate) fn a_token_that_expires_during_an_upload_is_renewed(side: Side) {
    let scene = Proxied::with_short_tokens(side);
    let file = scene.file(SIZE);
    let lasting = short(side) + Duration::from_secs(1);
    let slow = Pace { bytes: 16 << 10, pause: (short(side) + Duration::from_secs(1)) / 256 };
    scene.image.once(Requests::UPLOADS, Fault::Stall { after: MIB, lasting });
    scene.image.once(Requests::UPLOADS, Fault::SlowBody(slow));
    let begun = Instant::now();
    let run = scene.push(&file, &["--retries", "1", "--idle-timeout", "2"]);
    let took = begun.elapsed();
    scene.arrived(&run, &file);
    assert_eq!(scene.sent().len(), 2, "{run:?}");
    // Longer than the lifetime of two tokens; a busy machine adds to it.
    assert!(took > 2 * short(side), "{run:?}");
    assert!(scene.identity.passed(Requests::LOGINS).len() > 2, "{run:?}");
}

pub(crate) fn a_token_that_is_refused_is_renewed(side: Side) {
    together(side, &[0, 1, SIZE / 2, SIZE - 1], |scene, &after| {
        let file = scene.file(SIZE);
        scene.image.once(Requests::UPLOADS, refused(after));
        let run = scene.push(&file, &["--retries", "1"]);
        scene.arrived(&run, &file);
        assert_eq!(scene.sent(), [0, SIZE], "{run:?}");
        assert_eq!(scene.identity.passed(Requests::LOGINS).len(), 2, "{run:?}");
    });
}

pub(crate) fn a_login_that_is_always_refused_ends_the_push(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(SIZE);
    scene.image.always(Requests::UPLOADS, refused(0));
    let run = scene.push(&file, &["--retries", "1"]);
    scene.failed(&run, 20);
    run.says("401");
    // The first new token costs no retry: the old one may just have expired.
    assert_eq!(scene.sent(), [0, 0, 0], "{run:?}");
}

/// It fails while a new token is needed during a push.
pub(crate) fn an_unavailable_identity_service_is_retried(side: Side) {
    let cut = Fault::Cut { after: 0, ending: Ending::Reset };
    let busy = Fault::Refuse { after: 0, answer: Answer::json(503), ending: Ending::Fin };
    together(side, &[busy, cut], |scene, fault| {
        let file = scene.file(SIZE);
        scene.identity.once(Requests::LOGINS, Fault::None);
        scene.identity.once(Requests::LOGINS, fault.clone());
        scene.image.once(Requests::UPLOADS, refused(SIZE / 2));
        let run = scene.push(&file, &["--retries", "2"]);
        assert_eq!(scene.identity.passed(Requests::LOGINS).len(), 3, "{run:?}");
        scene.arrived(&run, &file);
    });
}
