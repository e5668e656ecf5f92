//! `imgpush demo` and `imgpush sandbox`.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use imgpush_scene::{Run, imgpush, imgpush_in, signal};

#[test]
fn the_demo_shows_a_good_push_and_what_is_noticed_of_two_others() {
    let run = Run::of(imgpush().arg("demo").output().unwrap());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for words in ["is active and verified", "exit code 23", "was deleted", "2 attempts"] {
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
    }
}

#[test]
#[cfg(unix)]
fn a_sandbox_keeps_its_images_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::write(folder.path().join("disk.img"), [7; 5000]).unwrap();
    let mut ids = Vec::new();
    for round in 1..=2 {
        let mut sandbox = imgpush()
            .args(["sandbox", "--listen", "127.0.0.1:0", "--dir"])
            .arg(&images)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(sandbox.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let mut push = imgpush_in(folder.path());
        push.args(["push", "disk.img", "--quiet", "--os-auth-type", "none", "--os-endpoint"]);
        let run = Run::of(push.arg(url.trim()).output().unwrap());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        ids.push(run.stdout.trim().to_owned());
        for id in &ids {
            assert!(images.join(format!("{id}.json")).exists(), "round {round}");
        }
        signal(&sandbox, "TERM");
        assert_eq!(sandbox.wait().unwrap().code(), Some(0), "a sandbox ends when it is told to");
    }
}

#[test]
fn a_fault_is_named_on_the_command_line() {
    for wrong in ["upload", "upload:explode", "dance:wrong-hash", "upload:drop-after=x"] {
        let run = Run::of(imgpush().args(["sandbox", "--fault", wrong]).output().unwrap());
        assert_eq!(run.code, Some(2), "{wrong}: {}", run.stderr);
    }
}

#[test]
fn help_names_every_verb_and_the_exit_codes() {
    let run = Run::of(imgpush().arg("--help").output().unwrap());
    for verb in ["push", "sandbox", "demo"] {
        assert!(run.stdout.contains(verb), "{}", run.stdout);
    }
    let run = Run::of(imgpush().args(["push", "-h"]).output().unwrap());
    assert!(run.stdout.contains("Exit codes:\n   0  uploaded and verified"), "{}", run.stdout);
}
