//! A standard output that cannot be written to.

use std::fs::File;
use std::process::{Command, Stdio};

use imgpush_scene::{Run, Scene};

/// A command whose standard output is a disk that is full.
fn to_full_disk(scene: &Scene, arguments: &[&str]) -> Run {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = scene.command(arguments);
    Run::of(command.stdout(full).stderr(Stdio::piped()).output().unwrap())
}

#[test]
fn a_result_that_cannot_be_written_is_an_error_of_every_command() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    let id = scene.run(&["push", "--quiet", "--name", "disk", "disk.img"]).stdout;
    let id = id.trim();
    let list = scene.run(&["digest", "disk.img"]).stdout;
    std::fs::write(scene.folder.path().join("SUMS"), list).unwrap();
    for arguments in [
        &["digest", "disk.img"][..],
        &["digest", "--json", "disk.img"],
        &["digest", "--tag", "disk.img"],
        &["digest", "--check", "SUMS"],
        &["digest", "--check", "--json", "SUMS"],
        &["inspect", "disk.img"],
        &["inspect", "--json", "disk.img"],
        &["push", "--quiet", "--name", "more", "disk.img"],
        &["push", "--json", "--quiet", "--name", "more", "disk.img"],
        &["pull", "disk", "-o", "-", "--quiet"],
        &["pull", "disk", "-o", "a.img", "--quiet"],
        &["pull", "disk", "-o", "b.img", "--json"],
        &["verify", "disk"],
        &["verify", "disk", "--json"],
        &["image", "save", "disk", "--quiet"],
        &["image", "save", "disk", "--file", "c.img", "--json"],
        &["image", "list"],
        &["image", "list", "-f", "json"],
        &["image", "list", "-f", "yaml"],
        &["image", "list", "-f", "csv"],
        &["image", "list", "-f", "value"],
        &["image", "show", id],
        &["image", "show", id, "-f", "json"],
        &["image", "create", "made"],
        &["image", "stores"],
        &["--help"],
        &["--version"],
        &["push", "--help"],
    ] {
        // The same where it can be written: 13 has warnings.
        let well = scene.command(arguments).output().unwrap();
        assert!(matches!(well.status.code(), Some(0 | 13)), "{arguments:?}: {well:?}");
        for name in ["a.img", "b.img", "c.img"] {
            let _ = std::fs::remove_file(scene.folder.path().join(name));
        }
        let run = to_full_disk(&scene, arguments);
        assert_eq!(run.code, Some(1), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("No space left on device"), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn another_failure_keeps_its_code_and_both_are_reported() {
    let scene = Scene::start_blocking();
    let run = to_full_disk(&scene, &["digest", "--json", "gone.img"]);
    assert_eq!(run.code, Some(10), "{}", run.stderr);
    assert!(
        run.stderr.contains("gone.img") && run.stderr.contains("No space left"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_file_that_is_not_open_for_writing_is_an_error() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    let mut command = scene.command(&["digest", "disk.img"]);
    let read_only = File::open("/dev/null").unwrap();
    let run = Run::of(command.stdout(read_only).stderr(Stdio::piped()).output().unwrap());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
}

#[test]
fn a_pipe_that_is_closed_is_no_error() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    for arguments in
        ["digest disk.img", "image list", "image list -f json", "--help", "inspect --json disk.img"]
    {
        let program = env!("CARGO_BIN_EXE_imgpush");
        // The reader is gone before anything is written.
        let script =
            format!("(sleep 0.5; {program} {arguments}; echo $? >&3) 3>code | true; cat code");
        let mut command = Command::new("bash");
        command.args(["-c", &script]).current_dir(scene.folder.path());
        let run = Run::of(command.env("HOME", scene.folder.path()).output().unwrap());
        assert_eq!(run.stdout, "0\n", "{arguments}: {}", run.stderr);
        assert_eq!(run.stderr, "", "{arguments}");
    }
}

#[test]
fn a_pipe_that_does_not_block_gets_all_of_it() {
    let scene = Scene::start_blocking();
    let data = std::fs::read(scene.file("disk.img", 3 << 20)).unwrap();
    scene.run(&["push", "--quiet", "--name", "disk", "disk.img"]);
    let program = env!("CARGO_BIN_EXE_imgpush");
    // The reader sets the pipe so, as `ssh` and shells written in JavaScript do.
    let reader = "import os, sys, time; os.set_blocking(0, False); time.sleep(1); os.set_blocking(0, True)\n\
                  sys.stdout.buffer.write(sys.stdin.buffer.read())";
    let writer = format!(
        "python3 -c 'import os; os.set_blocking(1, False)'; {program} pull disk -o - --quiet"
    );
    let script = format!("set -o pipefail; ({writer}) | python3 -c '{reader}'");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(scene.folder.path());
    let output = command.env("HOME", scene.folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == data, "{} bytes came", output.stdout.len());
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    // A limit on the size of files stops the writing of the page, which has more bytes than the limit.
    let script = "trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\"";
    let push = scene.command(&["push", "--quiet", "--report", "page.html", "disk.img"]);
    let mut limited = Command::new("bash");
    limited.args(["-c", script]).arg(push.get_program()).args(push.get_args());
    limited.env("HOME", scene.folder.path()).current_dir(scene.folder.path());
    let run = Run::of(limited.output().unwrap());
    assert_eq!(run.code, Some(27), "{}", run.stderr);
    assert!(run.stderr.contains("cannot write the report page.html"), "{}", run.stderr);
    assert!(!scene.folder.path().join("page.html").exists());
}
