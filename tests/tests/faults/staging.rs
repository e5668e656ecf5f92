//! The same faults for data that is staged for an import.

use std::time::Duration;

use imgpush_client::Status;
use imgpush_scene::{Run, Side};
use imgpush_tests::proxy::{Answer, Ending, Fault, Requests};

use super::scene::{MIB, Proxied, together};

const SIZE: u64 = 4 * MIB;
/// Number of polls for an expected status.
const LOOKS: u32 = 200;

impl Proxied {
    /// `imgpush image stage` of a file into a new record.
    fn stage(&self, more: &[&str]) -> Run {
        let (file, image) = (self.file(SIZE), self.record());
        let mut command = self.scene.command(&["image", "stage", "--json", image.id(), "--file"]);
        command.arg(file).args(more);
        self.run(command)
    }

    /// The bytes of data that were forwarded in each attempt.
    fn staged(&self) -> Vec<u64> {
        self.image.passed(Requests::STAGINGS).iter().map(|passed| passed.body_bytes).collect()
    }
}

pub(crate) fn an_interrupted_staging_is_retried(side: Side) {
    let answered = |after, answer| Fault::Answer { after, answer, ending: Ending::Fin };
    let cases = [
        (Fault::Cut { after: 0, ending: Ending::Reset }, 0),
        (Fault::Cut { after: SIZE / 2, ending: Ending::Fin }, SIZE / 2),
        (Fault::Cut { after: SIZE, ending: Ending::Fin }, SIZE),
        (Fault::Refuse { after: 0, answer: Answer::json(503), ending: Ending::Fin }, 0),
        (answered(SIZE / 2, Answer::html(502)), SIZE / 2),
        (Fault::Lose(Ending::Fin), SIZE),
        (Fault::Replace(Answer::html(504)), SIZE),
    ];
    together(side, &cases, |scene, (fault, first)| {
        scene.image.once(Requests::STAGINGS, fault.clone());
        let run = scene.stage(&["--retries", "2"]);
        assert_eq!(run.code, Some(0), "{run:?}\n{:#?}", scene.image.journal());
        let staged = scene.staged();
        // A service that has received a complete body may keep it although its sender is gone, and show that
        // only later.
        let may_keep = matches!(fault, Fault::Cut { after: SIZE, .. });
        let is_again = if may_keep { staged.len() == 2 } else { *first < SIZE };
        let expected = if is_again { &[*first, SIZE][..] } else { &[SIZE] };
        assert_eq!(staged, expected, "{run:?}");
        assert_eq!(run.json()["attempts"], expected.len() as u64, "{run:?}");
        let images = scene.images();
        assert_eq!(images.len(), 1, "{images:#?}");
        let staged = (images[0].status(), images[0].size());
        assert_eq!(staged, (Status::Uploading, Some(SIZE)), "{run:?}");
    });
}

/// The record existed before, so it stays.
pub(crate) fn a_staging_that_cannot_be_retried_is_reported(side: Side) {
    let scene = Proxied::new(side);
    let fault = Fault::Cut { after: MIB, ending: Ending::Fin };
    scene.image.always(Requests::STAGINGS, fault);
    let run = scene.stage(&["--retries", "1"]);
    assert_eq!(run.code, Some(22), "{run:?}");
    assert_eq!(scene.staged(), [MIB, MIB], "{run:?}");
    // The service may begin to process an upload that was interrupted long before.
    let is_queued = (0..LOOKS).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        scene.images()[0].status() == Status::Queued
    });
    assert!(is_queued, "{:?} {run:?}", scene.images());
}
