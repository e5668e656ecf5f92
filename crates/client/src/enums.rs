//! Enums of the service: statuses, visibilities and similar.
//!
//! A value that this version does not know is kept unchanged, so that a record of a newer service
//! survives being read and written.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An enum of texts that also holds any other text.
macro_rules! open_enum {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $value:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A value that this version does not know.
            Other(String),
        }

        impl $name {
            /// The value on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $value,)*
                    $name::Other(value) => value,
                }
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($value => $name::$variant,)*
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
                String::deserialize(deserializer).map(|value| $name::from(&*value))
            }
        }
    };
}

open_enum! {
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

open_enum! {
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

open_enum! {
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

open_enum! {
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
