//! What a push does where images of its name are there already.

use serde::{Deserialize, Serialize};

use crate::named_enum::named_enum;

/// What a push does when its project has images of its name that are not hidden.
///
/// *The same* is an image of that name that is `active`, owned by the project, as hidden as the new one is
/// to be, and whose `os_hash_value` is that of the source. All but [`Add`](IfExists::Add) begin with one
/// request, the list of the images of that name, and ask nothing more where nothing is to be sent. The source
/// is read to be compared only where an image has its size; one that cannot be read twice cannot be
/// compared.
///
/// [`Skip`](IfExists::Skip), [`Rename`](IfExists::Rename) and [`Replace`](IfExists::Replace) give a new image
/// an id that follows from what it is, as [`PushOptions::derive_id`](crate::PushOptions::derive_id) does, so
/// that of several runs at once one makes it and the others find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IfExists {
    /// Makes another one; asks nobody.
    #[default]
    Add,
    /// Ends before anything is sent, whatever such an image holds, and be it still without data.
    Fail,
    /// Leaves the same as it is, and ends where one holds other data.
    Skip,
    /// Leaves the same as it is, and makes `NAME-2`, `NAME-3`, … where others hold the name: the first
    /// that is free.
    Rename,
    /// Leaves the same as it is, or makes it; when it is proved, all others of that name that hold data are
    /// retired.
    Replace(Retire),
}

/// What becomes of an image that another one replaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retire {
    /// Lists leave it out; by its id it is there as before.
    #[default]
    Hide,
    /// It is called `NAME-YYYYMMDDTHHMMSSZ`, by when it was made, and by the start of its id where that is
    /// another's name.
    Rename,
    /// It is deleted.
    Delete,
}

/// An image that another one has replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Replaced {
    /// Its id.
    pub id: String,
    /// What became of it.
    pub how: Retirement,
}

named_enum! {
    /// What became of an image that another one has replaced.
    pub enum Retirement {
        /// It is hidden: lists leave it out, and its id is still valid.
        Hidden = "hidden",
        /// It has another name.
        Renamed = "renamed",
        /// It is deleted.
        Deleted = "deleted",
    }
}

impl IfExists {
    /// Whether a new image gets an id that follows from what it is.
    pub(crate) fn derives_id(self) -> bool {
        matches!(self, IfExists::Skip | IfExists::Rename | IfExists::Replace(_))
    }
}
