//! The same batch in several concurrent runs.

use imgpush_scene::{Side, spawn};

use super::images::batch;
use super::scene::{has_exactly, push, scene, verified_reports};

const RUNS: usize = 3;

pub(crate) fn concurrent_runs_create_one_image_of_each(side: Side) {
    let scene = scene(side);
    let files = batch(&scene, "both", 8);
    let running: Vec<_> = (0..RUNS)
        .map(|run| {
            let journal = format!("journal-{run}");
            let options = ["--if-exists", "skip", "--journal", &journal];
            spawn(push(&scene, &files, &options))
        })
        .collect();
    for child in running {
        let run = scene.ended(child);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert_eq!(verified_reports(&run).len(), files.len(), "{run:?}");
    }
    has_exactly(&scene, &files, "after all runs");
}
