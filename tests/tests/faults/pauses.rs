//! Pauses between attempts, and their end.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::Duration;

use imgpush_scene::{Side, signal, spawn};
use imgpush_tests::proxy::{Answer, Ending, Fault, Requests};

use super::scene::{MIB, Proxied};

fn busy(answer: Answer) -> Fault {
    Fault::Refuse { after: 0, answer, ending: Ending::Fin }
}

impl Proxied {
    /// The times between the attempts.
    fn pauses(&self) -> Vec<Duration> {
        let tries = self.image.passed(Requests::UPLOADS);
        tries.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
    }
}

/// Only lower bounds are asserted: delays of a busy machine are not the program's fault.
pub(crate) fn pauses_grow_and_each_is_reported(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    scene.image.times(2, Requests::UPLOADS, busy(Answer::html(503)));
    let run = scene.push(&file, &["--retries", "2"]);
    scene.arrived(&run, &file);
    let pauses = scene.pauses();
    for (pause, least) in pauses.iter().zip([1.0, 2.0]) {
        assert!(pause.as_secs_f64() >= least, "{pauses:?} {run:?}");
    }
    for count in ["(1 of 2)", "(2 of 2)"] {
        let said = |line: &str| line.starts_with("note: ") && line.ends_with(count);
        assert!(run.stderr.lines().any(said), "{count}: {run:?}");
    }
    run.says("503");
}

pub(crate) fn the_service_may_ask_for_a_pause(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    let answer = Answer::json(429).with("Retry-After", "3");
    scene.image.once(Requests::UPLOADS, busy(answer));
    let run = scene.push(&file, &["--retries", "1"]);
    scene.arrived(&run, &file);
    assert!(scene.pauses()[0] >= Duration::from_secs(3), "{:?} {run:?}", scene.pauses());
}

pub(crate) fn zero_retries_are_one_attempt(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    scene.image.once(Requests::UPLOADS, busy(Answer::html(503)));
    let run = scene.push(&file, &["--retries", "0"]);
    scene.failed(&run, 22);
    assert_eq!(scene.sent(), [0], "{run:?}");
    assert!(!run.stderr.contains("trying again"), "{run:?}");
}

pub(crate) fn the_time_for_retries_ends(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    scene.image.always(Requests::UPLOADS, busy(Answer::html(503)));
    let run = scene.push(&file, &["--retries", "100", "--retry-max-time", "4"]);
    scene.failed(&run, 22);
    // The pauses take at least 1, 2 and 4 seconds, so the time is over after the third; a busy machine makes
    // fewer attempts.
    assert!((2..=4).contains(&scene.sent().len()), "{:?} {run:?}", scene.sent());
}

pub(crate) fn an_interrupt_during_a_pause_leaves_no_record(side: Side) {
    let scene = Proxied::new(side);
    let file = scene.file(MIB);
    // Longer than everything else in this test; after it, the data would be sent again.
    let answer = Answer::html(503).with("Retry-After", "3600");
    scene.image.once(Requests::UPLOADS, busy(answer));
    let command = scene.push_command(file.to_str().unwrap(), &["--retries", "1"]);
    let mut child = spawn(command);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("trying again") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended by itself");
    }
    signal(&child, "INT");
    let run = scene.ended(child);
    scene.failed(&run, 130);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("was deleted"), "{rest}");
    assert_eq!(scene.sent(), [0], "{run:?}");
}
