//! The services that the suite runs against.

use std::path::Path;
#[cfg(feature = "cloud")]
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use imgpush_sandbox::{Fault, Operation, PASSWORD, Sandbox, SandboxOptions};
#[cfg(feature = "cloud")]
use imgpush_tests::TestCloud;
use tokio::runtime::Runtime;

/// One of the two.
#[derive(Clone, Copy, Debug)]
#[expect(non_camel_case_types, reason = "the names of the modules that the macro stamps")]
pub(crate) enum Side {
    sandbox,
    #[cfg(feature = "cloud")]
    real,
}

impl Side {
    /// How long tokens live where they are to end. The program renews one that has less than two seconds.
    pub(crate) fn short(self) -> Duration {
        match self {
            Side::sandbox => Duration::from_secs(3),
            #[cfg(feature = "cloud")]
            Side::real => Duration::from_secs(5),
        }
    }

    /// How many pushes it takes at once, and still answers other calls.
    pub(crate) fn at_once(self) -> usize {
        match self {
            Side::sandbox => 12,
            #[cfg(feature = "cloud")]
            Side::real => 3,
        }
    }
}

/// A running service.
pub(crate) struct Service {
    pub(crate) identity_url: String,
    pub(crate) image_url: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) project: String,
    kind: Kind,
}

enum Kind {
    Sandbox {
        runtime: Runtime,
        running: Mutex<Option<Sandbox>>,
        options: Box<SandboxOptions>,
    },
    #[cfg(feature = "cloud")]
    Real(TestCloud),
}

impl Service {
    /// A sandbox of one's own, or the real one that all share.
    pub(crate) fn start(side: Side, folder: &Path) -> Self {
        match side {
            Side::sandbox => Service::sandbox(folder, Duration::from_secs(3600)),
            #[cfg(feature = "cloud")]
            Side::real => Service::real(TestCloud::from_environment()),
        }
    }

    /// One whose tokens end soon.
    pub(crate) fn with_short_tokens(side: Side, folder: &Path) -> Self {
        match side {
            Side::sandbox => Service::sandbox(folder, side.short()),
            #[cfg(feature = "cloud")]
            Side::real => Service::real(TestCloud::with_token_seconds(side.short().as_secs())),
        }
    }

    fn sandbox(folder: &Path, lifetime: Duration) -> Self {
        let options = SandboxOptions::default().with_dir(folder.join("images"));
        let mut options = options.with_tokens(lifetime);
        let runtime = Runtime::new().unwrap();
        let sandbox = runtime.block_on(Sandbox::start(options.clone())).unwrap();
        // For the next start.
        options.listen = sandbox.url().trim_start_matches("http://").parse().unwrap();
        Service {
            identity_url: sandbox.url().to_owned(),
            image_url: sandbox.url().to_owned(),
            user: imgpush_sandbox::USER.to_owned(),
            password: PASSWORD.to_owned(),
            project: imgpush_sandbox::PROJECT.to_owned(),
            kind: Kind::Sandbox {
                runtime,
                running: Mutex::new(Some(sandbox)),
                options: options.into(),
            },
        }
    }

    #[cfg(feature = "cloud")]
    fn real(cloud: TestCloud) -> Self {
        Service {
            identity_url: cloud.identity_url.clone(),
            image_url: cloud.image_url.clone(),
            user: cloud.user("OS_USERNAME"),
            password: cloud.user("OS_PASSWORD"),
            project: cloud.user("OS_PROJECT_NAME"),
            kind: Kind::Real(cloud),
        }
    }

    /// Makes ready for the kill in mid-upload: a sandbox has no process of its own, so it is told
    /// beforehand to do as if.
    pub(crate) fn will_die_in_upload(&self, after: u64) {
        match &self.kind {
            Kind::Sandbox { running, .. } => {
                let running = running.lock().unwrap();
                running.as_ref().unwrap().inject(Operation::Upload, Fault::Forget(after));
            }
            #[cfg(feature = "cloud")]
            Kind::Real(_) => {}
        }
    }

    /// Kills the process that takes the data of an image.
    #[cfg_attr(
        not(feature = "cloud"),
        expect(unused_variables, reason = "only a real service has a process for it")
    )]
    pub(crate) fn kill_worker_of(&self, id: &str) {
        match &self.kind {
            Kind::Sandbox { .. } => {}
            #[cfg(feature = "cloud")]
            Kind::Real(cloud) => kill(&["-KILL", &worker_of(cloud, id)]),
        }
    }

    /// Kills all of the service, and starts it again.
    pub(crate) fn restart(&self) {
        match &self.kind {
            Kind::Sandbox { runtime, running, options } => runtime.block_on(async {
                let stopping = running.lock().unwrap().take().unwrap();
                stopping.shutdown().await;
                let started = Sandbox::start((**options).clone()).await.unwrap();
                *running.lock().unwrap() = Some(started);
            }),
            #[cfg(feature = "cloud")]
            Kind::Real(cloud) => {
                let master = std::fs::read_to_string(cloud.dir().join("run/glance.pid")).unwrap();
                let master = master.trim();
                // The script starts each service as the leader of a group.
                kill(&["-KILL", "--", &format!("-{master}")]);
                // As long as it is there, the script sees nothing to start.
                while Path::new("/proc").join(master).exists() {
                    std::thread::sleep(Duration::from_millis(20));
                }
                cloud.call("up");
            }
        }
    }
}

#[cfg(feature = "cloud")]
fn kill(arguments: &[&str]) {
    let status = std::process::Command::new("kill").args(arguments).status().unwrap();
    assert!(status.success(), "kill {arguments:?}");
}

/// The process that has the file of an image open. It may have taken the data and not begun yet.
#[cfg(feature = "cloud")]
fn worker_of(cloud: &TestCloud, id: &str) -> String {
    let file = cloud.dir().join("data/glance/fast").join(id);
    for _ in 0..250 {
        if let Some(process) = file.canonicalize().ok().and_then(|file| holder_of(&file)) {
            return process;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nobody writes {}", file.display());
}

/// The process that has a file open.
#[cfg(feature = "cloud")]
fn holder_of(file: &Path) -> Option<String> {
    let holds = |process: &PathBuf| {
        // Processes come and go, and some are not ours to look at.
        let open = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        open.map(|fd| fd.path()).any(|fd| std::fs::read_link(fd).is_ok_and(|to| to == file))
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|process| process.path());
    let process = processes.into_iter().find(holds)?;
    Some(process.file_name()?.to_str()?.to_owned())
}
