//! Glance's default policies.

use std::sync::Arc;

use crate::image::Image;
use crate::response::{Refusal, forbid};

/// The caller of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The id of the user; none on a service without tokens.
    pub(crate) user: Option<Arc<str>>,
    /// The id of the project that owns the images created by the user.
    pub(crate) project: Option<Arc<str>>,
    pub(crate) role: Role,
    /// Whether it has the role `service`, as Nova and Cinder.
    pub(crate) is_service: bool,
}

/// The strongest role on the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Admin,
    Member,
    Reader,
    /// A token without a scope, or with other roles only.
    None,
}

impl Caller {
    /// The caller on a service without tokens: all rights, and no project.
    pub(crate) fn anyone() -> Self {
        Caller { user: None, project: None, role: Role::Admin, is_service: false }
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    pub(crate) fn owns(&self, image: &Image) -> bool {
        self.project.is_some() && image.owner() == self.project.as_deref()
    }

    /// Whether the image is visible to the caller.
    pub(crate) fn sees(&self, image: &Image) -> bool {
        self.is_admin()
            || image.owner().is_none()
            || matches!(image.text("visibility"), "public" | "community")
            || self.owns(image)
            || self.is_member(image, "all")
    }

    /// Whether the image is shared with the caller, with this membership status or with `all`.
    pub(crate) fn is_member(&self, image: &Image, status: &str) -> bool {
        image.text("visibility") == "shared"
            && image.members.iter().any(|member| {
                Some(member.project.as_str()) == self.project.as_deref()
                    && (status == "all" || member.status == status)
            })
    }

    pub(crate) fn may_change(&self, image: &Image) -> bool {
        self.is_admin() || self.role == Role::Member && self.owns(image)
    }

    /// Refuses operations that only the owner may perform on an image.
    pub(crate) fn require_owner(&self, image: &Image, rule: &str) -> Result<(), Refusal> {
        if self.may_change(image) { Ok(()) } else { Err(forbid(rule)) }
    }

    /// Refuses operations that only an admin may perform.
    pub(crate) fn require_admin(&self, rule: &str) -> Result<(), Refusal> {
        if self.is_admin() { Ok(()) } else { Err(forbid(rule)) }
    }

    /// Refuses operations that readers may not perform.
    pub(crate) fn require_member(&self, rule: &str) -> Result<(), Refusal> {
        if matches!(self.role, Role::Admin | Role::Member) { Ok(()) } else { Err(forbid(rule)) }
    }
}
