//! The real cloud of `tests/cloud`.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::places::{root, target};
use crate::step::run;

/// The folders and ports of a cloud.
pub(crate) struct Cloud {
    settings: Vec<(&'static str, OsString)>,
}

impl Cloud {
    /// The cloud that a developer starts: `CLOUD_*` variables, or else the default ports.
    pub(crate) fn of_user() -> Self {
        Cloud { settings: Self::places("cloud", "") }
    }

    /// A separate cloud for a test run, on free ports and with an empty state.
    pub(crate) fn of_tests() -> Result<Self> {
        Self::of_some_tests("")
    }

    /// The same for tests that run beside others; the suffix belongs to the name of its folder.
    pub(crate) fn of_some_tests(suffix: &str) -> Result<Self> {
        let mut settings = Self::places("cloud-test", suffix);
        // Bound at the same time, so that they differ.
        let ports: Vec<TcpListener> = (0..4)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<Result<_, _>>()
            .context("no free port")?;
        let names = [
            "CLOUD_KEYSTONE_PORT",
            "CLOUD_GLANCE_PORT",
            "CLOUD_NOAUTH_PORT",
            "CLOUD_CONVERTING_PORT",
        ];
        for (name, listener) in names.into_iter().zip(&ports) {
            settings.push((name, listener.local_addr()?.port().to_string().into()));
        }
        Ok(Cloud { settings })
    }

    fn places(folder: &str, suffix: &str) -> Vec<(&'static str, OsString)> {
        let given = std::env::var_os("CLOUD_DIR");
        let mut folder = given.unwrap_or_else(|| target().join(folder).into_os_string());
        folder.push(suffix);
        vec![("CLOUD_DIR", folder), ("CLOUD_VENV", venv().into_os_string())]
    }

    /// Installs the services and the clients.
    pub(crate) fn install() -> Result<()> {
        let cloud = Cloud { settings: Self::places("cloud-test", "") };
        cloud.call("install")?;
        cloud.call("clients")
    }

    /// The interpreter of its services, whether or not it is installed.
    pub(crate) fn python() -> PathBuf {
        venv().join("bin/python")
    }

    /// The virtual environment of its services and of the clients.
    pub(crate) fn venv() -> PathBuf {
        venv()
    }

    /// Runs one command of the script.
    pub(crate) fn call(&self, verb: &str) -> Result<()> {
        run(&mut self.script(verb))
    }

    /// The variables that a shell has to export to use the cloud, as pairs.
    pub(crate) fn environment(&self) -> Result<Vec<(String, String)>> {
        let output = self.script("env").output().context("cannot start bash")?;
        if !output.status.success() {
            bail!("cloud.sh env: {}", String::from_utf8_lossy(&output.stderr));
        }
        let text = String::from_utf8(output.stdout).context("cloud.sh env")?;
        let exports = text.lines().filter_map(|line| line.strip_prefix("export "));
        let pairs = exports.flat_map(str::split_whitespace).filter_map(|pair| pair.split_once('='));
        let mut pairs: Vec<_> = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        for (name, value) in &self.settings {
            pairs.push(((*name).to_owned(), value.to_string_lossy().into_owned()));
        }
        Ok(pairs)
    }

    fn script(&self, verb: &str) -> Command {
        let mut command = Command::new("bash");
        command.arg(root().join("tests/cloud/cloud.sh")).arg(verb);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Kept between runs, since creating it takes a minute.
fn venv() -> PathBuf {
    std::env::var_os("IMGPUSH_CLOUD_VENV")
        .map_or_else(|| target().join("cloud-venv"), PathBuf::from)
}
