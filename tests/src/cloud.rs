//! A real cloud by the script that makes it: for tests that end its processes, or want another.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A real cloud and its script.
#[derive(Debug)]
pub struct TestCloud {
    /// The identity service, without a version.
    pub identity_url: String,
    /// The image service, without a version.
    pub image_url: String,
    dir: PathBuf,
    /// What the script is told beyond the environment.
    settings: Vec<(&'static str, String)>,
    /// Whether it ends with this.
    is_own: bool,
}

impl TestCloud {
    /// The one that `cargo xtask test` brings up, and that the environment describes.
    ///
    /// # Panics
    ///
    /// When it describes none.
    #[must_use]
    pub fn from_environment() -> Self {
        let auth_url = variable("OS_AUTH_URL");
        TestCloud {
            identity_url: auth_url.trim_end_matches("/v3").to_owned(),
            image_url: variable("TESTCLOUD_IMAGE_URL"),
            dir: variable("CLOUD_DIR").into(),
            settings: Vec::new(),
            is_own: false,
        }
    }

    /// Another beside it, in which tokens live so many seconds. It takes half a minute to come up, and is
    /// removed when this is dropped.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    #[must_use]
    pub fn with_token_seconds(seconds: u64) -> Self {
        // Held together, so that they are two.
        let ports = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [identity, image] = ports.map(|port| port.local_addr().unwrap().port().to_string());
        let dir = format!("{}-tokens", variable("CLOUD_DIR").trim_end_matches('/'));
        let url = |port| format!("http://127.0.0.1:{port}");
        let cloud = TestCloud {
            identity_url: url(&identity),
            image_url: url(&image),
            dir: dir.clone().into(),
            settings: vec![
                ("CLOUD_DIR", dir),
                ("CLOUD_KEYSTONE_PORT", identity),
                ("CLOUD_GLANCE_PORT", image),
                ("CLOUD_NOAUTH_PORT", "0".to_owned()),
                ("CLOUD_WORKERS", "2".to_owned()),
                ("CLOUD_TOKEN_SECONDS", seconds.to_string()),
            ],
            is_own: true,
        };
        // What a killed run has left.
        cloud.call("clean");
        cloud.call("up");
        cloud
    }

    /// A variable of the user that may push.
    ///
    /// # Panics
    ///
    /// When it is not set.
    #[must_use]
    pub fn user(&self, name: &str) -> String {
        variable(name)
    }

    /// The folder with all it knows.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// One of the script's verbs.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn call(&self, verb: &str) {
        let status = self.script(verb).status().unwrap();
        assert!(status.success(), "cloud.sh {verb}: {status}");
    }

    fn script(&self, verb: &str) -> Command {
        let mut command = Command::new("bash");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/cloud/cloud.sh")).arg(verb);
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        command
    }
}

impl Drop for TestCloud {
    fn drop(&mut self) {
        if self.is_own {
            // Also behind a panic, where another would hide the first.
            let _ = self.script("clean").status();
        }
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: run these tests by `cargo xtask test`, which brings the cloud up"
        )
    })
}
