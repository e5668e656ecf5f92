//! Connections that end during an upload.

use std::fs::File;

use imgpush_scene::Side;
use imgpush_tests::proxy::{Ending, Fault, Requests};

use super::scene::{MIB, Proxied, notes, together};

const SIZE: u64 = 4 * MIB;

pub(crate) fn a_cut_connection_is_retried(side: Side) {
    let mut cases = Vec::new();
    for after in [0, 1, SIZE / 2, SIZE - 1, SIZE] {
        cases.extend([(after, Ending::Fin), (after, Ending::Reset)]);
    }
    together(side, &cases, |scene, &(after, ending)| {
        let file = scene.file(SIZE);
        scene.image.once(Requests::UPLOADS, Fault::Cut { after, ending });
        let run = scene.push(&file, &["--retries", "2"]);
        scene.arrived(&run, &file);
        let sent = scene.sent();
        assert_eq!(sent[0], after, "{run:?}");
        // After the last byte the service may have everything.
        assert!(sent[1..] == [SIZE] || (after == SIZE && sent.len() == 1), "{sent:?} {run:?}");
        if after < SIZE {
            assert_eq!(notes(&run, "retried"), 1, "{run:?}");
            run.says("trying again in ");
            run.says(" s (1 of 2)");
        }
        // The same record was used for the second attempt.
        assert_eq!(scene.image.passed(Requests::CREATIONS).len(), 1, "{run:?}");
    });
}

pub(crate) fn retries_end_if_the_connection_is_always_cut(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(SIZE);
    scene.image.always(Requests::UPLOADS, Fault::Cut { after: MIB, ending: Ending::Reset });
    let run = scene.push(&file, &["--retries", "1"]);
    scene.failed(&run, 22);
    assert_eq!(scene.sent(), [MIB, MIB], "{run:?}");
}

/// Neither a pipe, whose length is unknown, nor a pipe-like file.
pub(crate) fn sources_that_cannot_be_read_again_are_sent_once(side: Side) {
    together(side, &[0, MIB, SIZE - 1], |scene, &after| {
        let file = scene.file(SIZE);
        scene.image.once(Requests::UPLOADS, Fault::Cut { after, ending: Ending::Fin });
        let mut piped = std::process::Command::new("cat");
        let mut piped = piped.arg(&file).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut command = scene.push_command("-", &["--retries", "3"]);
        command.stdin(piped.stdout.take().unwrap());
        let run = scene.run(command);
        piped.wait().unwrap();
        scene.failed(&run, 22);
        assert_eq!(scene.sent(), [after], "{run:?}");
        run.says("cannot retry: standard input can be read only once");
    });
    // A regular file is read again even if it is the standard input.
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    let mut command = scene.push_command("-", &[]);
    command.stdin(File::open(&file).unwrap());
    scene.arrived(&scene.run(command), &file);
}
