//! Words of the service with a meaning of their own: statuses and the like.
//!
//! A word that this version does not know is kept as it came, so that a record of a newer service
//! survives being read and written.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An enum over words that also holds any other word.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A word that this version does not know.
            Other(String),
        }

        impl $name {
            /// The word on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $word,)*
                    $name::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => $name::$variant,)*
                    other => $name::Other(other.to_owned()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|word| $name::from(&*word))
            }
        }
    };
}

words! {
    /// Where an image is in its life.
    ///
    /// There is no status for a failure: an image whose upload or import failed falls back to
    /// `queued`, or stays `importing`.
    Status {
        /// A record without data, or one whose upload failed.
        Queued = "queued",
        /// Data is coming in by `PUT …/file`.
        Saving = "saving",
        /// Complete.
        Active = "active",
        /// Data is, or has been, staged for an import.
        Uploading = "uploading",
        /// An import is at work, or has failed and left the image here.
        Importing = "importing",
        /// Complete, and closed to downloads.
        Deactivated = "deactivated",
        /// Gone.
        Deleted = "deleted",
        /// To be removed by the scrubber.
        PendingDelete = "pending_delete",
        /// Failed; only in very old records.
        Killed = "killed",
    }
}

words! {
    /// Who may see an image.
    Visibility {
        /// Its project and the members it is shared with. The server's default.
        Shared = "shared",
        /// Its project.
        Private = "private",
        /// Everybody; set by administrators only, unless the operator says otherwise.
        Public = "public",
        /// Everybody who knows the id, or asks for community images.
        Community = "community",
    }
}

words! {
    /// What a project says to an image that was shared with it.
    MemberStatus {
        /// Nothing yet: the image does not show in its lists.
        Pending = "pending",
        /// The image shows in its lists.
        Accepted = "accepted",
        /// The image does not show in its lists.
        Rejected = "rejected",
    }
}

words! {
    /// How far a task is.
    TaskStatus {
        /// Not begun.
        Pending = "pending",
        /// At work.
        Processing = "processing",
        /// Done.
        Success = "success",
        /// Given up; the task's message may say why.
        Failure = "failure",
    }
}
