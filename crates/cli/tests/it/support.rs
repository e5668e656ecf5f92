//! A sandbox to push to, and the program.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use imgpush_sandbox::{PASSWORD, PROJECT, Sandbox, SandboxOptions, USER};

/// A sandbox that asks for a login, a folder with files and a `clouds.yaml`, and the program in it.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Scene::with(SandboxOptions::default().with_tokens(Duration::from_secs(3600)))
    }

    pub(crate) fn with(options: SandboxOptions) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = options.with_dir(folder.path().join("images"));
        let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
        let clouds = format!(
            "clouds:\n  mycloud:\n    region_name: RegionOne\n    auth:\n      auth_url: {}\n      \
             username: {USER}\n      password: {PASSWORD}\n      project_name: {PROJECT}\n",
            sandbox.auth_url()
        );
        std::fs::write(folder.path().join("clouds.yaml"), clouds).unwrap();
        Scene { sandbox, folder, _runtime: runtime }
    }

    /// A file of so many bytes in the folder.
    pub(crate) fn file(&self, name: &str, bytes: usize) -> PathBuf {
        let path = self.folder.path().join(name);
        let data: Vec<u8> = (0..bytes).map(|i| (i % 251) as u8).collect();
        std::fs::File::create(&path).unwrap().write_all(&data).unwrap();
        path
    }

    /// The program in the folder, with nothing of the caller's environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.folder.path());
        command.args(arguments).env("HOME", self.folder.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// The record that the sandbox keeps.
    pub(crate) fn record(&self, id: &str) -> serde_json::Value {
        let path = self.folder.path().join("images").join(format!("{id}.json"));
        let kept: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        kept["image"].clone()
    }

    /// How many requests would have changed something.
    pub(crate) fn writes(&self) -> usize {
        let journal = self.sandbox.journal();
        journal.iter().filter(|r| r.method != "GET" && r.path.starts_with("/v2")).count()
    }
}

/// The program in a folder, with nothing of the caller's environment.
pub(crate) fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgpush"));
    command.current_dir(folder).env_clear();
    command
}

/// A folder with files of these contents.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

/// What a run left.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// A run with something on its standard input.
    pub(crate) fn fed(mut command: Command, input: &[u8]) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Run::of(child.wait_with_output().unwrap())
    }

    /// No run of any test may show a secret.
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let run = Run {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(!all.contains(PASSWORD), "the password is shown: {all}");
        assert!(!all.contains("gAAAA"), "a token is shown: {all}");
        assert!(!all.contains("panicked"), "{all}");
        run
    }
}
