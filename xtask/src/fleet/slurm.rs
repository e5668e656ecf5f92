//! A cluster of Slurm on one machine: a controller and three nodes, without munge and without root's services.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::scene::{IMAGES, Scene};
use crate::places::root;
use crate::step::{build, run, say};

/// The reason for leaving the test out.
pub(super) const MISSING: &str = "slurmctld or slurmd is not installed; on Debian, `apt-get install slurmctld slurmd slurm-client`";

/// Whether the programs are there.
pub(super) fn is_installed() -> bool {
    ["slurmctld", "slurmd"].iter().all(|program| {
        Command::new(program).arg("-V").output().is_ok_and(|output| output.status.success())
    })
}

const NODES: u16 = 3;
const TASKS: u32 = 6;

/// Images that are there before a node is killed.
const BEFORE: usize = 10;

/// Slurm waits two minutes before it runs a task again.
const LONGEST: Duration = Duration::from_secs(900);

/// Runs the script of the guide as an array, kills a node in the middle, and returns a page about the result.
pub(super) fn fleet() -> Result<String> {
    ensure!(is_installed(), MISSING);
    build()?;
    let scene = Scene::start("slurm")?;
    let cluster = Cluster::start(&scene)?;
    let start = Instant::now();
    let job = cluster.submit()?;
    say(&format!("job {job}: {TASKS} tasks"));
    wait("images", || Ok(cluster.verified()? >= BEFORE))?;
    let victim = format!("n{NODES}");
    let killed = cluster.kill_node(&victim)?;
    say(&format!("killed {victim}: {killed} processes, after {} images", cluster.verified()?));
    wait("the end of the tasks", || cluster.is_done(&job))?;
    let seconds = start.elapsed().as_secs();
    let restarts = cluster.restarts(&job)?;
    ensure!(restarts > 0, "no task ran again");

    let mut merge = scene.command("sh");
    let merged = merge.args(["-c", "imgpush report merge report-*.json"]).output()?;
    let (text, notes) = (String::from_utf8(merged.stdout)?, String::from_utf8(merged.stderr)?);
    ensure!(merged.status.success(), "report merge: {text}{notes}");
    ensure!(text.starts_with(&format!("{IMAGES} succeeded")), "report merge: {text}");
    ensure!(notes.contains(&format!("{TASKS} of {TASKS} shards are complete")), "{notes}");
    let judgement = scene.judge()?;
    judgement.check()?;

    let version = Command::new("slurmctld").arg("-V").output()?.stdout;
    let mut page = String::new();
    writeln!(page, "# A fleet on Slurm\n")?;
    writeln!(
        page,
        "Written by `cargo xtask fleet slurm --table`. {NODES} nodes of Slurm push {IMAGES} images of 1 to 64 MiB"
    )?;
    writeln!(
        page,
        "to a real Glance with [slurm.sh](guide/fleets/slurm.sh). One node is killed: its daemon and all its tasks, by"
    )?;
    writeln!(
        page,
        "SIGKILL. openstackclient lists the images in the end; their checksums are compared with those of the files.\n"
    )?;
    writeln!(page, "| | |\n|---|---:|")?;
    writeln!(
        page,
        "| Slurm | {} |",
        String::from_utf8_lossy(&version).trim().trim_start_matches("slurm-wlm ")
    )?;
    writeln!(page, "| tasks | {TASKS} |")?;
    writeln!(page, "| nodes killed | 1 |")?;
    writeln!(page, "| tasks run again | {restarts} |")?;
    writeln!(page, "| images active, with the data of their files | {} |", judgement.images)?;
    writeln!(page, "| duplicates | {} |", judgement.duplicates)?;
    writeln!(page, "| lost | {} |", judgement.lost)?;
    writeln!(page, "| records left behind | {} |", judgement.left.len())?;
    writeln!(
        page,
        "| seconds, of which Slurm waits 120 before it runs a task again | {seconds} |"
    )?;
    Ok(page)
}

fn wait(what: &str, mut is_there: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + LONGEST;
    while !is_there()? {
        ensure!(Instant::now() < end, "waited {} s for {what}", LONGEST.as_secs());
        sleep(Duration::from_millis(500));
    }
    Ok(())
}

struct Cluster<'a> {
    scene: &'a Scene,
    folder: PathBuf,
}

impl<'a> Cluster<'a> {
    fn start(scene: &'a Scene) -> Result<Self> {
        let folder = scene.folder.join("cluster");
        for name in ["state", "spool", "log"] {
            std::fs::create_dir_all(folder.join(name))?;
        }
        let cluster = Cluster { scene, folder };
        std::fs::write(cluster.configuration(), cluster.settings()?)?;
        cluster.run("slurmctld", &["-c"])?;
        for node in 1..=NODES {
            cluster.run("slurmd", &["-c", "-N", &format!("n{node}")])?;
        }
        wait("the nodes", || {
            let idle = cluster.prints("sinfo", &["-h", "-t", "idle", "-o", "%D"])?;
            Ok(idle.trim() == NODES.to_string())
        })?;
        Ok(cluster)
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("slurm.conf")
    }

