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
#[cfg(unix)]
fn a_sandbox_with_users_writes_a_clouds_file_for_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("disk.img"), [7; 5000]).unwrap();
    let users = folder.path().join("users.yaml");
    let text = "users:\n  - {name: alice, password: wonderland, project: rabbits}\n  \
                - {name: bob, password: builder, project: bricks}\n";
    std::fs::write(&users, text).unwrap();
    let mut sandbox = imgpush()
        .args(["sandbox", "--listen", "127.0.0.1:0", "--dir"])
        .arg(folder.path().join("images"))
        .arg("--users")
        .arg(&users)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(sandbox.stdout.take().unwrap());
    let mut url = String::new();
    out.read_line(&mut url).unwrap();
    let mut notes = BufReader::new(sandbox.stderr.take().unwrap()).lines();
    let clouds = notes.find_map(|line| {
        let line = line.unwrap();
        line.trim().strip_prefix("export OS_CLIENT_CONFIG_FILE=").map(str::to_owned)
    });
    let rest: Vec<String> = notes.by_ref().take(2).map(Result::unwrap).collect();
    assert!(rest[1].ends_with("alice, bob") && !rest.concat().contains("wonderland"), "{rest:?}");
    let call = |arguments: &[&str]| {
        let mut command = imgpush_in(folder.path());
        command.env("OS_CLIENT_CONFIG_FILE", clouds.as_deref().unwrap()).args(arguments);
        Run::of(command.output().unwrap())
    };
    let pushed = call(&["push", "disk.img", "--quiet", "--cloud", "alice"]);
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    // The image belongs to the project of alice.
    let list = |cloud| call(&["image", "list", "-f", "json", "--cloud", cloud]).json();
    assert_eq!(list("alice").as_array().unwrap().len(), 1);
    assert_eq!(list("bob").as_array().unwrap().len(), 0);
    // Without a login there is no access.
    let none = call(&["image", "list", "--os-auth-type", "none", "--os-endpoint", url.trim()]);
    assert_ne!(none.code, Some(0), "{}", none.stdout);
    signal(&sandbox, "TERM");
    assert_eq!(sandbox.wait().unwrap().code(), Some(0));
}

#[test]
fn a_wrong_users_file_is_reported_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.yaml");
    std::fs::write(&users, "users:\n  - {name: alice, passwort: x}\n").unwrap();
    let run = Run::of(imgpush().args(["sandbox", "--users"]).arg(&users).output().unwrap());
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    run.says("users.yaml: a user has the unknown key `passwort`");
    run.says("--users needs a YAML or JSON file");
}

#[test]
#[cfg(unix)]
fn a_sandbox_that_others_can_reach_warns() {
    let mut command = imgpush();
    command.args(["sandbox", "--listen", "0.0.0.0:0"]);
    let mut sandbox = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(sandbox.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("warning: ") && line.contains("other machines"), "{line}");
    signal(&sandbox, "TERM");
    assert_eq!(sandbox.wait().unwrap().code(), Some(0));
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
