//! The output of a push on a terminal, observed through tmux.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::{Scene, imgpush};
use imgpush_test_support::left_out;

/// A terminal that runs a program; it has its own tmux server.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// Opens a terminal; none without tmux.
    fn open(columns: u16, folder: &Path, script: &str) -> Option<Self> {
        let terminal = Terminal { socket: format!("imgpush-{}", uuid::Uuid::new_v4()) };
        let started = terminal
            .tmux(&["-f", "/dev/null", "new-session", "-d", "-y", "24", "-x", &columns.to_string()])
            .arg("-c")
            .arg(folder)
            .arg(script)
            .output();
        let Ok(started) = started else {
            left_out("tmux: what a push looks like on a terminal");
            return None;
        };
        assert!(started.status.success(), "{started:?}");
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.args(["-L", &self.socket]).args(arguments);
        command
    }

    /// Its content; with `joined`, lines that were wrapped at its edge are joined again.
    fn lines(&self, joined: bool) -> Vec<String> {
        let mut capture = self.tmux(&["capture-pane", "-p", "-S", "-"]);
        let output = capture.args(joined.then_some("-J")).output().unwrap();
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    /// Waits for a line.
    fn wait(&self, what: impl Fn(&str) -> bool) -> Vec<String> {
        for _ in 0..1000 {
            let lines = self.lines(false);
            if lines.iter().any(|line| what(line)) {
                return lines;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{}", self.lines(false).join("\n"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).output();
    }
}

/// Pushes in a terminal with this number of columns; returns its content during the run, and at the end. A
/// dumb terminal has no progress bar.
fn pushed(columns: u16, environment: &str, files: &str) -> Option<(Vec<String>, Vec<String>)> {
    let scene = Scene::start_blocking();
    let duration = Duration::from_secs(1);
    scene.sandbox().inject(Operation::Upload, Fault::Stall { after: 1 << 20, duration });
    for file in files.split(' ') {
        scene.file(file, 24 << 20);
    }
    let program = imgpush().get_program().to_string_lossy().into_owned();
    let script =
        format!("env {environment} {program} push --jobs 1 {files} >ids; echo ended $?; sleep 60");
    let terminal = Terminal::open(columns, scene.folder.path(), &script)?;
    let is_dumb = environment.contains("dumb");
    let is_expected = |line: &str| is_dumb || line.contains("sending") && line.contains("MiB");
    let during = terminal.wait(is_expected);
    terminal.wait(|line| line.starts_with("ended"));
    let end = terminal.lines(true);
    let ids = std::fs::read_to_string(scene.path("ids")).unwrap();
    assert_eq!(ids.lines().count(), files.split(' ').count(), "{ids}");
    for line in ids.lines() {
        let id = line.split_whitespace().next().unwrap();
        assert!(uuid::Uuid::parse_str(id).is_ok() && !line.contains('\u{1b}'), "{line}");
    }
    Some((during, end))
}

/// Asserts that no remains of a bar, of control codes, or of an overlong line are left.
fn assert_tidy(end: &[String], columns: u16) {
    let all = end.join("\n");
    assert!(!all.contains('━') && !all.contains('\u{1b}') && !all.contains("[0m"), "{all}");
    // Digests are longer than any terminal is wide, and cannot be wrapped at words.
    let too_long = |line: &&String| {
        line.chars().count() > columns.into()
            && !line.contains("verified")
            && !line.contains("sha512")
    };
    assert_eq!(end.iter().find(too_long), None, "{all}");
}

#[test]
fn a_push_fits_terminals_narrow_and_wide_and_leaves_them_tidy() {
    for (columns, environment) in [(80, "A=1"), (200, "NO_COLOR=1"), (80, "TERM=dumb")] {
        let Some((during, end)) = pushed(columns, environment, "disk.raw") else { return };
        let bar = during.iter().find(|line| line.contains("sending"));
        assert_eq!(bar.is_some(), !environment.contains("dumb"), "{during:?}");
        let is_complete = |bar: &String| bar.contains("24.00 MiB") && bar.ends_with("left");
        assert!(bar.is_none_or(is_complete), "{during:?}");
        assert_tidy(&end, columns);
        let all = end.join("\n");
        assert!(all.contains("pushed disk.raw to") && all.contains("ended 0"), "{all}");
        assert!(all.contains("  time      network "), "{all}");
    }
}

#[test]
fn several_images_share_a_narrow_terminal() {
    let Some((during, end)) = pushed(80, "A=1", "one.raw two.raw three.raw") else { return };
    let total = during.iter().find(|line| line.contains("/3 images"));
    assert!(total.is_some_and(|total| total.ends_with("left")), "{during:?}");
    assert_tidy(&end, 80);
    let all = end.join("\n");
    assert!(all.contains("3 pushed: 72.00 MiB") && all.contains("ended 0"), "{all}");
}

#[test]
fn a_push_from_a_terminal_reports_that_it_waits_for_input() {
    let folder = tempfile::tempdir().unwrap();
    let program = imgpush().get_program().to_string_lossy().into_owned();
    for arguments in ["push - --name x", "verify x --file -"] {
        let login = "OS_AUTH_TYPE=none OS_ENDPOINT=http://127.0.0.1:1";
        let script = format!("env {login} {program} {arguments}");
        let Some(terminal) = Terminal::open(100, folder.path(), &script) else { return };
        terminal.wait(|line| line.contains("reading the image from standard input"));
    }
}

#[test]
fn a_terminal_that_closes_ends_a_push_and_no_record_is_left() {
    let scene = Scene::builder().without_login().start_blocking();
    let duration = Duration::from_secs(3600);
    for file in ["one.raw", "two.raw"] {
        scene.sandbox().inject(Operation::Upload, Fault::Stall { after: 1 << 20, duration });
        scene.file(file, 24 << 20);
    }
    let program = imgpush().get_program().to_string_lossy().into_owned();
    // A shell that forwards the signal, as an interactive one does, and writes the exit code to a file.
    let script = format!(
        "env OS_AUTH_TYPE=none OS_ENDPOINT={} {program} push --jobs 2 --idle-timeout 3600 \
         one.raw two.raw & push=$!; trap 'kill -HUP $push' HUP; wait $push; wait $push; \
         echo $? >code",
        scene.image_url()
    );
    let Some(terminal) = Terminal::open(80, scene.folder.path(), &script) else { return };
    terminal.wait(|line| line.contains("two.raw") && line.contains("MiB"));
    terminal.wait(|line| line.contains("one.raw") && line.contains("MiB"));
    drop(terminal);
    let code = (0..500).find_map(|_| {
        std::thread::sleep(Duration::from_millis(20));
        let code = std::fs::read_to_string(scene.path("code")).ok();
        code.filter(|code| code.ends_with('\n'))
    });
    assert_eq!(code.as_deref(), Some("129\n"));
    assert_eq!((scene.count("POST", ""), scene.count("DELETE", "")), (2, 2));
}
