//! The environment of a process, as far as the configuration depends on it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The environment that determines the configuration files and variables.
///
/// `Debug` shows only the names of the variables.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Surroundings {
    /// The environment variables.
    pub variables: BTreeMap<String, String>,
    /// The working directory.
    pub working_directory: Option<PathBuf>,
}

impl Surroundings {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Surroundings {
            variables: std::env::vars_os()
                .filter_map(|(key, value)| {
                    Some((key.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            working_directory: std::env::current_dir().ok(),
        }
    }

    /// Sets the variables, replacing all previous ones.
    #[must_use]
    pub fn with_variables(mut self, variables: BTreeMap<String, String>) -> Self {
        self.variables = variables;
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn with_working_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.working_directory = Some(path.into());
        self
    }

    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Expands `~/x` to the home directory; other paths stay unchanged.
    pub(super) fn expand_home(&self, path: &str) -> PathBuf {
        let home = || self.variable("HOME").map(PathBuf::from).or_else(std::env::home_dir);
        match path.strip_prefix("~/").and_then(|rest| Some(home()?.join(rest))) {
            Some(path) => path,
            None => PathBuf::from(path),
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("working_directory", &self.working_directory)
            .finish()
    }
}
