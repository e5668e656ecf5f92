//! Enums of the service: statuses, visibilities and similar.
//!
//! An unknown value is kept unchanged, so that a record of a newer service is written back without loss.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An enum with text values that also holds any unknown text.
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
    /// The status of an image in its life cycle.
    ///
    /// There is no status for a failure: an image whose upload or import failed returns to `queued`, or stays
    /// `importing`.
    Status {
        /// A record without data, or one whose upload failed.
        Queued = "queued",
        /// Data is being uploaded by `PUT …/file`.
        Saving = "saving",
        /// Complete.
        Active = "active",
        /// Data is being staged, or has been staged, for an import.
        Uploading = "uploading",
        /// An import is running, or has failed without changing the status.
        Importing = "importing",
        /// Complete, with downloads forbidden.
        Deactivated = "deactivated",
        /// Deleted.
        Deleted = "deleted",
        /// Scheduled for removal by the scrubber.
        PendingDelete = "pending_delete",
        /// Failed; only in very old records.
        Killed = "killed",
    }
}

open_enum! {
    /// The projects that can see an image.
    Visibility {
        /// Its project and the projects it is shared with. The server's default.
        Shared = "shared",
        /// Its project.
        Private = "private",
        /// All projects; only administrators may set it, unless the operator allows others.
        Public = "public",
        /// All projects that know the id or list community images.
        Community = "community",
    }
}

open_enum! {
    /// The response of a project to an image that was shared with it.
    MemberStatus {
        /// No response yet: the image is not in its lists.
        Pending = "pending",
        /// Accepted: the image is in its lists.
        Accepted = "accepted",
        /// Rejected: the image is not in its lists.
        Rejected = "rejected",
    }
}

open_enum! {
    /// The status of a task.
    TaskStatus {
        /// Not started.
        Pending = "pending",
        /// Running.
        Processing = "processing",
        /// Complete.
        Success = "success",
        /// Failed; the task's message may give the reason.
        Failure = "failure",
    }
}
