//! What the system tests share: the programs under test, the real cloud, and a proxy that breaks things.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cloud;
pub mod proxy;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The README, whose snippets have to compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

pub use cloud::TestCloud;

/// The real cloud that `cargo xtask test` brings up.
#[derive(Debug)]
pub struct RealCloud {
    venv: PathBuf,
}

impl RealCloud {
    /// The one that the environment describes.
    ///
    /// # Panics
    ///
    /// When it describes none.
    #[must_use]
    pub fn from_environment() -> Self {
        let variable = |name| {
            std::env::var_os(name).unwrap_or_else(|| {
                panic!("{name} is not set: run these tests by `cargo xtask test`, which brings the cloud up")
            })
        };
        assert!(Path::new(&variable("OS_CLIENT_CONFIG_FILE")).exists(), "the cloud is not up");
        RealCloud { venv: variable("CLOUD_VENV").into() }
    }

    /// Runs openstackclient against a cloud of `clouds.yaml`; its JSON.
    #[must_use]
    pub fn openstack(&self, cloud: &str, arguments: &[&str]) -> Value {
        let output = self.client(cloud, arguments, &["-f", "json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs openstackclient; what it prints.
    #[must_use]
    pub fn openstack_prints(&self, cloud: &str, arguments: &[&str]) -> String {
        let output = self.client(cloud, arguments, &[]);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs openstackclient for what it does, not for what it prints.
    pub fn openstack_quietly(&self, cloud: &str, arguments: &[&str]) {
        let output = self.client(cloud, arguments, &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    fn client(&self, cloud: &str, arguments: &[&str], more: &[&str]) -> Output {
        let mut command = Command::new(self.venv.join("bin/openstack"));
        // The Python client mixes the variables into a named cloud.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("OS_") && name != "OS_CLIENT_CONFIG_FILE" {
                command.env_remove(name);
            }
        }
        command.args(["--os-cloud", cloud]).args(arguments).args(more).output().unwrap()
    }
}

/// The built `imgpush`, without the caller's own clouds, colours and progress.
///
/// # Panics
///
/// When it is not built.
#[must_use]
pub fn imgpush() -> Command {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("imgpush");
    assert!(program.exists(), "{} is not there: `cargo build` first", program.display());
    let mut command = Command::new(program);
    command.env("NO_COLOR", "1").current_dir(std::env::temp_dir());
    command
}

/// Bytes as text.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a run of the program has printed and said. No run of any test may show a secret.
///
/// # Panics
///
/// When this one does, or has panicked itself.
#[must_use]
pub fn said(output: &Output, password: &str) -> (String, String) {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let all = format!("{stdout}{stderr}");
    assert!(!all.contains(password), "the password is shown: {all}");
    assert!(!all.contains("gAAAA"), "a token is shown: {all}");
    assert!(!all.contains("panicked"), "{all}");
    (stdout, stderr)
}

/// Makes a file of so many bytes in a folder; they do not repeat, so that misplaced ones show.
pub fn pattern_file(folder: &Path, name: &str, bytes: u64) -> PathBuf {
    let path = folder.join(name);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path).unwrap());
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut left = bytes;
    while left > 0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = state.to_le_bytes();
        let length = usize::try_from(left.min(8)).unwrap();
        out.write_all(&word[..length]).unwrap();
        left -= length as u64;
    }
    out.flush().unwrap();
    path
}

/// The SHA-512 of a file by a program of the system, which shares no code with anything here.
#[must_use]
pub fn sha512sum(path: &Path) -> String {
    let output = Command::new("sha512sum").arg(path).output().unwrap();
    text(&output.stdout).split_whitespace().next().unwrap().to_owned()
}
