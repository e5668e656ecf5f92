//! Images out of a service while the process is killed, and while the disk is full; one suite for the
//! sandbox and a real Glance.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use imgpush_client::{
    Cloud, CloudOptions, ImageClient, Location, NewImage, Status, Surroundings, WaitOptions,
};
use imgpush_sandbox::{PASSWORD, PROJECT, Sandbox, SandboxOptions, USER};
use imgpush_tests::{imgpush, pattern_file, text};
use serde_json::Value;
use tokio::runtime::Runtime;

/// One of the two services.
#[derive(Clone, Copy, Debug)]
#[expect(non_camel_case_types, reason = "the names of the modules that the macro stamps")]
enum Side {
    sandbox,
    #[cfg(feature = "cloud")]
    real,
}

macro_rules! against {
    ($side:ident) => {
        mod $side {
            use super::Side;

            #[test]
            fn a_process_that_is_killed_leaves_whole_images_and_parts_to_go_on_with() {
                super::a_process_that_is_killed_leaves_whole_images(Side::$side);
            }

            #[test]
            fn a_full_disk_leaves_a_part_to_go_on_with() {
                super::a_full_disk_leaves_a_part_to_go_on_with(Side::$side);
            }

            #[test]
            fn many_images_fit_the_memory() {
                super::many_images_fit_the_memory(Side::$side);
            }

            #[test]
            fn a_store_without_random_reads_gives_an_image_by_one_stream() {
                super::a_store_without_random_reads_gives_an_image_by_one_stream(Side::$side);
            }
        }
    };
}

against!(sandbox);
#[cfg(feature = "cloud")]
against!(real);

/// A service with images, the files they were made of, and a folder to pull them to.
struct Scene {
    folder: tempfile::TempDir,
    /// Where clouds.yaml is; none where the environment says.
    clouds: Option<PathBuf>,
    /// The id of each image, and its file.
    images: HashMap<String, PathBuf>,
    /// Kept alive while a test runs.
    _sandbox: Option<(Runtime, Sandbox)>,
}

impl Scene {
    /// With so many images of so many bytes.
    fn new(side: Side, images: u64, bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clouds, sandbox) = match side {
            Side::sandbox => {
                let runtime = Runtime::new().unwrap();
                let options = SandboxOptions::default()
                    .with_dir(folder.path().join("images"))
                    .with_tokens(Duration::from_secs(3600));
                let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
                let clouds = folder.path().join("clouds.yaml");
                let text = format!(
                    "clouds:\n  testcloud:\n    region_name: RegionOne\n    auth:\n      \
                     auth_url: {}\n      username: {USER}\n      password: {PASSWORD}\n      \
                     project_name: {PROJECT}\n",
                    sandbox.auth_url()
                );
                std::fs::write(&clouds, text).unwrap();
                (Some(clouds), Some((runtime, sandbox)))
            }
            #[cfg(feature = "cloud")]
            Side::real => {
                let _ = imgpush_tests::RealCloud::from_environment();
                (None, None)
            }
        };
        let mut scene = Scene { folder, clouds, images: HashMap::new(), _sandbox: sandbox };
        let files: Vec<PathBuf> = (0..images)
            .map(|n| pattern_file(scene.folder.path(), &format!("pulled{n}.img"), bytes + n))
            .collect();
        std::fs::create_dir(scene.target()).unwrap();
        if files.is_empty() {
            return scene;
        }
        let output = scene.program().args(["push", "--json"]).args(&files).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let reports = text(&output.stdout);
        let reports = reports.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        scene.images = reports
            .filter(|report| report["id"].is_string())
            .map(|report| (word(&report, "id"), PathBuf::from(word(&report, "source"))))
            .collect();
        assert_eq!(scene.images.len() as u64, images);
        scene
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("pulled")
    }

    fn program(&self) -> Command {
        let mut command = imgpush();
        if let Some(clouds) = &self.clouds {
            command.env("OS_CLIENT_CONFIG_FILE", clouds).env("HOME", self.folder.path());
        }
        command.args(["--cloud", "testcloud"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn pull(&self, more: &[&str]) -> Command {
        let mut command = self.program();
        command.arg("pull").args(self.images.keys()).args(["--json", "-o"]);
        command.arg(self.target()).args(more);
        command
    }

    /// The files there are, by name, and their sizes.
    fn files(&self) -> HashMap<String, u64> {
        let entries = std::fs::read_dir(self.target()).unwrap().map(Result::unwrap);
        entries
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())
            })
            .collect()
    }

    /// Every file is an image byte for byte, or a part that is the start of one.
    fn assert_sound(&self, how: &str) {
        for name in self.files().into_keys() {
            let found = std::fs::read(self.target().join(&name)).unwrap();
            let (stem, is_part) = match name.strip_suffix(".part") {
                Some(stem) => (stem.rsplit_once('.').unwrap().0, true),
                None => (&*name, false),
            };
            let stem = stem.strip_suffix(".raw").unwrap();
            let made_of = std::fs::read(self.folder.path().join(format!("{stem}.img"))).unwrap();
            if is_part {
                assert!(made_of.starts_with(&found), "{how}: {name} is no start");
            } else {
                assert!(made_of == found, "{how}: {name} is not the image");
            }
        }
    }

    /// All images are there, and nothing else.
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

