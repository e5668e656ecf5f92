//! A program that is killed at a random moment, and run again.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use imgpush_scene::{Run, Scene, Side, spawn};
use imgpush_test_support::is_full;

use super::images::batch;
use super::scene::{
    bytes_of, delete_records_of_killed_runs, has_exactly, image_name, images, push, scene,
    verified_reports,
};

/// Kills in all batches of a test.
fn kills(side: Side) -> usize {
    let times = if is_full() { 4 } else { 1 };
    match side {
        Side::Sandbox => 10 * times,
        Side::Real => 25 * times,
    }
}

/// Kills of one batch. Then it may complete, and another begins, so that there is always work left when the
/// kill happens.
const KILLS_A_BATCH: usize = 5;
const IMAGES: u64 = 8;
/// One in this number of kills has to happen while the program runs; the last ones of a batch often come too
/// late.
const MIN_SHARE: usize = 5;
const KILLED: Option<i32> = Some(9);

pub(crate) fn a_journal_survives_every_kill(side: Side) {
    survives(side, &["--journal", "journal"]);
}

pub(crate) fn existing_images_survive_every_kill(side: Side) {
    // Without a journal, a run cannot know that another one is dead.
    survives(side, &["--if-exists", "skip", "--wait-for-others", "1"]);
}

fn survives(side: Side, options: &[&str]) {
    let scene = scene(side);
    let mut random = Random::new();
    let seed = random.0;
    // The time in which there is something to kill.
    let duration = {
        let files = batch(&scene, "complete", IMAGES);
        let begun = Instant::now();
        let run = scene.run_command(push(&scene, &files, options));
        let took = begun.elapsed();
        assert_eq!(run.code, Some(0), "{run:?}");
        has_exactly(&scene, &files, "before the kills");
        took
    };
    let mut all = batch(&scene, "complete", IMAGES);
    let mut effective_kills = 0;
    for number in 0..kills(side) / KILLS_A_BATCH {
        let files = batch(&scene, &format!("batch-{number}"), IMAGES);
        let what = format!("seed {seed:#x}, batch {number}, {options:?}");
        effective_kills += killed_batch(&scene, &files, options, duration, &mut random, &what);
        all.extend(files);
    }
    has_exactly(&scene, &all, &format!("seed {seed:#x}"));
    assert!(
        effective_kills >= kills(side) / MIN_SHARE,
        "seed {seed:#x}: {effective_kills} kills found something to kill"
    );
    let image = images(&scene).remove(0);
    let file = all.iter().find(|file| Some(&*image_name(file)) == image.name()).unwrap();
    assert!(bytes_of(&scene, image.id()) == std::fs::read(file).unwrap(), "{image:#?}");
}

/// Kills one batch repeatedly at random moments, then lets it complete; returns the number of kills before
/// the program's own end.
fn killed_batch(
    scene: &Scene,
    files: &[PathBuf],
    options: &[&str],
    duration: Duration,
    random: &mut Random,
    what: &str,
) -> usize {
    let mut known: HashMap<String, String> = HashMap::new();
    let mut effective_kills = 0;
    for _ in 0..KILLS_A_BATCH {
        let run = killed(scene, files, options, random.below(duration.mul_f64(0.7)));
        let ended = run.code == Some(0);
        assert!(ended || run.status.signal() == KILLED, "{what}: {run:?}");
        effective_kills += usize::from(!ended);
        remember(scene, &run, &mut known, what);
    }
    let run = scene.run_command(push(scene, files, options));
    assert_eq!(run.code, Some(0), "{what}: {run:?}");
    assert_eq!(verified_reports(&run).len(), files.len(), "{what}: {run:?}");
    remember(scene, &run, &mut known, what);
    assert_eq!(known.len(), files.len(), "{what}: {known:#?}");
    if !options.contains(&"--journal") {
        delete_records_of_killed_runs(scene);
    }
    effective_kills
}

fn killed(scene: &Scene, files: &[PathBuf], options: &[&str], after: Duration) -> Run {
    let mut child = spawn(push(scene, files, options));
    let moment = Instant::now() + after;
    while Instant::now() < moment && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    // It may have ended by itself, and was not waited for yet.
    child.kill().unwrap();
    scene.ended(child)
}

/// An image that a run has verified is not uploaded again by any later run: it has the same id, and was not
/// changed.
fn remember(scene: &Scene, run: &Run, known: &mut HashMap<String, String>, what: &str) {
    let images = images(scene);
    for report in verified_reports(run) {
        let id = report["id"].as_str().unwrap();
        let image = images.iter().find(|image| image.id() == id);
        let image = image.unwrap_or_else(|| panic!("{what}: {id} is gone: {run:?}"));
        let state = format!("{id} of {:?}", image.updated_at());
        let before = known.entry(image.name().unwrap().to_owned()).or_insert(state.clone());
        assert_eq!(*before, state, "{what}: sent again: {run:?}");
    }
}

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Random(uuid::Uuid::new_v4().as_u64_pair().0 | 1)
    }

    fn below(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        limit.mul_f64(f64::from((self.0 >> 32) as u32) / f64::from(u32::MAX))
    }
}
