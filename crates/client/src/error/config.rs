//! Errors in the files, variables and options that describe a cloud.

use std::path::PathBuf;

/// The reason why the files, variables and options select no usable cloud.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The named cloud is in no file.
    #[error("cloud {name} is not configured{}", known_clouds(known))]
    UnknownCloud {
        /// The requested name.
        name: String,
        /// The existing names.
        known: Vec<String>,
    },

    /// No cloud was named, and there is none or more than one to choose from.
    #[error("no cloud was selected{}", known_clouds(known))]
    NoCloud {
        /// The existing names.
        known: Vec<String>,
    },

    /// The file lists the regions of the cloud, and the requested one is not among them.
    #[error("cloud {cloud} has no region {region}; configured regions: {}", known.join(", "))]
    UnknownRegion {
        /// The cloud.
        cloud: String,
        /// The requested region.
        region: String,
        /// The regions of the cloud.
        known: Vec<String>,
    },

    /// A file that a variable names does not exist.
    #[error("{variable} names {}, which does not exist", path.display())]
    MissingFile {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },

    /// A file exists but cannot be used.
    #[error("cannot use {}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason; it contains no value of the file.
        message: String,
    },

    /// A required value is missing.
    #[error("cloud {cloud} has no {}", key_name(.key))]
    Missing {
        /// The cloud.
        cloud: String,
        /// The key, as `clouds.yaml` spells it.
        key: &'static str,
    },

    /// A value is invalid.
    #[error("{key} of cloud {cloud} is invalid: {message}")]
    Invalid {
        /// The cloud.
        cloud: String,
        /// The key, as `clouds.yaml` spells it.
        key: &'static str,
        /// The reason.
        message: String,
    },

    /// The login method is not supported.
    #[error("auth_type {auth_type} of cloud {cloud} is not supported")]
    UnsupportedAuthType {
        /// The cloud.
        cloud: String,
        /// Its `auth_type`.
        auth_type: String,
    },
}

/// A key without the mapping `auth`, which may also come from a variable or an option.
fn key_name(key: &str) -> &str {
    key.strip_prefix("auth.").unwrap_or(key)
}

fn known_clouds(known: &[String]) -> String {
    if known.is_empty() {
        "; no clouds.yaml with clouds was found".to_owned()
    } else {
        format!("; configured clouds: {}", known.join(", "))
    }
}
