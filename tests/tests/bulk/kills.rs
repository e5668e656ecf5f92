//! A program that is killed at any moment, and run again.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use imgpush_scene::{Run, Scene, Side, spawn};
use imgpush_test_support::is_full;

use super::images::batch;
use super::scene::{
    bytes_of, delete_left_of_killed_runs, has_exactly, image_name, images, proved, push, scene,
};

/// Kills of all batches of a test.
fn kills(side: Side) -> usize {
    let times = if is_full() { 4 } else { 1 };
    match side {
        Side::Sandbox => 10 * times,
        Side::Real => 25 * times,
    }
}

/// Of one batch; then it may come to its end, and another begins, so that there is always something to do
/// when the kill comes.
const KILLS_A_BATCH: usize = 5;
const IMAGES: u64 = 8;
/// One in so many kills has to come while the program runs; the last of a batch often come too late.
const MIN_SHARE: usize = 5;
const KILLED: Option<i32> = Some(9);

pub(crate) fn a_journal_survives_every_kill(side: Side) {
    survives(side, &["--journal", "journal"]);
}

pub(crate) fn what_is_there_survives_every_kill(side: Side) {
    // Without a journal no run knows that another one is dead.
    survives(side, &["--if-exists", "skip", "--wait-for-others", "1"]);
}

fn survives(side: Side, options: &[&str]) {
    let scene = scene(side);
    let mut random = Random::new();
    let seed = random.0;
    // How long there is something to kill.
    let whole = {
        let files = batch(&scene, "whole", IMAGES);
        let begun = Instant::now();
        let run = scene.run_command(push(&scene, &files, options));
        let took = begun.elapsed();
        assert_eq!(run.code, Some(0), "{run:?}");
        has_exactly(&scene, &files, "before the kills");
        took
    };
    let mut all = batch(&scene, "whole", IMAGES);
    let mut fell = 0;
    for number in 0..kills(side) / KILLS_A_BATCH {
        let files = batch(&scene, &format!("batch-{number}"), IMAGES);
        let what = format!("seed {seed:#x}, batch {number}, {options:?}");
        fell += killed_batch(&scene, &files, options, whole, &mut random, &what);
        all.extend(files);
    }
    has_exactly(&scene, &all, &format!("seed {seed:#x}"));
    assert!(
        fell >= kills(side) / MIN_SHARE,
        "seed {seed:#x}: {fell} kills found something to kill"
    );
    let image = images(&scene).remove(0);
    let file = all.iter().find(|file| Some(&*image_name(file)) == image.name()).unwrap();
    assert!(bytes_of(&scene, image.id()) == std::fs::read(file).unwrap(), "{image:#?}");
}

/// Kills one batch after the other at a random moment, then lets one come to its end; how many kills came
/// before the program's own end.
fn killed_batch(
    scene: &Scene,
    files: &[PathBuf],
    options: &[&str],
    whole: Duration,
    random: &mut Random,
    what: &str,
) -> usize {
    let mut known: HashMap<String, String> = HashMap::new();
    let mut fell = 0;
    for _ in 0..KILLS_A_BATCH {
        let run = killed(scene, files, options, random.below(whole.mul_f64(0.7)));
        let ended = run.code == Some(0);
        assert!(ended || run.status.signal() == KILLED, "{what}: {run:?}");
        fell += usize::from(!ended);
        remember(scene, &run, &mut known, what);
    }
    let run = scene.run_command(push(scene, files, options));
    assert_eq!(run.code, Some(0), "{what}: {run:?}");
    assert_eq!(proved(&run).len(), files.len(), "{what}: {run:?}");
    remember(scene, &run, &mut known, what);
    assert_eq!(known.len(), files.len(), "{what}: {known:#?}");
    if !options.contains(&"--journal") {
        delete_left_of_killed_runs(scene);
    }
    fell
}

fn killed(scene: &Scene, files: &[PathBuf], options: &[&str], after: Duration) -> Run {
    let mut child = spawn(push(scene, files, options));
    let moment = Instant::now() + after;
    while Instant::now() < moment && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    // It may have ended by itself, and is not waited for yet.
    child.kill().unwrap();
    scene.ended(child)
}

/// What a run says it has proved is not sent again by any later one: the image has the same id, and was
/// not touched.
fn remember(scene: &Scene, run: &Run, known: &mut HashMap<String, String>, what: &str) {
    let images = images(scene);
    for report in proved(run) {
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
