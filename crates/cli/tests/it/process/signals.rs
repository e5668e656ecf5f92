//! Signals in the middle of a push.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use imgpush_sandbox::{Fault, Operation};

use imgpush_scene::Scene;

/// The program, started by a shell with these words before it, while it uploads.
struct Uploading {
    scene: Scene,
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Uploading {
    /// An upload that stalls for so long.
    fn start(before: &str, stall: Duration) -> Self {
        let scene = Scene::start_blocking();
        // More than the buffers of a connection take.
        scene.file("disk.img", 64 << 20);
        let stall = Fault::Stall { after: 1 << 20, duration: stall };
        scene.sandbox().inject(Operation::Upload, stall);
        let push = ["push", "disk.img", "--progress", "json", "--idle-timeout", "3600"];
        let script = format!("{before} exec \"$0\" \"$@\"");
        let mut command = Command::new("bash");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_imgpush")]).args(push);
        command.env_clear().env("HOME", scene.folder.path()).current_dir(scene.folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        while !lines.next().expect("it sends").unwrap().contains("\"sending\"") {}
        std::thread::sleep(Duration::from_millis(200));
        Uploading { scene, child, lines }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// The exit code, the rest of what it said, and the images that are there then.
    fn end(mut self) -> (Option<i32>, String, String) {
        let said: Vec<String> = self.lines.by_ref().map_while(Result::ok).collect();
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        let list = self.scene.run(&["image", "list", "-f", "value", "-c", "Status"]).stdout;
        (code, said.join("\n"), list)
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn every_signal_that_asks_for_an_end_removes_the_record() {
    for (signal, code) in [("-INT", 130), ("-TERM", 130), ("-HUP", 129), ("-QUIT", 131)] {
        let uploading = Uploading::start("", HOUR);
        uploading.signal(signal);
        let (found, said, images) = uploading.end();
        assert_eq!(found, Some(code), "{signal}: {said}");
        assert!(said.contains("was deleted"), "{signal}: {said}");
        assert_eq!(images, "", "{signal}");
    }
}

#[test]
fn a_terminal_that_hangs_up_twice_asks_for_nothing_more() {
    let uploading = Uploading::start("", HOUR);
    // The removal takes as long as the second signal needs.
    let stall = Fault::SlowAnswer(Duration::from_millis(700));
    uploading.scene.sandbox().inject(Operation::Delete, stall);
    uploading.signal("-HUP");
    std::thread::sleep(Duration::from_millis(200));
    uploading.signal("-HUP");
    let (code, said, images) = uploading.end();
    assert_eq!(code, Some(129), "{said}");
    assert!(said.contains("was deleted"), "{said}");
    assert_eq!(images, "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    for (before, signal) in [
        ("trap '' HUP;", "-HUP"),
        ("trap '' INT;", "-INT"),
        ("trap '' QUIT;", "-QUIT"),
        ("trap '' TERM;", "-TERM"),
    ] {
        let uploading = Uploading::start(before, Duration::from_secs(2));
        uploading.signal(signal);
        let (code, said, images) = uploading.end();
        assert_eq!(code, Some(0), "{before} {said}");
        assert_eq!(images, "active\n", "{before}");
    }
    // One that is ignored keeps the others heard.
    let uploading = Uploading::start("trap '' HUP INT;", HOUR);
    uploading.signal("-TERM");
    let (code, said, images) = uploading.end();
    assert_eq!((code, &*images), (Some(130), ""), "{said}");
}
