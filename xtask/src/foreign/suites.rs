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
    /// Whether the output of a test counts, not only whether it passed.
    pub(super) compares_output: bool,
}

pub(super) const SUITES: [Suite; 4] = [
    Suite {
        name: "tempest",
        title: "tempest, `tempest.api.image`",
        script: "run_tests.py",
        arguments: &["tempest.api.image"],
        compares_output: false,
    },
    Suite {
        name: "openstacksdk",
        title: "openstacksdk, functional tests of images",
        script: "run_tests.py",
        arguments: &[
            "openstack.tests.functional.image",
            "openstack.tests.functional.cloud.test_image",
        ],
        compares_output: false,
    },
    Suite {
        name: "glanceclient",
        title: "python-glanceclient, functional tests",
        script: "run_tests.py",
        arguments: &["glanceclient.tests.functional.v2"],
        compares_output: false,
    },
    Suite {
        name: "commands",
        title: "commands of `openstack` and `glance`",
        script: "run_commands.py",
        arguments: &["commands.txt"],
        compares_output: true,
    },
];

impl Suite {
    /// The command that writes the results.
    pub(super) fn command(&self, results: &Path) -> Command {
        let scripts = root().join("tests/foreign");
        let mut command = Command::new(python());
        command.args(["-W", "ignore"]).arg(scripts.join(self.script)).arg(results);
        for argument in self.arguments {
            match argument.ends_with(".txt") {
                true => command.arg(scripts.join(argument)),
                false => command.arg(argument),
            };
        }
        command
    }
}
