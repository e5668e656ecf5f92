//! What is wrong with the files, variables and options that describe a cloud.

use std::path::PathBuf;

/// Why no cloud can be reached by what the files, the variables and the options say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The named cloud is in no file.
    #[error("there is no cloud called {name}{}", known_clouds(known))]
    UnknownCloud {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },

    /// No cloud was named, and there is none or more than one to choose from.
    #[error("no cloud was chosen{}", known_clouds(known))]
    NoCloud {
        /// The names there are.
        known: Vec<String>,
    },

    /// A file that was named by a variable is not there.
    #[error("{variable} names {}, which is not there", path.display())]
    MissingFile {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },

    /// A file is there but cannot be used.
    #[error("{} cannot be used: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; no value of it is shown.
        message: String,
    },

    /// A value is needed and missing.
    #[error("cloud {cloud} has no {key}")]
    Missing {
        /// The cloud.
        cloud: String,
        /// The key, as `clouds.yaml` spells it.
        key: &'static str,
    },

    /// A value is there and wrong.
    #[error("{key} of cloud {cloud} is not usable: {message}")]
    Invalid {
        /// The cloud.
        cloud: String,
        /// The key, as `clouds.yaml` spells it.
        key: &'static str,
        /// What is wrong with it.
        message: String,
    },

    /// The way to log in is none that is known here.
    #[error("auth_type {auth_type} of cloud {cloud} is not supported")]
    UnsupportedAuthType {
        /// The cloud.
        cloud: String,
        /// Its `auth_type`.
        auth_type: String,
    },
}

fn known_clouds(known: &[String]) -> String {
    if known.is_empty() {
        " (no clouds.yaml names any)".to_owned()
    } else {
        format!(" (known: {})", known.join(", "))
    }
}
