//! A system that starts no more threads, or few.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use imgpush_test_support::left_out;
use sha2::Digest as _;

use imgpush_scene::{Run, Scene};

/// Users with no other processes, since the limit is one of all that a user has.
const USERS: [&str; 2] = ["54321", "54322"];

/// Runs the program with at most this number of threads; none if the limit cannot be set. A hang fails the test.
fn limited(scene: &Scene, user: &str, threads: u32, arguments: &[&str]) -> Run {
    let whole = scene.command(arguments);
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", "60"]);
    if is_root() {
        command.args(["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]);
    }
    let threads = threads + others();
    command.arg("prlimit").arg(format!("--nproc={threads}:{threads}"));
    command.arg(whole.get_program()).args(whole.get_args());
    command.env("HOME", scene.folder.path()).current_dir(scene.folder.path());
    command.stdin(Stdio::null());
    let run = Run::of(command.output().unwrap());
    assert!(
        !matches!(run.code, Some(124 | 137) | None),
        "{threads} {arguments:?} hangs: {}",
        run.stderr
    );
    run
}

/// Threads that the user of the program has already: none where it is one of its own.
fn others() -> u32 {
    if is_root() {
        return 0;
    }
    let output = Command::new("sh").args(["-c", "ps -L -u $(id -u) --no-headers | wc -l"]).output();
    let count = String::from_utf8(output.unwrap().stdout).unwrap();
    count.trim().parse().unwrap()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

fn has_limits() -> bool {
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let all = ["setpriv", "prlimit", "timeout"].into_iter().all(has);
    if !all {
        left_out("setpriv, prlimit and timeout: what happens when no thread can be started");
    }
    all
}

/// A scene that another user may read and write.
fn open_scene() -> Scene {
    let scene = Scene::start_blocking();
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(scene.folder.path(), 0o777);
    scene
}

/// Limits from none at all to more than are needed.
const LIMITS: [u32; 11] = [0, 1, 2, 3, 4, 5, 6, 8, 10, 14, 40];

#[test]
fn a_list_of_digests_is_complete_or_the_run_fails() {
    if !has_limits() {
        return;
    }
    let scene = open_scene();
    let names: Vec<String> = (0..12).map(|number| format!("{number}.img")).collect();
    let mut expected = Vec::new();
    for (name, number) in names.iter().zip(0u64..) {
        let path = scene.file(name, 300_000 + number);
        let digest = sha2::Sha256::digest(std::fs::read(path).unwrap());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        expected.push(format!("{hex}  {name}\n"));
    }
    std::fs::write(scene.folder.path().join("SUMS"), expected.concat()).unwrap();
    let files: Vec<&str> = names.iter().map(String::as_str).collect();
    let list = [&["digest", "-a", "sha256"][..], &files].concat();
    let mut complete = 0;
    for threads in LIMITS {
        let run = limited(&scene, USERS[0], threads, &list);
        assert_eq!(
            run.code == Some(0),
            run.stdout == expected.concat(),
            "{threads}: {}",
            run.stderr
        );
        assert!(run.code == Some(0) || run.stderr.contains("error: "), "{threads}: {}", run.stderr);
        complete += u32::from(run.code == Some(0));

        let run = limited(&scene, USERS[0], threads, &["digest", "--check", "SUMS"]);
        let lines = run.stdout.lines().filter(|line| line.ends_with(": OK")).count();
        assert_eq!(run.code == Some(0), lines == files.len(), "{threads}: {}", run.stderr);
    }
    assert!(complete >= 3, "{complete} of {} were complete", LIMITS.len());
}

#[test]
fn a_service_that_could_not_answer_does_not_start() {
    if !has_limits() {
        return;
    }
    let scene = open_scene();
    for command in ["demo", "sandbox"] {
        let run = limited(&scene, "54323", 4, &[command]);
        assert_eq!(run.code, Some(1), "{command}: {}", run.stderr);
        assert!(run.stderr.contains("error: the system cannot start"), "{}", run.stderr);
    }
    let run = limited(&scene, "54323", 40, &["demo"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn every_command_does_its_work_or_says_why_not() {
    if !has_limits() {
        return;
    }
    let scene = open_scene();
    let data = std::fs::read(scene.file("disk.img", 3 << 20)).unwrap();
    let push = scene.run(&["push", "--quiet", "--name", "there", "disk.img"]);
    assert_eq!(push.code, Some(0), "{}", push.stderr);
    // A name, so that it is looked up.
    let clouds = scene.folder.path().join("clouds.yaml");
    let text = std::fs::read_to_string(&clouds).unwrap().replace("127.0.0.1", "localhost");
    std::fs::write(&clouds, text).unwrap();
    for arguments in [
        &["push", "disk.img", "--quiet", "--name", "new"][..],
        &["push", "disk.img", "--quiet", "--name", "new", "--jobs", "3"],
        &["pull", "there", "-o", "out.img", "--json"],
        &["pull", "there", "-o", "-", "--quiet"],
        &["verify", "there"],
        &["verify", "there", "--file", "disk.img"],
        &["image", "list", "-f", "json"],
        &["inspect", "--json", "disk.img"],
    ] {
        let mut worked = 0;
        for threads in LIMITS {
            let out = scene.folder.path().join("out.img");
            let _ = std::fs::remove_file(&out);
            if arguments.contains(&"-") {
                // Data, not text.
                continue;
            }
            let run = limited(&scene, USERS[1], threads, arguments);
            let case = format!("{threads} {arguments:?}: {:?} {}", run.code, run.stderr);
            let is_done = matches!(run.code, Some(0 | 13));
            assert!(is_done != run.stderr.contains("error: "), "{case}");
            worked += u32::from(is_done);
            if arguments[0] == "pull" {
                assert_eq!(out.exists(), is_done, "{case}");
                assert!(!is_done || std::fs::read(&out).unwrap() == data, "{case}");
            }
            let parts = std::fs::read_dir(scene.folder.path()).unwrap();
            let parts = parts
                .filter(|it| it.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"));
            assert_eq!(parts.count(), 0, "{case}");
        }
        assert!(worked >= 2 || arguments.contains(&"-"), "{arguments:?} worked {worked} times");
    }
    // No push that failed has left a record.
    let list = scene.run(&["image", "list", "-f", "value", "-c", "Status"]).stdout;
    assert!(list.lines().all(|status| status == "active"), "{list}");
}