    fn settings(&self) -> Result<String> {
        // Bound at the same time, so that they differ.
        let ports: Vec<TcpListener> = (0..=NODES)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<Result<_, _>>()?;
        let folder = self.folder.display();
        let mut text = format!(
            "ClusterName=imgpush\n\
             SlurmctldHost=localhost(127.0.0.1)\n\
             SlurmctldPort={}\n\
             AuthType=auth/none\n\
             CredType=cred/none\n\
             SlurmUser=root\n\
             SlurmdUser=root\n\
             StateSaveLocation={folder}/state\n\
             SlurmdSpoolDir={folder}/spool/%n\n\
             SlurmctldPidFile={folder}/slurmctld.pid\n\
             SlurmdPidFile={folder}/%n.pid\n\
             SlurmctldLogFile={folder}/log/slurmctld.log\n\
             SlurmdLogFile={folder}/log/%n.log\n\
             ProctrackType=proctrack/pgid\n\
             TaskPlugin=task/none\n\
             JobAcctGatherType=jobacct_gather/none\n\
             AccountingStorageType=accounting_storage/none\n\
             SelectType=select/cons_tres\n\
             SelectTypeParameters=CR_CPU\n\
             SlurmdTimeout=10\n\
             MinJobAge=3600\n\
             RequeueExit=75\n",
            ports[0].local_addr()?.port()
        );
        for (node, port) in (1..=NODES).zip(&ports[1..]) {
            let port = port.local_addr()?.port();
            writeln!(
                text,
                "NodeName=n{node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs=2"
            )?;
        }
        text.push_str("PartitionName=all Nodes=ALL Default=YES State=UP\n");
        Ok(text)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.scene.command(program);
        command.args(arguments).env("SLURM_CONF", self.configuration());
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        run(&mut self.command(program, arguments))
    }

    fn prints(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = self.command(program, arguments).output().context(program.to_owned())?;
        if !output.status.success() {
            bail!("{program}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Submits the script of the guide with fewer tasks.
    fn submit(&self) -> Result<String> {
        let script = root().join("docs/guide/fleets/slurm.sh");
        let array = format!("--array=0-{}", TASKS - 1);
        let script = script.to_string_lossy();
        Ok(self.prints("sbatch", &["--parsable", &array, &script])?.trim().to_owned())
    }

    /// The number of images that the tasks have reported as verified.
    fn verified(&self) -> Result<usize> {
        let mut count = 0;
        for task in 0..TASKS {
            let report = self.scene.folder.join(format!("report-{task}.json"));
            if report.exists() {
                count += std::fs::read_to_string(report)?.matches("\"verified\":true").count();
            }
        }
        Ok(count)
    }

    /// Whether all tasks have ended. Fails if one has failed for good.
    fn is_done(&self, job: &str) -> Result<bool> {
        let states = self.prints("squeue", &["-h", "-r", "-t", "all", "-j", job, "-o", "%T"])?;
        let states: Vec<&str> = states.lines().collect();
        let is_bad = |state: &&str| ["FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"].contains(state);
        if states.iter().any(is_bad) {
            bail!("tasks ended as {}; see {}", states.join(", "), self.scene.folder.display());
        }
        Ok(states.len() == TASKS as usize && states.iter().all(|state| *state == "COMPLETED"))
    }

    /// How often tasks ran again.
    fn restarts(&self, job: &str) -> Result<u32> {
        let jobs = self.prints("scontrol", &["show", "job", job])?;
        let words = jobs.split_whitespace().filter_map(|word| word.strip_prefix("Restarts="));
        Ok(words.filter_map(|count| count.parse::<u32>().ok()).sum())
    }

    /// Kills the daemon of a node and its tasks. Returns the number of processes.
    fn kill_node(&self, node: &str) -> Result<usize> {
        let daemon = std::fs::read_to_string(self.folder.join(format!("{node}.pid")))?;
        let mut processes = vec![daemon.trim().to_owned()];
        // So that the daemon starts no other task meanwhile.
        kill(&processes)?;
        let is_of_node = |process: &PathBuf| {
            let environment = std::fs::read(process.join("environ")).unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0);
            let wanted = format!("SLURMD_NODENAME={node}");
            variables.any(|variable| variable == wanted.as_bytes())
        };
        let all = std::fs::read_dir("/proc")?.flatten().map(|entry| entry.path());
        let tasks: Vec<_> = all.filter(is_of_node).collect();
        // A shepherd of Slurm is the parent of each script.
        let shepherds = tasks.iter().filter_map(|task| parent(task)).filter(|process| {
            let command = std::fs::read_to_string(Path::new("/proc").join(process).join("cmdline"));
            command.is_ok_and(|command| command.starts_with("slurmstepd"))
        });
        let mut victims: Vec<String> = shepherds.collect();
        victims
            .extend(tasks.iter().filter_map(|task| Some(task.file_name()?.to_str()?.to_owned())));
        ensure!(!victims.is_empty(), "{node} runs no task");
        kill(&victims)?;
        processes.extend(victims);
        Ok(processes.len())
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        // It also runs after a failure, which is reported.
        let _ = self.run("scontrol", &["shutdown"]);
    }
}

fn parent(process: &Path) -> Option<String> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    Some(parent.trim().to_owned())
}

/// Kills processes; one that has ended meanwhile is no failure.
fn kill(processes: &[String]) -> Result<()> {
    let mut command = Command::new("kill");
    command.args(["-KILL", "--"]).args(processes).stderr(std::process::Stdio::null());
    command.status().context("kill")?;
    Ok(())
}
