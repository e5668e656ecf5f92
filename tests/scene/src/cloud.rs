//! A real cloud, the script that manages it, and its own client.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::openstack;
use crate::variable::variable;

/// A real cloud, managed by the script `tests/cloud/cloud.sh`.
#[derive(Debug)]
pub struct RealCloud {
    /// The identity service, without a version.
    pub identity_url: String,
    /// The image service, without a version.
    pub image_url: String,
    /// The folder with its state.
    dir: PathBuf,
    /// Variables of the script in addition to the environment.
    settings: Vec<(&'static str, String)>,
    /// Whether dropping this value removes the cloud.
    is_own: bool,
}

impl RealCloud {
    /// The cloud that `cargo xtask test` starts, and that the environment describes.
    #[must_use]
    pub fn from_environment() -> Self {
        let auth_url = variable("OS_AUTH_URL");
        RealCloud {
            identity_url: auth_url.trim_end_matches("/v3").to_owned(),
            image_url: variable("TESTCLOUD_IMAGE_URL"),
            dir: variable("CLOUD_DIR").into(),
            settings: Vec::new(),
            is_own: false,
        }
    }

    /// Another cloud with this lifetime of tokens. It takes half a minute to start, and is removed when this
    /// value is dropped.
    #[must_use]
    pub fn with_token_lifetime(lifetime: Duration) -> Self {
        // Bound at the same time, so that they differ.
        let ports = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [identity, image] = ports.map(|port| port.local_addr().unwrap().port().to_string());
        let dir = format!("{}-tokens", variable("CLOUD_DIR").trim_end_matches('/'));
        let url = |port| format!("http://127.0.0.1:{port}");
        let cloud = RealCloud {
            identity_url: url(&identity),
            image_url: url(&image),
            dir: dir.clone().into(),
            settings: vec![
                ("CLOUD_DIR", dir),
                ("CLOUD_KEYSTONE_PORT", identity),
                ("CLOUD_GLANCE_PORT", image),
                ("CLOUD_NOAUTH_PORT", "0".to_owned()),
                ("CLOUD_CONVERTING_PORT", "0".to_owned()),
                ("CLOUD_WORKERS", "2".to_owned()),
                ("CLOUD_TOKEN_SECONDS", lifetime.as_secs().to_string()),
            ],
            is_own: true,
        };
        // Removes the remains of a killed run.
        cloud.call("clean");
        cloud.call("up");
        cloud
    }

    /// Runs openstackclient against a cloud of `clouds.yaml`; returns its JSON.
    #[must_use]
    pub fn openstack(&self, cloud: &str, arguments: &[&str]) -> Value {
        let output = self.openstack_prints(cloud, &[arguments, &["-f", "json"]].concat());
        serde_json::from_str(&output).unwrap()
    }

    /// Runs openstackclient; returns its output.
    pub fn openstack_prints(&self, cloud: &str, arguments: &[&str]) -> String {
        let answer = openstack::run(&[&["--os-cloud", cloud], arguments].concat());
        assert_eq!(answer["code"], 0, "{arguments:?}: {}", answer["stderr"]);
        answer["stdout"].as_str().unwrap().to_owned()
    }

    /// Runs openstackclient, which must end with an error.
    pub fn openstack_refuses(&self, cloud: &str, arguments: &[&str]) {
        let answer = openstack::run(&[&["--os-cloud", cloud], arguments].concat());
        assert_ne!(answer["code"], 0, "{arguments:?}: {}", answer["stdout"]);
    }

    /// Deletes the image of a report with openstackclient.
    pub fn delete(&self, cloud: &str, report: &Value) {
        self.openstack_prints(cloud, &["image", "delete", report["id"].as_str().unwrap()]);
    }

    /// Kills the process that receives the data of an image, and waits until its connections are closed. It may
    /// have received data without processing it yet.
    pub fn kill_worker_of(&self, id: &str) {
        let file = self.dir.join("data/glance/fast").join(id);
        for _ in 0..250 {
            if let Some(process) = file.canonicalize().ok().and_then(|file| holder_of(&file)) {
                return kill(&[process]);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nobody writes {}", file.display());
    }

    /// Kills the image service.
    pub fn kill_service(&self) {
        let master = std::fs::read_to_string(self.dir.join("run/glance.pid")).unwrap();
        let master = master.trim();
        // The script starts each service as the leader of a process group.
        kill(&members(master));
        // While the process exists, the script considers the service running.
        while Path::new("/proc").join(master).exists() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the services that do not run.
    pub fn start_service(&self) {
        self.call("up");
    }

    fn call(&self, verb: &str) {
        let status = self.script(verb).status().unwrap();
        assert!(status.success(), "cloud.sh {verb}: {status}");
    }

    fn script(&self, verb: &str) -> Command {
        let mut command = Command::new("bash");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../cloud/cloud.sh")).arg(verb);
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        command
    }
}

impl Drop for RealCloud {
    fn drop(&mut self) {
        if self.is_own {
            // It also runs during a panic, where a second panic would hide the first.
            let _ = self.script("clean").status();
        }
    }
}

/// Kills processes, and waits until they have closed their files and connections: the kernel accepts data for a
/// connection until then.
fn kill(processes: &[String]) {
    let status = Command::new("kill").args(["-KILL", "--"]).args(processes).status().unwrap();
    assert!(status.success(), "kill {processes:?}");
    while !processes.iter().all(|process| has_ended(process)) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether all threads of a process have ended, even if its parent has not read its exit code yet.
fn has_ended(process: &str) -> bool {
    let folder = Path::new("/proc").join(process);
    let threads = std::fs::read_dir(folder.join("task")).into_iter().flatten().count();
    let is_zombie = |fields: String| fields.starts_with('Z');
    threads < 2 && fields_of(&folder).is_none_or(is_zombie)
}

/// The processes of a group.
fn members(group: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|process| process.path());
    let is_member = |process: &PathBuf| {
        fields_of(process).is_some_and(|fields| fields.split(' ').nth(2) == Some(group))
    };
    let name = |process: PathBuf| process.file_name()?.to_str().map(str::to_owned);
    processes.filter(is_member).filter_map(name).collect()
}

/// The fields of a process in `/proc/PID/stat`: its state, its parent, its group and others.
fn fields_of(process: &Path) -> Option<String> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    // They follow the name in parentheses, which can have parentheses and spaces.
    stat.rsplit_once(") ").map(|(_, fields)| fields.to_owned())
}

/// The process that has a file open.
fn holder_of(file: &Path) -> Option<String> {
    let holds = |process: &PathBuf| {
        // Processes start and end, and some cannot be inspected.
        let open = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        open.map(|fd| fd.path()).any(|fd| std::fs::read_link(fd).is_ok_and(|to| to == file))
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|process| process.path());
    let process = processes.into_iter().find(holds)?;
    Some(process.file_name()?.to_str()?.to_owned())
}
