//! Sources that fail while they are read: not reported as a failure of the service, and not retried.

use std::fs::OpenOptions;

use imgpush_scene::{Side, spawn};
use imgpush_tests::proxy::{Answer, Ending, Fault, Proxy, Requests};

use super::scene::{MIB, Proxied};

pub(crate) fn a_truncated_file_is_no_failure_of_the_service(side: Side) {
    let scene = Proxied::new(side);
    // More than the program reads ahead.
    let file = scene.file(48 * MIB);
    scene.image.once(Requests::UPLOADS, Fault::Hold { after: MIB });
    let command =
        scene.push_command(file.to_str().unwrap(), &["--retries", "3", "--memory", "32M"]);
    let pushing = spawn(command);
    scene.image.wait_for(Requests::UPLOADS, MIB);
    OpenOptions::new().write(true).open(&file).unwrap().set_len(40 * MIB).unwrap();
    scene.image.resume();
    let run = scene.ended(pushing);
    scene.failed(&run, 10);
    let sent = scene.sent();
    assert!(sent.len() == 1 && sent[0] < 48 * MIB, "{sent:?} {run:?}");
}

/// The server supports no ranges, so the download cannot be resumed.
pub(crate) fn an_interrupted_download_is_no_failure_of_the_service(side: Side) {
    let scene = Proxied::new(side);
    let web = Proxy::before(scene.scene.image_url());
    let half = std::fs::read(scene.file(4 * MIB)).unwrap();
    let answer = Answer::of(200, "application/octet-stream", half)
        .with("content-length", (8 * MIB).to_string());
    let disk = Requests::new("GET", "/disk.raw");
    web.always(disk, Fault::Refuse { after: 0, answer, ending: Ending::Fin });
    let address = format!("{}/disk.raw", web.url());
    let run = scene.run(scene.push_command(&address, &["--retries", "3"]));
    scene.failed(&run, 10);
    // It starts over with each retry, and the part is never taken for the file.
    let sent = scene.sent();
    assert!(sent.len() == 4 && sent.iter().all(|bytes| *bytes <= 4 * MIB), "{sent:?} {run:?}");
    assert!(!web.passed(disk).is_empty());
}
