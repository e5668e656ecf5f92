//! `null_glance` in a separate process.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::process;

/// A running service; it ends when this is dropped.
pub struct Sink {
    child: Child,
    url: String,
    /// The file with its certificate, if it uses TLS.
    certificate: Option<PathBuf>,
}

impl Sink {
    /// Starts a sink that knows these data.
    #[must_use]
    pub fn start(known: impl IntoIterator<Item = String>) -> Self {
        Sink::run(known, None)
    }

    /// Starts a sink that uses TLS, and writes its certificate to a file.
    #[must_use]
    pub fn start_tls(known: impl IntoIterator<Item = String>, certificate: PathBuf) -> Self {
        Sink::run(known, Some(certificate))
    }

    fn run(known: impl IntoIterator<Item = String>, certificate: Option<PathBuf>) -> Self {
        let program = std::env::current_exe().unwrap().with_file_name("null_glance");
        let mut command = Command::new(program);
        if let Some(file) = &certificate {
            command.arg("--tls").arg(file);
        }
        let mut child = command
            .args(known)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Sink { child, url: url.trim().to_owned(), certificate }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The variables for clients.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let settings = [
            ("OS_AUTH_TYPE", "password"),
            ("OS_IDENTITY_API_VERSION", "3"),
            ("OS_USERNAME", "demo"),
            ("OS_PASSWORD", "secret"),
            ("OS_PROJECT_NAME", "demo"),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_DOMAIN_NAME", "Default"),
            ("OS_REGION_NAME", "RegionOne"),
        ];
        let mut variables: Vec<_> =
            settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        variables.push(("OS_AUTH_URL".to_owned(), format!("{}/v3", self.url)));
        if let Some(file) = &self.certificate {
            variables.push(("OS_CACERT".to_owned(), file.display().to_string()));
        }
        variables
    }

    /// Its entry in a `clouds.yaml`.
    #[must_use]
    pub fn entry(&self, name: &str) -> String {
        format!(
            "  {name}:\n    region_name: RegionOne\n    auth_type: password\n    auth:\n      \
             auth_url: {}/v3\n      username: demo\n      password: secret\n      \
             project_name: demo\n      user_domain_name: Default\n      \
             project_domain_name: Default\n",
            self.url
        )
    }

    /// Its CPU time so far.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        process::cpu_of(self.child.id())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
