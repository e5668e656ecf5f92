//! The records that a push makes, and what earlier runs left.

use std::io;

/// What an earlier run that is certainly gone has left of the same image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Earlier {
    /// It had requested a record with that id. It is not known whether there is one.
    Begun {
        /// The id.
        id: String,
        /// The value of the property `imgpush_run` in the record; none for an id that was made up at random.
        token: Option<String>,
    },
    /// It had proved an image, and the source is what it was then.
    Proved {
        /// The id.
        id: String,
        /// The `os_hash_algo` that the image had.
        os_hash_algo: String,
        /// Its `os_hash_value`.
        os_hash_value: String,
    },
}

/// Keeps account of the records that a push makes, for a run that comes after one that was killed.
///
/// Calls come from the async runtime; they may write to a disk, and must not wait for a network.
pub trait Records: Send + Sync {
    /// A record with this id is about to be created, with this token if other runs can have the id too.
    ///
    /// # Errors
    ///
    /// It was not written down: the push ends before it asks.
    fn asking(&self, id: &str, token: Option<&str>) -> io::Result<()>;

    /// There is no record of this id any more, or it is not this push's.
    fn gone(&self, id: &str);
}

impl std::fmt::Debug for dyn Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Records")
    }
}
