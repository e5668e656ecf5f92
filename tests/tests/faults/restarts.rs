//! Services whose processes are killed during an upload.

use imgpush_scene::{Side, spawn};
use imgpush_tests::proxy::{Ending, Fault, Requests};

use super::scene::{MIB, Proxied, notes};

const SIZE: u64 = 4 * MIB;

/// Pushes while an event affects the service during the upload, which is held until the event continues it. Its
/// record stays `saving`, so it is replaced.
fn push_through(side: Side, what_happens: impl FnOnce(&mut Proxied, &str)) {
    let mut scene = Proxied::new(side);
    let file = scene.file(SIZE);
    scene.will_be_killed_during_upload(MIB);
    scene.image.once(Requests::UPLOADS, Fault::Hold { after: SIZE / 2 });
    let command =
        scene.push_command(file.to_str().unwrap(), &["--retries", "5", "--settle-timeout", "2"]);
    let pushing = spawn(command);
    let dying = scene.receiving();
    what_happens(&mut scene, &dying);
    let run = scene.ended(pushing);

    scene.arrived(&run, &file);
    assert_ne!(run.json()["id"], dying, "the record is another");
    assert_eq!(notes(&run, "created-anew"), 1, "{run:?}");
    run.says("saving");
    let created = scene.image.passed(Requests::CREATIONS);
    assert_eq!(created.iter().filter(|made| made.status == Some(201)).count(), 2, "{created:#?}");
    let uploads = scene.image.passed(Requests::UPLOADS);
    assert!(uploads[0].body_bytes < SIZE, "{uploads:#?}");
    assert!(uploads.iter().skip(1).any(|upload| !upload.path.contains(&dying)), "{uploads:#?}");
}

pub(crate) fn a_killed_worker_only_costs_the_record(side: Side) {
    push_through(side, |scene, id| {
        scene.kill_worker_of(id);
        scene.image.resume();
    });
}

/// Connections are refused until the service runs again.
pub(crate) fn a_restarted_service_gets_the_image(side: Side) {
    push_through(side, |scene, _| {
        let refused = Fault::Cut { after: 0, ending: Ending::Reset };
        scene.image.times(2, Requests::LOOKS, refused);
        scene.kill_service();
        scene.image.resume();
        scene.scene.start_service();
    });
}
