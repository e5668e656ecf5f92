//! Who may do what: Glance's default policies.

use crate::image::Image;
use crate::response::{Refusal, forbid};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The id of the user; none on a service without tokens.
    pub(crate) user: Option<&'static str>,
    /// The id of the project, which owns what the user makes.
    pub(crate) project: Option<&'static str>,
    pub(crate) role: Role,
}

/// The strongest role on the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Admin,
    Member,
    Reader,
}

impl Caller {
    /// Everybody, where no token is asked for: all-mighty and without a project.
    pub(crate) const ANYONE: Caller = Caller { user: None, project: None, role: Role::Admin };

    pub(crate) fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    pub(crate) fn owns(&self, image: &Image) -> bool {
        self.project.is_some() && image.owner() == self.project
    }

    /// Whether the image exists for them at all.
    pub(crate) fn sees(&self, image: &Image) -> bool {
        self.is_admin()
            || image.owner().is_none()
            || matches!(image.text("visibility"), "public" | "community")
            || self.owns(image)
            || self.is_member(image, "all")
    }

    /// Whether the image is shared with them, in that state of the membership or in `all`.
    pub(crate) fn is_member(&self, image: &Image, status: &str) -> bool {
        image.text("visibility") == "shared"
            && image.members.iter().any(|member| {
                Some(member.project.as_str()) == self.project
                    && (status == "all" || member.status == status)
            })
    }

    pub(crate) fn may_change(&self, image: &Image) -> bool {
        self.is_admin() || self.role == Role::Member && self.owns(image)
    }

    /// Refuses what only the owner may do to an image.
    pub(crate) fn require_owner(&self, image: &Image, rule: &str) -> Result<(), Refusal> {
        if self.may_change(image) { Ok(()) } else { Err(forbid(rule)) }
    }

    /// Refuses what only an admin may do.
    pub(crate) fn require_admin(&self, rule: &str) -> Result<(), Refusal> {
        if self.is_admin() { Ok(()) } else { Err(forbid(rule)) }
    }

    /// Refuses what readers may not do.
    pub(crate) fn require_member(&self, rule: &str) -> Result<(), Refusal> {
        if self.role == Role::Reader { Err(forbid(rule)) } else { Ok(()) }
    }
}
