//! Downloads of images while the process is killed, and with a full disk; one suite for the sandbox and a
//! real Glance.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime};

use imgpush_client::{Location, NewImage, Status, WaitOptions};
use imgpush_scene::{Run, Scene, Side, spawn};
use serde_json::Value;

imgpush_scene::suites! {
    a_killed_process_leaves_complete_images_and_resumable_parts
    a_full_disk_leaves_a_resumable_part
    many_images_fit_the_memory
    a_store_without_random_reads_is_read_as_one_stream
}

/// A service with images, and the files that they were created from.
struct Pushed {
    scene: Scene,
    /// The id of each image, and its file.
    images: HashMap<String, PathBuf>,
}

impl Pushed {
    /// Pushes this number of images of this size.
    fn new(side: Side, images: u64, bytes: u64) -> Self {
        let scene = Scene::builder().on(side).start_blocking();
        let files = (0..images).map(|n| scene.file(&format!("pulled{n}.img"), bytes + n));
        if images == 0 {
            let pushed = Pushed { images: HashMap::new(), scene };
            std::fs::create_dir(pushed.target()).unwrap();
            return pushed;
        }
        let mut push = scene.command(&["push", "--json", "--tag", &scene.tag]);
        let run = scene.run_command(push.args(files));
        assert_eq!(run.code, Some(0), "{run:?}");
        let reports = run.objects().into_iter().filter(|report| report["id"].is_string());
        let pair = |report| (word(&report, "id"), PathBuf::from(word(&report, "source")));
        let pushed = Pushed { images: reports.map(pair).collect(), scene };
        assert_eq!(pushed.images.len() as u64, images);
        std::fs::create_dir(pushed.target()).unwrap();
        pushed
    }

    fn target(&self) -> PathBuf {
        self.scene.path("pulled")
    }

    fn pull(&self, more: &[&str]) -> Command {
        let mut command = self.scene.command(&["pull", "--json", "-o"]);
        command.arg(self.target()).args(more).args(self.images.keys());
        command
    }

    /// Pulls to the end; returns the reports.
    fn pulled(&self) -> Vec<Value> {
        let run = self.scene.run_command(self.pull(&[]));
        assert_eq!(run.code, Some(0), "{run:?}");
        run.objects()
    }

    /// The existing files by name, with their sizes.
    fn files(&self) -> HashMap<String, u64> {
        let entries = std::fs::read_dir(self.target()).unwrap().map(Result::unwrap);
        entries
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())
            })
            .collect()
    }

    /// Asserts that every file is a complete image, or a part that is the start of one.
    fn assert_sound(&self, how: &str) {
        for name in self.files().into_keys() {
            let found = std::fs::read(self.target().join(&name)).unwrap();
            let (stem, is_part) = match name.strip_suffix(".part") {
                Some(stem) => (stem.rsplit_once('.').unwrap().0, true),
                None => (&*name, false),
            };
            let stem = stem.strip_suffix(".raw").unwrap();
            let made_of = self.scene.read(format!("{stem}.img"));
            if is_part {
                assert!(made_of.starts_with(&found), "{how}: {name} is no start");
            } else {
                assert!(made_of == found, "{how}: {name} is not the image");
            }
        }
    }

    /// Asserts that all images exist, and no other files.
    fn assert_complete(&self) {
        self.assert_sound("at the end");
        let files = self.files();
        assert_eq!(files.len(), self.images.len(), "{files:?}");
        assert!(files.keys().all(|name| !name.ends_with(".part")), "{files:?}");
    }

    fn empty(&self) {
        std::fs::remove_dir_all(self.target()).unwrap();
        std::fs::create_dir(self.target()).unwrap();
    }
}

fn word(report: &Value, key: &str) -> String {
    report[key].as_str().unwrap().to_owned()
}

/// Kills that have to hit a running process.
const KILLS: u32 = 20;

