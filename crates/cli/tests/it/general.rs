//! Options of every command, and what a package installs beside the program.

use std::process::Command;
use std::time::Duration;

use imgpush_scene::{Run, Scene, imgpush, spawn};

#[test]
fn debug_shows_requests_and_responses_without_secrets() {
    let scene = Scene::start_blocking();
    scene.file("disk.raw", 5000);
    let run = scene.run(&["push", "--debug", "disk.raw", "--property", "a=b"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for shown in [
        "request: POST ",
        "/v3/auth/tokens",
        "\"password\":\"…\"",
        "x-subject-token: …",
        "x-auth-token: …",
        "\"a\":\"b\"",
        "response: 201 Created to POST ",
        "response: 204 No Content to PUT ",
    ] {
        assert!(run.stderr.contains(shown), "{shown}: {}", run.stderr);
    }
    // The text of a run never has the password: the scene sees to that.
    let quiet = scene.run(&["push", "-vv", "disk.raw"]);
    assert!(!quiet.stderr.contains("request: "), "{}", quiet.stderr);
}

/// To load those of a system takes as long as the rest of a short call.
#[test]
fn certificates_are_not_loaded_without_tls() {
    let scene = Scene::start_blocking();
    let certificates = scene.path("certificates");
    assert!(Command::new("mkfifo").arg(&certificates).status().unwrap().success());
    let mut command = scene.command(&["image", "list"]);
    let mut listing = spawn(command.env("SSL_CERT_FILE", &certificates));
    // Nobody writes to the pipe, so that reading it would never end.
    for _ in 0..600 {
        if listing.try_wait().unwrap().is_some() {
            let run = scene.ended(listing);
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    listing.kill().unwrap();
    panic!("the certificates are loaded");
}

#[test]
fn the_log_file_gets_what_stderr_does_not() {
    let scene = Scene::start_blocking();
    scene.file("disk.raw", 5000);
    let log = scene.path("imgpush.log");
    for (number, arguments) in
        [&["--log-file", "imgpush.log"][..], &["--log-file", "imgpush.log", "--debug"]]
            .into_iter()
            .enumerate()
    {
        let run = scene.run(&[arguments, &["image", "list"]].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(run.stderr.contains("answered"), number == 1, "{}", run.stderr);
    }
    let text = std::fs::read_to_string(&log).unwrap();
    // Both runs: the file is appended to.
    assert!(text.matches("/v2/images").count() > 2, "{text}");
    assert!(text.contains("request: GET ") && !text.contains('\u{1b}'), "{text}");
    assert!(!text.contains(imgpush_sandbox::PASSWORD), "{text}");
    let run = scene.run(&["--log-file", "no/folder.log", "image", "list"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    run.says("cannot open the log file no/folder.log");
}

#[test]
fn colours_are_used_when_asked_for() {
    let scene = Scene::start_blocking();
    let is_coloured = |arguments: &[&str]| {
        let run = scene.run(arguments);
        run.stderr.contains('\u{1b}') || run.stdout.contains('\u{1b}')
    };
    for command in [&["push", "none.raw"][..], &["push", "--no-such-option"], &["push", "-h"]] {
        assert!(!is_coloured(command), "{command:?}");
        assert!(is_coloured(&[command, &["--color", "always"]].concat()), "{command:?}");
        assert!(is_coloured(&[&["--color=always"], command].concat()), "{command:?}");
        assert!(!is_coloured(&[command, &["--color=never"]].concat()), "{command:?}");
    }
}

#[test]
fn completions_are_scripts_of_each_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = Run::of(imgpush().args(["completions", shell]).output().unwrap());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        for word in ["imgpush", "if-exists", "reactivate"] {
            assert!(run.stdout.contains(word), "{shell}: {word}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("imgpush.bash");
    let run = Run::of(imgpush().args(["completions", "bash"]).output().unwrap());
    std::fs::write(&script, &run.stdout).unwrap();
    let words = format!(
        "source {}; COMP_WORDS=(imgpush push --if-e); COMP_CWORD=2; \
         _imgpush imgpush --if-e push; printf '%s\n' \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let output = Command::new("bash").args(["-c", &words]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "--if-exists\n");
}

#[test]
fn there_is_a_man_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let man = |arguments: &[&str]| {
        let folder = folder.path().join("man1");
        Run::of(imgpush().arg("man").arg(folder).args(arguments).output().unwrap())
    };
    assert_eq!(man(&[]).code, Some(0));
    for (page, words) in [
        ("imgpush.1", ".SH SUBCOMMANDS"),
        ("imgpush-push.1", "\\-\\-if\\-exists"),
        ("imgpush-image-list.1", "\\-\\-sort"),
    ] {
        let text = std::fs::read_to_string(folder.path().join("man1").join(page)).unwrap();
        assert!(text.contains(words), "{page}: {text}");
    }
    let again = man(&[]);
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    again.says("hint: use --overwrite");
    assert_eq!(man(&["--overwrite"]).code, Some(0));
}

#[test]
fn commands_without_a_cloud_do_not_show_its_options() {
    for (command, is_shown) in
        [("digest", false), ("inspect", false), ("push", true), ("pull", true)]
    {
        let run = Run::of(imgpush().args([command, "--help"]).output().unwrap());
        assert_eq!(run.stdout.contains("--os-auth-url"), is_shown, "{command}: {}", run.stdout);
    }
    // They may be there, as before a command they are those of the program.
    let run = Run::of(imgpush().args(["--cloud", "x", "digest", "--help"]).output().unwrap());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn durations_and_sizes_have_units() {
    let scene = Scene::start_blocking();
    scene.file("disk.raw", 5000);
    let options = ["--finish-timeout", "1h 30m", "--idle-timeout", "90s", "--memory", "0.5G"];
    let run = scene.run(&[&["push", "disk.raw"][..], &options].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let run = scene.run(&["push", "disk.raw", "--idle-timeout", "5 parsecs"]);
    assert_eq!(run.code, Some(2));
    run.says("expected a duration such as 90s, 5m or 1h");
}

const SPELLINGS: [&[&str]; 3] = [&["--json"], &["-f", "json"], &["--format=json"]];

#[test]
fn json_has_two_spellings_in_every_command() {
    let scene = Scene::start_blocking();
    scene.file("disk.raw", 5000);
    let id = scene.run(&["push", "--quiet", "disk.raw"]).stdout.trim().to_owned();
    let parsed = |arguments: &[&str]| {
        let run = scene.run(arguments);
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
        let parsed: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        parsed
    };
    for command in [
        &["push", "disk.raw"][..],
        &["pull", &id, "-o", "pulled.raw"],
        &["verify", &id],
        &["digest", "disk.raw"],
        &["image", "save", &id, "--file", "saved.raw"],
    ] {
        for option in SPELLINGS {
            let document = parsed(&[command, option].concat());
            assert_eq!(document["format_version"], 2, "{command:?}");
        }
        let other = scene.run(&[command, &["-f", "table"]].concat());
        assert_eq!(other.code, Some(2), "{command:?}: {}", other.stderr);
        other.says("this command prints text by default and JSON with `-f json`");
        let twice = scene.run(&[command, &["--json", "-f", "json"]].concat());
        assert_eq!(twice.code, Some(2), "{command:?}: {}", twice.stderr);
    }
    for option in SPELLINGS {
        let staged = scene.run(&["image", "create", "staged", "-f", "value", "-c", "id"]).stdout;
        let stage = ["image", "stage", staged.trim(), "--file", "disk.raw"];
        assert_eq!(parsed(&[&stage[..], option].concat())["format_version"], 2);
        // It may have warnings, which have an exit code.
        let run = scene.run(&[&["inspect", "disk.raw"][..], option].concat());
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(document["format_version"], 2);
    }
    for command in [&["tune", "disk.raw"][..], &["inspect", "disk.raw"], &["image", "stage", &id]] {
        let other = scene.run(&[command, &["-f", "yaml"]].concat());
        assert_eq!(other.code, Some(2), "{command:?}: {}", other.stderr);
        other.says("JSON with `-f json`");
    }
    for command in [
        &["image", "list"][..],
        &["image", "show", &id],
        &["image", "stores"],
        &["image", "stores", "list"],
        &["image", "usage"],
        &["image", "import-info"],
        &["image", "tasks", &id],
        &["image", "member", "list", &id],
    ] {
        let [one, other] = [&["--json"][..], &["-f", "json"]];
        let [one, other] = [one, other].map(|option| parsed(&[command, option].concat()));
        assert_eq!(one, other, "{command:?}");
        let twice = scene.run(&[command, &["--json", "-f", "json"]].concat());
        assert_eq!(twice.code, Some(2), "{command:?}: {}", twice.stderr);
    }
    // The document and the image cannot share stdout.
    for option in SPELLINGS {
        let run = scene.run(&[&["image", "save", &id], option].concat());
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        run.says("--file <FILE>");
    }
}

#[test]
fn commands_have_the_short_names_of_other_clients() {
    let scene = Scene::start_blocking();
    scene.file("disk.raw", 5000);
    let id = scene.run(&["push", "--quiet", "disk.raw"]).stdout.trim().to_owned();
    let list = ["-f", "value", "-c", "ID"];
    let long = scene.run(&[&["image", "list"][..], &list].concat());
    let short = scene.run(&[&["image", "ls"][..], &list].concat());
    assert_eq!((short.code, &short.stdout), (Some(0), &long.stdout), "{}", short.stderr);
    assert_eq!(scene.run(&["image", "rm", &id]).code, Some(0));
    assert_eq!(scene.run(&[&["image", "ls"][..], &list].concat()).stdout, "");

    let stores = ["stores", "-f", "value", "-c", "ID"];
    let plain = scene.run(&[&["image"], &stores[..]].concat()).stdout;
    for word in ["list", "info"] {
        let run = scene.run(&[&["image", "stores", word], &stores[1..]].concat());
        assert_eq!((run.code, &run.stdout), (Some(0), &plain), "{}", run.stderr);
    }
    let help = Run::of(imgpush().args(["image", "--help"]).output().unwrap()).stdout;
    for shown in ["[alias: ls]", "[alias: rm]", "\n  add ", "\n  remove "] {
        assert!(help.contains(shown), "{shown}: {help}");
    }
}
