//! The record of a push in a journal: what earlier runs left, and what this run creates.
//!
//! `batch` implements it with its journal file; other callers may implement [`Records`].

use std::io;

/// The journal entry of an earlier run for the same image. The earlier run is certainly over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Earlier {
    /// The run had requested a record with this id. It is not known whether the record exists.
    Begun {
        /// The image id.
        id: String,
        /// The value of the property `imgpush_run` of the record; `None` for a random id.
        token: Option<String>,
    },
    /// The run had verified an image, and the source is unchanged since then.
    Verified {
        /// The image id.
        id: String,
        /// The `os_hash_algo` of the image.
        os_hash_algo: String,
        /// The `os_hash_value` of the image.
        os_hash_value: String,
    },
}

/// Records which image records a push creates, so that a later run can clean up after one that was killed.
///
/// The calls come from the async runtime. They may write to a disk, and must not wait for a network.
pub trait Records: Send + Sync {
    /// A record with this id is about to be requested, with this token if other runs can use the same id.
    ///
    /// # Errors
    ///
    /// Fails if the id could not be recorded. The push then fails before it sends the request.
    fn asking(&self, id: &str, token: Option<&str>) -> io::Result<()>;

    /// No record of this id exists, or it belongs to another run.
    fn gone(&self, id: &str);
}

impl std::fmt::Debug for dyn Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Records")
    }
}
