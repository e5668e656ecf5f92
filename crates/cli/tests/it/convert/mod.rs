//! `imgpush convert`, and `--convert` of other commands. The oracle is `qemu-img`.

mod downloads;
mod files;
mod spool;
mod uploads;

use std::path::Path;
use std::process::Command;

use imgpush_scene::{Run, Scene, SceneBuilder};
use imgpush_test_support::left_out;

/// A disk of 6 MiB and 100 sectors: data that cannot be compressed, text, and zeros.
fn disk() -> Vec<u8> {
    let mut state = 1u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    let mut disk: Vec<u8> = noise.take(2 << 20).collect();
    disk.extend(b"the same text again. ".repeat(50_000));
    disk.resize((6 << 20) + 100 * 512, 0);
    disk
}

fn qemu_img(arguments: &[&str], folder: &Path) -> bool {
    let status = Command::new("qemu-img").args(arguments).current_dir(folder).output();
    status.unwrap().status.success()
}

/// A scene with `disk.raw`, and the same disk in other formats by qemu-img; none without that program.
fn scene() -> Option<Scene> {
    scene_with(Scene::builder())
}

fn scene_with(builder: SceneBuilder) -> Option<Scene> {
    if Command::new("qemu-img").arg("--version").output().is_err() {
        left_out("conversions: qemu-img is missing");
        return None;
    }
    let scene = builder.start_blocking();
    scene.write("disk.raw", disk());
    for (name, options) in [
        ("disk.qcow2", &["-O", "qcow2", "-c"][..]),
        ("disk.vmdk", &["-O", "vmdk", "-o", "subformat=streamOptimized"]),
        ("disk.vhdx", &["-O", "vhdx"]),
        ("disk.vdi", &["-O", "vdi"]),
    ] {
        let arguments = [&["convert"], options, &["disk.raw", name]].concat();
        assert!(qemu_img(&arguments, scene.folder.path()), "{arguments:?}");
    }
    Some(scene)
}

fn convert(scene: &Scene, code: i32, arguments: &[&str]) -> Run {
    let run = scene.run(&[&["convert"], arguments].concat());
    assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
    run
}

fn parts(scene: &Scene) -> usize {
    let entries = std::fs::read_dir(scene.folder.path()).unwrap().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".part")).count()
}

/// Runs a command whose standard input is this file, as a pipe.
fn piped(scene: &Scene, code: i32, input: &str, arguments: &[&str]) -> Run {
    let run = Run::fed(scene.command(arguments), &scene.read(input));
    assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
    run
}
