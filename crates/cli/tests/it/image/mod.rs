//! `imgpush image` and `imgpush verify`.

mod data;
mod list;
mod metadef;
mod record;
mod shared;

use serde_json::Value;

use imgpush_scene::{Run, Scene};

/// Runs `imgpush image …`, which must end with that code.
fn image(scene: &Scene, code: i32, arguments: &[&str]) -> Run {
    let arguments: Vec<&str> = [&["image"], arguments].concat();
    let run = scene.run(&arguments);
    assert_eq!(run.code, Some(code), "{arguments:?}: {}{}", run.stdout, run.stderr);
    run
}

/// What it prints as JSON.
fn json(scene: &Scene, arguments: &[&str]) -> Value {
    let run = image(scene, 0, &[arguments, &["-f", "json"]].concat());
    run.json()
}

/// The id of a new record.
fn create(scene: &Scene, arguments: &[&str]) -> String {
    let run = image(scene, 0, &[&["create", "-f", "value", "-c", "id"], arguments].concat());
    run.stdout.trim().to_owned()
}
