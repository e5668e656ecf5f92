//! The policy of a push for existing images of the same name.
//!
//! `push::job` carries it out.

use serde::{Deserialize, Serialize};

use crate::named_enum::named_enum;

/// The policy of a push if its project has images of the same name that are not hidden.
///
/// An existing image is *identical* if it is `active`, is owned by the project, has the same name and the
/// same `os_hidden`, and if its `os_hash_value` is the digest of the source. Every policy but
/// [`Add`](IfExists::Add) begins with one request, the list of the images of that name, and sends no further
/// request if nothing is to be uploaded. The source is read for the comparison only if an image has its size.
/// A source that can be read only once cannot be compared.
///
/// [`Skip`](IfExists::Skip), [`Rename`](IfExists::Rename) and [`Replace`](IfExists::Replace) derive the id of
/// a new image from its content, as [`PushOptions::derive_id`](crate::PushOptions::derive_id) does. Of
/// several concurrent runs, one creates the image and the others find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IfExists {
    /// Uploads another image, and does not look for existing ones.
    #[default]
    Add,
    /// Fails before the upload if there is such an image, whatever its content and status.
    Fail,
    /// Keeps an identical image; fails if an image of that name has other content.
    Skip,
    /// Keeps an identical image; if the name is in use by other content, uploads under the first free name of
    /// `NAME-2`, `NAME-3`, …
    Rename,
    /// Keeps or uploads an identical image. After its verification, retires all other images of that name
    /// that have data.
    Replace(Retire),
}

/// How a replaced image is retired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retire {
    /// Hides the image: lists leave it out, its id remains valid.
    #[default]
    Hide,
    /// Renames the image to `NAME-YYYYMMDDTHHMMSSZ`, by its creation time. The start of its id is appended if
    /// that name is in use.
    Rename,
    /// Deletes the image.
    Delete,
}

/// An image that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Replaced {
    /// The id of the image.
    pub id: String,
    /// How it was retired.
    pub how: Retirement,
}

named_enum! {
    /// How a replaced image was retired.
    pub enum Retirement {
        /// It is hidden: lists leave it out, and its id is still valid.
        Hidden = "hidden",
        /// It was renamed.
        Renamed = "renamed",
        /// It was deleted.
        Deleted = "deleted",
    }
}

impl IfExists {
    /// Whether the id of a new image is derived from its content.
    pub(crate) fn derives_id(self) -> bool {
        matches!(self, IfExists::Skip | IfExists::Rename | IfExists::Replace(_))
    }
}