/// A real service keeps no images of a test.
impl Drop for Scene {
    fn drop(&mut self) {
        if self.clouds.is_none() {
            let ids = self.images.keys();
            let _ = self.program().args(["image", "delete"]).args(ids).output();
        }
    }
}

fn word(report: &Value, key: &str) -> String {
    report[key].as_str().unwrap().to_owned()
}

/// Reports by the path of the file.
fn reports(stdout: &str) -> HashMap<String, Value> {
    let lines = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["path"].is_string()).map(|line| (word(&line, "path"), line)).collect()
}

/// Kills that have to hit a process at work.
const KILLS: u32 = 20;

fn a_process_that_is_killed_leaves_whole_images(side: Side) {
    let scene = Scene::new(side, 3, 6_000_000);
    let begun = Instant::now();
    let output = scene.pull(&[]).output().unwrap();
    let whole = begun.elapsed();
    assert!(output.status.success(), "{}", text(&output.stderr));
    scene.assert_complete();
    scene.empty();

    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut chance = seed | 1;
    let (mut kills, mut resumed, mut parts_left) = (0, 0, 0);
    while kills < KILLS {
        let how = format!("seed {seed}, kill {kills}");
        // What was begun is gone on with in one run of two; the others begin anew, so that there is
        // something to kill.
        if scene.files().len() == scene.images.len()
            && scene.files().keys().all(|name| !name.ends_with(".part"))
        {
            scene.empty();
        }
        let before = scene.files();
        let connections = if kills % 2 == 0 { "1" } else { "3" };
        let child = scene.pull(&["--jobs", "2", "--connections", connections]).spawn().unwrap();
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let (was_at_work, stdout) = killed(child, whole.mul_f64((chance % 1000) as f64 / 1000.0));
        kills += u32::from(was_at_work);
        scene.assert_sound(&how);
        resumed += assert_resumed(&before, &stdout, &how);
        parts_left += scene.files().keys().filter(|name| name.ends_with(".part")).count();
    }
    let before = scene.files();
    let output = scene.pull(&[]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    resumed += assert_resumed(&before, &text(&output.stdout), "the last run");
    scene.assert_complete();
    assert!(parts_left > 0 && resumed > 0, "no part was ever left: seed {seed}");
}

/// Kills it after a while; whether it was there to be killed, and what it had printed.
fn killed(mut child: Child, after: Duration) -> (bool, String) {
    std::thread::sleep(after);
    let was_at_work = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    (was_at_work, text(&child.wait_with_output().unwrap().stdout))
}

/// Whatever was there in part was not fetched again; how many were.
fn assert_resumed(before: &HashMap<String, u64>, stdout: &str, how: &str) -> usize {
    let mut resumed = 0;
    for (path, report) in reports(stdout) {
        let name = Path::new(&path).file_name().unwrap().to_string_lossy().into_owned();
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

/// Without being root there is no small disk. A limit on the size of files stops the writing at the same
/// place, with another error than that of a full disk, whose own words an engine test asserts.
fn a_full_disk_leaves_a_part_to_go_on_with(side: Side) {
    let scene = Scene::new(side, 2, 3_000_000);
    let pull = scene.pull(&[]);
    // Blocks of 512 bytes. The program is to see the error and not to be killed by a signal.
    let script = "trap '' XFSZ; ulimit -f 4000; exec \"$0\" \"$@\"";
    let mut full = Command::new("sh");
    full.args(["-c", script]).arg(pull.get_program()).args(pull.get_args());
    full.envs(pull.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = full.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("behind byte") && said.contains("run it again"), "{said}");
    scene.assert_sound("full");
    let before = scene.files();
    assert_eq!(before.len(), 2, "{before:?}");
    assert!(before.iter().all(|(name, bytes)| name.ends_with(".part") && *bytes > 1_000_000));

    let output = scene.pull(&[]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(assert_resumed(&before, &text(&output.stdout), "with room"), 2);
    scene.assert_complete();
}

/// A web server with one file, which takes no heed of `Range`. It ends with the process.
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

/// Registers what is at an address as an image of the store `web`, of type http; its id.
fn register(scene: &Scene, url: &str) -> String {
    let mut surroundings = Surroundings::default();
    let config = scene.clouds.clone().map(|path| path.display().to_string());
    let config = config.or_else(|| std::env::var("OS_CLIENT_CONFIG_FILE").ok()).unwrap();
    surroundings = surroundings.with_variable("OS_CLIENT_CONFIG_FILE", config);
    let options = CloudOptions::named(Some("testcloud".to_owned()));
    let cloud = Cloud::load_from(&options, &surroundings).unwrap();
    let register = async {
        let client = ImageClient::connect(&cloud).await.unwrap();
        let record = NewImage::named("on the web").with_formats("raw", "bare");
        let image = client.create(&record).await.unwrap();
        let wait = WaitOptions::default()
            .with_timeout(Duration::from_secs(60))
            .with_interval(Duration::from_millis(200));
        let image = client.add_location_and_wait(&image, &Location::at(url), &wait).await.unwrap();
        assert_eq!(image.status(), Status::Active);
        image.id().to_owned()
    };
    Runtime::new().unwrap().block_on(register)
}

fn a_store_without_random_reads_gives_an_image_by_one_stream(side: Side) {
    const BYTES: u64 = 12_000_007;
    let mut scene = Scene::new(side, 0, 0);
    let file = pattern_file(scene.folder.path(), "web.img", BYTES);
    let data = std::fs::read(&file).unwrap();
    let id = register(&scene, &web(&file));
    scene.images.insert(id.clone(), file.clone());
    let ends_well = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
        output.stdout
    };
    let target = |name: &str| scene.target().join(name);
    let path = |name: &str| target(name).display().to_string();

    for connections in ["1", "4"] {
        let more = ["--connections", connections];
        let out = path(&format!("{connections}.img"));
        ends_well(scene.program().args(["pull", &id, "-o", &out]).args(more));
        assert!(std::fs::read(&out).unwrap() == data, "{connections} connections");
        let piped = ends_well(scene.program().args(["pull", &id, "-o", "-", "--quiet"]).args(more));
        assert!(piped == data, "{connections} connections");
        let out = path(&format!("{connections}.saved"));
        ends_well(scene.program().args(["image", "save", &id, "--file", &out]));
        assert!(std::fs::read(&out).unwrap() == data, "{connections} connections");
        ends_well(scene.program().args(["verify", &id]));

        // What an earlier download has left is continued, unless it is not of the image.
        let half = usize::try_from(BYTES / 2).unwrap();
        let mut other = data[..half].to_vec();
        other[7] ^= 1;
        for (left, resumed) in [(&data[..half], half), (&other, 0)] {
            let name = format!("{connections}-{resumed}.img");
            std::fs::write(target(&format!("{name}.{id}.part")), left).unwrap();
            let pull = ["pull", &id, "-o", &path(&name), "--json"];
            let report = ends_well(scene.program().args(pull).args(more));
            let report: Value = serde_json::from_slice(&report).unwrap();
            assert_eq!(report["resumed_from"], resumed, "{report}");
            assert!(std::fs::read(target(&name)).unwrap() == data, "{connections} connections");
        }
    }
    assert!(scene.files().keys().all(|name| !name.ends_with(".part")), "{:?}", scene.files());
}

fn many_images_fit_the_memory(side: Side) {
    let scene = Scene::new(side, 8, 12_000_000);
    let mut child = scene.pull(&["--jobs", "8", "--connections", "4"]).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let anonymous = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = anonymous.and_then(|kib| kib.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    scene.assert_complete();
    // The code of a program that is not optimised is larger than that of one that is, so it does not count.
    assert!(peak > 8 << 10 && peak < 64 << 10, "{peak} KiB");
}
