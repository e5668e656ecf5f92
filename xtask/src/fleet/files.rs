//! The ready files of the guide, checked by the tools of the systems that read them.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::places::{root, target};
use crate::step::run;

/// Checks each file whose system has a tool for that.
pub(crate) fn check() -> Result<()> {
    let files = root().join("docs/guide/fleets");
    let folder = target().join("fleet/tools");
    let venv = folder.join("venv");
    if !venv.join("bin/kubernetes-validate").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run(Command::new(venv.join("bin/pip")).args(["install", "-q", "kubernetes-validate"]))?;
    }
    let validate = venv.join("bin/kubernetes-validate");
    run(Command::new(validate).arg("--strict").arg(files.join("kubernetes.yaml")))?;

    let gitlab = folder.join("node_modules/.bin/gitlab-ci-local");
    if !gitlab.exists() {
        // The last version for Node.js 20.
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--prefix"]).arg(&folder).arg("gitlab-ci-local@4.61.1");
        run(&mut npm)?;
    }
    let project = folder.join("project");
    std::fs::create_dir_all(&project)?;
    std::fs::copy(files.join("gitlab-ci.yml"), project.join(".gitlab-ci.yml"))?;
    // It reads a project from git.
    let git = |arguments: &[&str]| run(Command::new("git").current_dir(&project).args(arguments));
    if !project.join(".git").exists() {
        git(&["init", "-q", "."])?;
        git(&["remote", "add", "origin", "git@gitlab.example.org:images/push.git"])?;
    }
    git(&["add", "."])?;
    let jobs = Command::new(gitlab).current_dir(&project).arg("--list").output()?;
    let text = String::from_utf8_lossy(&jobs.stdout);
    let problem = String::from_utf8_lossy(&jobs.stderr);
    ensure!(jobs.status.success(), "gitlab-ci-local: {text}{problem}");
    ensure!(text.contains("push: [4/4]") && text.contains("report"), "gitlab-ci-local: {text}");

    run(Command::new("sh").arg("-n").arg(files.join("slurm.sh")))?;
    let parse = "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read())";
    run(Command::new("python3").args(["-c", parse]).arg(files.join("ray_tasks.py")))
}