fn a_killed_process_leaves_complete_images_and_resumable_parts(side: Side) {
    let pushed = Pushed::new(side, 3, 6_000_000);
    let begun = Instant::now();
    pushed.pulled();
    let duration = begun.elapsed();
    pushed.assert_complete();
    pushed.empty();

    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut chance = seed | 1;
    let (mut kills, mut resumed, mut parts_left) = (0, 0, 0);
    while kills < KILLS {
        let how = format!("seed {seed}, kill {kills}");
        // One run in two resumes the existing parts; the others start again, so that there is something to
        // kill.
        if pushed.files().len() == pushed.images.len()
            && pushed.files().keys().all(|name| !name.ends_with(".part"))
        {
            pushed.empty();
        }
        let before = pushed.files();
        let connections = if kills % 2 == 0 { "1" } else { "3" };
        let child = spawn(pushed.pull(&["--jobs", "2", "--connections", connections]));
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let (was_at_work, run) = killed(child, duration.mul_f64((chance % 1000) as f64 / 1000.0));
        kills += u32::from(was_at_work);
        pushed.assert_sound(&how);
        resumed += assert_resumed(&before, run.objects(), &how);
        parts_left += pushed.files().keys().filter(|name| name.ends_with(".part")).count();
    }
    let before = pushed.files();
    resumed += assert_resumed(&before, pushed.pulled(), "the last run");
    pushed.assert_complete();
    assert!(parts_left > 0 && resumed > 0, "no part was ever left: seed {seed}");
}

/// Kills the process after a while; returns whether it was running, and its output.
fn killed(mut child: Child, after: Duration) -> (bool, Run) {
    std::thread::sleep(after);
    let was_at_work = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    (was_at_work, Run::of(child.wait_with_output().unwrap()))
}

/// Asserts that no existing part was fetched again; returns the number of resumed files.
fn assert_resumed(before: &HashMap<String, u64>, reports: Vec<Value>, how: &str) -> usize {
    let mut resumed = 0;
    for report in reports.into_iter().filter(|report| report["path"].is_string()) {
        let name =
            Path::new(&word(&report, "path")).file_name().unwrap().to_string_lossy().into_owned();
        let part = before.get(&format!("{name}.{}.part", word(&report, "id")));
        let bytes = report["resumed_from"].as_u64().unwrap();
        if before.contains_key(&name) {
            assert_eq!((report["unchanged"].as_bool(), bytes), (Some(true), 0), "{how}: {report}");
        } else {
            assert_eq!(bytes, part.copied().unwrap_or(0), "{how}: {report}");
            resumed += usize::from(bytes > 0);
        }
    }
    resumed
}

/// A small disk requires root. A limit on the size of files stops the writing at the same place, but with
/// another error than that of a full disk, whose message an engine test asserts.
fn a_full_disk_leaves_a_resumable_part(side: Side) {
    let pushed = Pushed::new(side, 2, 3_000_000);
    let pull = pushed.pull(&[]);
    // Blocks of 512 bytes. The program must receive the error instead of being killed by a signal.
    let script = "trap '' XFSZ; ulimit -f 4000; exec \"$0\" \"$@\"";
    let mut full = Command::new("/bin/sh");
    full.args(["-c", script]).arg(pull.get_program()).args(pull.get_args());
    full.env_clear()
        .env("HOME", pushed.scene.folder.path())
        .current_dir(pushed.scene.folder.path());
    let run = pushed.scene.run_command(full);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says("after byte");
    run.says("run the command again");
    pushed.assert_sound("full");
    let before = pushed.files();
    assert_eq!(before.len(), 2, "{before:?}");
    assert!(before.iter().all(|(name, bytes)| name.ends_with(".part") && *bytes > 1_000_000));

    assert_eq!(assert_resumed(&before, pushed.pulled(), "with enough space"), 2);
    pushed.assert_complete();
}

