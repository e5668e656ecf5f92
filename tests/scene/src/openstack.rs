//! openstackclient, started once for all tests of a process: most of the time of a command is its imports.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::variable::variable;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../python/openstack_commands.py");

static CLIENT: Mutex<Option<Client>> = Mutex::new(None);

/// Runs a command of openstackclient; returns `code`, `stdout` and `stderr`.
pub(crate) fn run(arguments: &[&str]) -> Value {
    let mut client = CLIENT.lock().unwrap_or_else(PoisonError::into_inner);
    client.get_or_insert_with(Client::start).ask(arguments)
}

/// The process, which ends at the end of its input.
#[derive(Debug)]
struct Client {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Client {
    fn start() -> Self {
        let mut command = Command::new(Path::new(&variable("CLOUD_VENV")).join("bin/python"));
        // The client merges the variables into a named cloud.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("OS_") && name != "OS_CLIENT_CONFIG_FILE" {
                command.env_remove(name);
            }
        }
        command.args(["-W", "ignore", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Client { process, answers }
    }

    fn ask(&mut self, arguments: &[&str]) -> Value {
        writeln!(self.process.stdin.as_ref().unwrap(), "{}", json!(arguments)).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}
