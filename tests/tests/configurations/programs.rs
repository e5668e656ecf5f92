//! Runs of the programs with one configuration.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use imgpush_scene::imgpush_in;
use serde_json::json;

use crate::certificates::Certificates;
use crate::configuration::Configuration;
use crate::service::{Addresses, Service};

/// The requests of a run, and whether it listed images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) requests: Vec<String>,
    pub(crate) is_success: bool,
    /// The end of the error, for a person; it is not compared.
    pub(crate) message: String,
}

impl Outcome {
    /// What is compared: the requests, and whether the run failed.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = self.requests.clone();
        if !self.is_success {
            lines.push("error".to_owned());
        }
        lines
    }
}

/// The folder of one run, with its files.
struct Place {
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    options: Vec<String>,
}

impl Place {
    fn new(wanted: &Configuration, addresses: &Addresses, certificates: &Certificates) -> Place {
        let folder = tempfile::tempdir().unwrap();
        certificates.write(folder.path());
        let shown = folder.path().display().to_string();
        let insert = |text: &str| addresses.insert(&text.replace("@folder", &shown));
        for (name, content) in &wanted.files {
            let path = folder.path().join(name.trim_end_matches('|'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match name.ends_with('|') {
                false => std::fs::write(path, insert(content)).unwrap(),
                true => pipe(path, insert(content)),
            }
        }
        let fixed = [("HOME", shown.clone()), ("XDG_CONFIG_DIRS", format!("{shown}/etc"))];
        let mut environment: BTreeMap<_, _> =
            fixed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (name, value) in &wanted.environment {
            environment.insert((*name).to_owned(), insert(value));
        }
        let options = wanted.options.iter().map(|option| insert(option)).collect();
        Place { folder, environment, options }
    }
}

/// A pipe that provides the content once.
fn pipe(path: PathBuf, content: String) {
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    // The thread waits for a reader, and ends with the test if there is none.
    thread::spawn(move || std::fs::write(path, content));
}

/// `imgpush image list`.
pub(crate) fn imgpush(
    wanted: &Configuration,
    service: &Service,
    certificates: &Certificates,
) -> Outcome {
    let place = Place::new(wanted, &service.addresses, certificates);
    service.begin(&wanted.service);
    let output = imgpush_in(place.folder.path())
        .envs(&place.environment)
        .args(["image", "list", "--limit", "1"])
        .args(&place.options)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{}: {stderr}", wanted.name);
    Outcome { requests: service.end(), is_success: output.status.success(), message: stderr }
}

/// The one Python process, which runs openstackclient and openstacksdk.
pub(crate) struct Python {
    child: Child,
    jobs: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    /// The process, if the interpreter with these packages is installed.
    pub(crate) fn start() -> Option<Python> {
        let venv =
            std::env::var_os("CLOUD_VENV").or_else(|| std::env::var_os("IMGPUSH_CLOUD_VENV"));
        let venv = venv.map_or_else(|| target().join("cloud-venv"), PathBuf::from);
        let python = venv.join("bin/python");
        if !python.exists() {
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/openstack_requests.py");
        let mut child = Command::new(python)
            .args(["-W", "ignore", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let jobs = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Some(Python { child, jobs, answers })
    }

    pub(crate) fn run(
        &mut self,
        program: &str,
        wanted: &Configuration,
        service: &Service,
        certificates: &Certificates,
    ) -> Outcome {
        let place = Place::new(wanted, &service.addresses, certificates);
        service.begin(&wanted.service);
        let job = json!({
            "program": program,
            "environment": place.environment,
            "folder": place.folder.path(),
            "arguments": place.options,
        });
        writeln!(self.jobs, "{job}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let (verdict, message): (String, String) = serde_json::from_str(&answer).unwrap();
        let log = std::fs::read_to_string(place.folder.path().join("log")).unwrap_or_default();
        let requests = service.end();
        Outcome { requests, is_success: verdict == "done", message: message + &log }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder of builds.
fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).map(Path::to_owned).unwrap()
}
