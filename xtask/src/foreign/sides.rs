//! The two services, and what the suites need in each: logins, files and an address to download from.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use super::results::{self, Outcome};
use super::suites::Suite;
use super::venv::{folder, python};
use crate::places::{root, target};
use crate::step::{build, run, say};

/// A service with its logins.
pub(super) struct Side {
    name: &'static str,
    folder: PathBuf,
    /// The address of a disk image of 64 KiB.
    disk_url: String,
    sandbox: Option<Child>,
}

/// The users of both services, under the names that the suites expect.
const CLOUDS: [(&str, &str); 3] =
    [("devstack", "demo"), ("devstack-alt", "other"), ("devstack-admin", "admin")];
/// The password of all users.
const PASSWORD: &str = "secret";
/// The number of projects that `prepare.py` creates.
const PROJECTS: u32 = 3;

impl Side {
    /// The running cloud with this identity service.
    pub(super) fn real(auth_url: &str) -> Result<Side> {
        Side::prepared("real", auth_url, None)
    }

    /// A sandbox with an identity service, which ends with the value.
    pub(super) fn sandbox() -> Result<Side> {
        build()?;
        let state = folder().join("state");
        if state.exists() {
            fs::remove_dir_all(&state).context("the state of the sandbox")?;
        }
        let mut child = Command::new(target().join("debug/imgpush"))
            .args(["sandbox", "--listen", "127.0.0.1:0", "--with-keystone", "--dir"])
            .arg(state)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("the sandbox does not start")?;
        let stdout = child.stdout.take().context("stdout is a pipe")?;
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address).context("the address of the sandbox")?;
        let address = address.trim();
        if !address.starts_with("http://") {
            bail!("the sandbox printed no address: {address:?}");
        }
        Side::prepared("sandbox", &format!("{address}/identity/v3"), Some(child))
    }

    fn prepared(name: &'static str, auth_url: &str, sandbox: Option<Child>) -> Result<Side> {
        let folder = folder().join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let disk_url = serve(vec![7; 64 << 10])?;
        let side = Side { name, folder, disk_url, sandbox };
        side.write("clouds.yaml", &clouds(auth_url))?;
        side.write("accounts.yaml", &accounts())?;
        side.write("disk.raw", &"\u{1}\u{2}".repeat(256 << 10))?;
        side.write("text.txt", &"This is text.\n".repeat(100))?;
        // openstacksdk's tests upload a file of its repository.
        side.write("CONTRIBUTING.rst", &"A file to upload.\n".repeat(100))?;
        run(Command::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2", "disk.qcow2", "10M"])
            .current_dir(&side.folder))?;
        let qcow2 = serve(fs::read(side.folder.join("disk.qcow2")).context("disk.qcow2")?)?;
        side.write("tempest.conf", &tempest(&side.folder, auth_url, &side.disk_url, &qcow2))?;
        let script = root().join("tests/foreign/prepare.py");
        let mut prepare = Command::new(python());
        prepare.args(["-W", "ignore"]).arg(script).arg("devstack-admin");
        run(side.with_environment(&mut prepare))?;
        Ok(side)
    }

    /// Runs the suites one after another.
    pub(super) fn run(
        &self,
        suites: &[&Suite],
    ) -> Result<BTreeMap<&'static str, BTreeMap<String, Outcome>>> {
        let mut all = BTreeMap::new();
        for suite in suites {
            say(&format!("--- {} against {}", suite.name, self.name));
            let start = Instant::now();
            let file = self.folder.join(format!("{}.jsonl", suite.name));
            let path = self.folder.join(format!("{}.log", suite.name));
            let log = fs::File::create(&path).with_context(|| path.display().to_string())?;
            let mut command = suite.command(&file);
            self.with_environment(&mut command);
            run(command.stdout(log.try_clone()?).stderr(log))
                .with_context(|| format!("the output is in {}", path.display()))?;
            let results = results::read(&file)?;
            if results.is_empty() {
                bail!("{} against {}: no results", suite.name, self.name);
            }
            let seconds = start.elapsed().as_secs();
            say(&format!("--- {} against {}: {seconds} s", suite.name, self.name));
            all.insert(suite.name, results);
        }
        Ok(all)
    }

    fn with_environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let variables = std::env::vars().map(|(name, _)| name);
        for name in variables.filter(|name| name.starts_with("OS_")) {
            command.env_remove(name);
        }
        command
            .current_dir(&self.folder)
            .env("OS_CLIENT_CONFIG_FILE", self.folder.join("clouds.yaml"))
            .env("OS_CLOUD", "devstack")
            .env("FOREIGN_DISK_URL", &self.disk_url)
            .env("TEMPEST_CONFIG_DIR", &self.folder)
            .env("OS_GLANCECLIENT_EXEC_DIR", python().with_file_name(""))
            // Tables would depend on the terminal.
            .env("COLUMNS", "200")
    }

    fn write(&self, name: &str, content: &str) -> Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, content).with_context(|| path.display().to_string())
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        if let Some(child) = &mut self.sandbox {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn clouds(auth_url: &str) -> String {
    let mut text = "clouds:\n".to_owned();
    let project =
        |name: &str| format!("      project_name: {name}\n      project_domain_id: default\n");
    let entries = CLOUDS.iter().map(|(cloud, user)| (*cloud, *user, project(user)));
    let system = ("devstack-system-admin", "admin", "      system_scope: all\n".to_owned());
    for (cloud, user, scope) in entries.chain([system]) {
        text.push_str(&format!(
            "  {cloud}:\n    region_name: RegionOne\n    identity_api_version: 3\n    auth:\n      \
             auth_url: {auth_url}\n      username: {user}\n      password: {PASSWORD}\n      \
             user_domain_id: default\n{scope}"
        ));
    }
    text
}

/// The users that tempest's tests may use.
fn accounts() -> String {
    let mut text = String::new();
    let mut add = |user: &str, project: &str, more: &str| {
        text.push_str(&format!(
            "- {{username: {user}, project_name: {project}, password: {PASSWORD}, \
             user_domain_name: Default, project_domain_name: Default, {more}}}\n"
        ));
    };
    for number in 1..=PROJECTS {
        for role in ["member", "reader"] {
            let project = format!("suite-{number}");
            add(&format!("{project}-{role}"), &project, &format!("roles: [{role}]"));
        }
    }
    add("admin", "admin", "types: [admin], roles: [admin]");
    text
}

fn tempest(folder: &Path, auth_url: &str, raw: &str, qcow2: &str) -> String {
    let folder = folder.display();
    format!(
        "[DEFAULT]\nlog_file = {folder}/tempest.log\n\
         [oslo_concurrency]\nlock_path = {folder}/locks\n\
         [auth]\nuse_dynamic_credentials = false\ntest_accounts_file = {folder}/accounts.yaml\n\
         [identity]\nuri_v3 = {auth_url}\nauth_version = v3\nregion = RegionOne\n\
         [identity-feature-enabled]\napi_v2 = false\napi_v3 = true\n\
         [service_available]\nglance = true\nnova = false\ncinder = false\nneutron = false\n\
         swift = false\nhorizon = false\n\
         [image]\nregion = RegionOne\nhttp_image = {raw}\nhttp_qcow2_image = {qcow2}\n\
         [image-feature-enabled]\nimport_image = true\nos_glance_reserved = true\n\
         image_format_enforcement = true\nhttp_store_enabled = true\n"
    )
}

/// Serves these bytes under any path, until the process ends.
fn serve(bytes: Vec<u8>) -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let request = stream.try_clone().map(BufReader::new);
            let mut is_head = false;
            for line in
                request.into_iter().flat_map(|request| request.lines().map_while(Result::ok))
            {
                is_head |= line.starts_with("HEAD ");
                if line.is_empty() {
                    break;
                }
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                bytes.len()
            );
            let body = if is_head { &[][..] } else { &bytes };
            // The client may have closed the connection.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    Ok(format!("http://{address}/disk.img"))
}