/// A web server with one file, which ignores `Range`. It ends with the process.
fn web(path: &Path) -> String {
    let data = std::sync::Arc::new(std::fs::read(path).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/image", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let data = std::sync::Arc::clone(&data);
            std::thread::spawn(move || serve(stream, &data));
        }
    });
    url
}

fn serve(mut stream: TcpStream, data: &[u8]) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..count]);
    }
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Type: application/octet-stream\r\n\
         Connection: close\r\n\r\n",
        data.len()
    )?;
    if !request.starts_with(b"HEAD") {
        stream.write_all(data)?;
    }
    stream.flush()
}

/// Registers the data at an address as an image of the store `web`, of type http; returns its id.
fn register(scene: &Scene, url: &str) -> String {
    scene.block_on(async {
        let client = &scene.client;
        let mut record = NewImage::named("on the web").with_formats("raw", "bare");
        record.set_tags([&scene.tag]);
        let image = client.create(&record).await.unwrap();
        let wait = WaitOptions::default()
            .with_timeout(Duration::from_secs(60))
            .with_interval(Duration::from_millis(200));
        let image = client.add_location_and_wait(&image, &Location::at(url), &wait).await.unwrap();
        assert_eq!(image.status(), Status::Active);
        image.id().to_owned()
    })
}

fn a_store_without_random_reads_is_read_as_one_stream(side: Side) {
    const BYTES: u64 = 12_000_007;
    let pushed = Pushed::new(side, 0, 0);
    let scene = &pushed.scene;
    let file = scene.file("web.img", BYTES);
    let data = std::fs::read(&file).unwrap();
    let id = register(scene, &web(&file));
    let ends_well = |arguments: &[&str], more: &[&str]| {
        let output = scene.command(arguments).args(more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        output.stdout
    };
    let target = |name: &str| pushed.target().join(name);
    let path = |name: &str| target(name).display().to_string();

    for connections in ["1", "4"] {
        let more = ["--connections", connections];
        let out = path(&format!("{connections}.img"));
        ends_well(&["pull", &id, "-o", &out], &more);
        assert!(std::fs::read(&out).unwrap() == data, "{connections} connections");
        let piped = ends_well(&["pull", &id, "-o", "-", "--quiet"], &more);
        assert!(piped == data, "{connections} connections");
        let out = path(&format!("{connections}.saved"));
        ends_well(&["image", "save", &id, "--file", &out], &[]);
        assert!(std::fs::read(&out).unwrap() == data, "{connections} connections");
        ends_well(&["verify", &id], &[]);

        // The part of an earlier download is continued, unless it does not belong to the image.
        let half = usize::try_from(BYTES / 2).unwrap();
        let mut other = data[..half].to_vec();
        other[7] ^= 1;
        for (left, resumed) in [(&data[..half], half), (&other, 0)] {
            let name = format!("{connections}-{resumed}.img");
            std::fs::write(target(&format!("{name}.{id}.part")), left).unwrap();
            let report = ends_well(&["pull", &id, "-o", &path(&name), "--json"], &more);
            let report: Value = serde_json::from_slice(&report).unwrap();
            assert_eq!(report["resumed_from"], resumed, "{report}");
            assert!(std::fs::read(target(&name)).unwrap() == data, "{connections} connections");
        }
    }
    assert!(pushed.files().keys().all(|name| !name.ends_with(".part")), "{:?}", pushed.files());
}

fn many_images_fit_the_memory(side: Side) {
    let pushed = Pushed::new(side, 8, 12_000_000);
    let mut child = spawn(pushed.pull(&["--jobs", "8", "--connections", "4"]));
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let anonymous = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = anonymous.and_then(|kib| kib.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    let run = pushed.scene.ended(child);
    assert_eq!(run.code, Some(0), "{run:?}");
    pushed.assert_complete();
    // The code size of an unoptimised program is larger than that of an optimised one, so it is excluded.
    assert!(peak > 8 << 10 && peak < 64 << 10, "{peak} KiB");
}
