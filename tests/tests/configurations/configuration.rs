//! The table of configurations, `table.txt`.
//!
//! A configuration begins with `== NAME: what it exercises`. A line `-- PART` begins one of its parts: a file,
//! `environment`, `options`, `service` (rules for responses), or `differs` (why imgpush differs on purpose).
//! In all parts `@identity`, `@image`, `@other`, `@tls`, `@selfsigned` and `@proxy` stand for the addresses of
//! the services, and `@folder` for the folder with the files.

use std::collections::BTreeMap;

/// One configuration of the table.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) name: &'static str,
    pub(crate) exercises: &'static str,
    /// The files by name. One whose name ends with `|` is a pipe.
    pub(crate) files: BTreeMap<&'static str, String>,
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    pub(crate) options: Vec<&'static str>,
    /// Rules such as `GET @identity/v3 403`, with an optional body; `once` before the status is for one request.
    pub(crate) service: Vec<&'static str>,
    pub(crate) differs: Option<String>,
}

const TABLE: &str = include_str!("table.txt");

/// All configurations.
pub(crate) fn all() -> Vec<Configuration> {
    let table = TABLE.split("\n== ").skip(1);
    table.map(configuration).collect()
}

fn configuration(text: &'static str) -> Configuration {
    let mut parts = text.split("\n-- ");
    let (name, exercises) = parts.next().and_then(|head| head.split_once(": ")).unwrap();
    let mut configuration = Configuration {
        name,
        exercises: exercises.trim(),
        files: BTreeMap::new(),
        environment: Vec::new(),
        options: Vec::new(),
        service: Vec::new(),
        differs: None,
    };
    for part in parts {
        let (title, body) = part.split_once('\n').unwrap_or((part, ""));
        let lines = body.lines().filter(|line| !line.is_empty());
        match title {
            "environment" => {
                configuration.environment =
                    lines.map(|line| line.split_once('=').unwrap()).collect();
            }
            "options" => configuration.options = body.split_whitespace().collect(),
            "service" => configuration.service = lines.collect(),
            "differs" => configuration.differs = Some(body.trim().replace('\n', " ")),
            file => drop(configuration.files.insert(file, body.trim_end().to_owned() + "\n")),
        }
    }
    configuration
}
