//! The suites and how each is started.

use std::path::Path;
use std::process::Command;

use super::venv::python;
use crate::places::root;

/// A suite of another project.
pub(super) struct Suite {
    pub(super) name: &'static str,
    /// What it is, for the table.
    pub(super) title: &'static str,
    /// The script below `tests/foreign`, and its arguments after the file for the results.
    script: &'static str,
    arguments: &'static [&'static str],
    /// What the suite consists of, if the output of each counts and not only whether it passed.
    pub(super) transcripts_of: Option<&'static str>,
}

/// The suites that every test run includes. On two cores they take 100 to 140 seconds, and all of them 200 to 330.
pub(crate) const SHORT: [&str; 4] = ["tempest", "openstacksdk", "glanceclient", "ansible"];

pub(super) const SUITES: [Suite; 6] = [
    Suite {
        name: "tempest",
        title: "tempest, `tempest.api.image`",
        script: "run_tests.py",
        arguments: &["tempest.api.image"],
        transcripts_of: None,
    },
    Suite {
        name: "openstacksdk",
        title: "openstacksdk, functional tests of images",
        script: "run_tests.py",
        arguments: &[
            "openstack.tests.functional.image",
            "openstack.tests.functional.cloud.test_image",
        ],
        transcripts_of: None,
    },
    Suite {
        name: "glanceclient",
        title: "python-glanceclient, functional tests",
        script: "run_tests.py",
        arguments: &["glanceclient.tests.functional.v2"],
        transcripts_of: None,
    },
    Suite {
        name: "commands",
        title: "commands of `openstack` and `glance`",
        script: "run_commands.py",
        arguments: &["commands.txt"],
        transcripts_of: Some("commands"),
    },
    Suite {
        name: "ansible",
        title: "Ansible, modules of `openstack.cloud` for images",
        script: "run_ansible.py",
        arguments: &["play.yml"],
        transcripts_of: Some("tasks"),
    },
    Suite {
        name: "image-manager",
        title: "openstack-image-manager",
        script: "run_image_manager.py",
        arguments: &[],
        transcripts_of: Some("runs"),
    },
];

impl Suite {
    /// The command that writes the results.
    pub(super) fn command(&self, results: &Path) -> Command {
        let scripts = root().join("tests/foreign");
        let mut command = Command::new(python());
        command.args(["-W", "ignore"]).arg(scripts.join(self.script)).arg(results);
        for argument in self.arguments {
            match argument.ends_with(".txt") || argument.ends_with(".yml") {
                true => command.arg(scripts.join(argument)),
                false => command.arg(argument),
            };
        }
        command
    }
}
