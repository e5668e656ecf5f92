//! Projects that an image is shared with.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::accessors::getter;
use crate::record::Record;
use crate::transport::{JSON, Payload};
use crate::{Error, ImageClient, MemberStatus};

/// A project that an image is shared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Member {
    record: Record,
}

impl Member {
    getter! {
        /// The project.
        ///
        /// On the wire `member_id`.
        text member_id "member_id"
    }
    getter! {
        /// The image.
        ///
        /// On the wire `image_id`.
        text image_id "image_id"
    }
    getter! {
        /// The time of sharing, ISO 8601.
        ///
        /// On the wire `created_at`.
        text created_at "created_at"
    }
    getter! {
        /// The time of the last response of the project, ISO 8601.
        ///
        /// On the wire `updated_at`.
        text updated_at "updated_at"
    }

    /// The response of the project.
    ///
    /// On the wire `status`.
    #[must_use]
    pub fn status(&self) -> MemberStatus {
        MemberStatus::from(self.record.text("status").unwrap_or_default())
    }
}

#[derive(Deserialize)]
struct Members {
    members: Vec<Member>,
}

impl ImageClient {
    /// `GET /v2/images/{id}/members`: the owner gets all members, a member only itself.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also for an image that is not shared with this project;
    /// [`Error::Forbidden`] for one that is public.
    pub async fn members(&self, id: &str) -> Result<Vec<Member>, Error> {
        let url = self.url(&["images", id, "members"]);
        let members: Members = self.json(Method::GET, url, &Payload::Nothing).await?;
        Ok(members.members)
    }

    /// `GET /v2/images/{id}/members/{project}`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn member(&self, id: &str, project: &str) -> Result<Member, Error> {
        let url = self.url(&["images", id, "members", project]);
        self.json(Method::GET, url, &Payload::Nothing).await
    }

    /// `POST /v2/images/{id}/members`: shares an image whose visibility is `shared` with the project of this
    /// id. The project has it in its lists once it accepts.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] for an image of another visibility or project, [`Error::Conflict`] for a project
    /// that is a member already, [`Error::TooLarge`] beyond the server's limit, by default 128.
    pub async fn add_member(&self, id: &str, project: &str) -> Result<Member, Error> {
        let url = self.url(&["images", id, "members"]);
        let body = json!({ "member": project });
        self.json(Method::POST, url, &Payload::Json(JSON, &body)).await
    }

    /// `PUT /v2/images/{id}/members/{project}`: accepts or rejects an image; only the project itself may.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for an image that is not shared with it, [`Error::Forbidden`] for others.
    pub async fn answer_member(
        &self,
        id: &str,
        project: &str,
        status: &MemberStatus,
    ) -> Result<Member, Error> {
        let url = self.url(&["images", id, "members", project]);
        let body = json!({ "status": status });
        self.json(Method::PUT, url, &Payload::Json(JSON, &body)).await
    }

    /// `DELETE /v2/images/{id}/members/{project}`: ends the sharing. Only the owner may; a member can
    /// [reject](ImageClient::answer_member) the image instead.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Forbidden`].
    pub async fn remove_member(&self, id: &str, project: &str) -> Result<(), Error> {
        let url = self.url(&["images", id, "members", project]);
        self.call(Method::DELETE, url, &Payload::Nothing).await.map(drop)
    }
}
