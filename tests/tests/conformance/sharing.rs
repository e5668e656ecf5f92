//! Visibility of images.

use futures_util::TryStreamExt as _;
use imgpush_client::{Error, ImageClient, ImageQuery, MemberStatus, Visibility};

use super::{Clouds, active, message, raw};

/// The id of a client's own project.
async fn project(client: &ImageClient) -> String {
    let image = client.create(&raw("project")).await.unwrap();
    client.delete(image.id()).await.unwrap();
    image.owner().unwrap().to_owned()
}

async fn lists(client: &ImageClient, query: &ImageQuery, id: &str) -> bool {
    let images: Vec<_> = client.images(query).try_collect().await.unwrap();
    images.iter().any(|image| image.id() == id)
}

pub(crate) async fn members_see_what_they_accept(clouds: &Clouds) {
    let (owner, member) = (&clouds.demo, &clouds.other);
    let project = project(member).await;
    let image = active(owner, "shared").await;
    let id = image.id();
    assert_eq!(owner.members(id).await.unwrap(), []);
    assert!(matches!(member.image(id).await.unwrap_err(), Error::NotFound(_)));

    let added = owner.add_member(id, &project).await.unwrap();
    assert_eq!(added.member_id(), Some(&*project));
    assert_eq!((added.image_id(), added.status()), (Some(id), MemberStatus::Pending));
    assert!(added.created_at().is_some() && added.updated_at().is_some());
    let again = owner.add_member(id, &project).await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again}");
    assert_eq!(owner.members(id).await.unwrap(), std::slice::from_ref(&added));
    assert_eq!(member.member(id, &project).await.unwrap(), added);

    // The member can see it at once, and has it in its lists once it accepts.
    member.image(id).await.unwrap();
    let query = ImageQuery::default().visibility(&Visibility::Shared);
    let pending = query.clone().member_status(&MemberStatus::Pending);
    assert!(!lists(member, &query, id).await);
    assert!(lists(member, &pending, id).await);
    let not_mine = owner.answer_member(id, &project, &MemberStatus::Accepted).await.unwrap_err();
    assert!(matches!(not_mine, Error::Forbidden(_)), "{not_mine}");
    let answered = member.answer_member(id, &project, &MemberStatus::Accepted).await.unwrap();
    assert_eq!(answered.status(), MemberStatus::Accepted);
    assert!(lists(member, &query, id).await);
    assert!(!lists(member, &pending, id).await);
    member.answer_member(id, &project, &MemberStatus::Rejected).await.unwrap();
    assert!(!lists(member, &query, id).await);
    let none = MemberStatus::from("perhaps");
    let error = member.answer_member(id, &project, &none).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");

    assert!(matches!(member.add_member(id, "x").await.unwrap_err(), Error::Forbidden(_)));
    owner.remove_member(id, &project).await.unwrap();
    assert!(matches!(owner.member(id, &project).await.unwrap_err(), Error::NotFound(_)));
    assert!(matches!(owner.remove_member(id, &project).await.unwrap_err(), Error::NotFound(_)));
    assert!(matches!(member.image(id).await.unwrap_err(), Error::NotFound(_)));
    owner.delete(id).await.unwrap();
}

pub(crate) async fn only_shared_images_have_members(clouds: &Clouds) {
    let client = &clouds.demo;
    let mut wanted = raw("private");
    wanted.set_visibility(Visibility::Private);
    let image = client.create(&wanted).await.unwrap();
    for error in [
        client.members(image.id()).await.map(drop).unwrap_err(),
        client.add_member(image.id(), "somebody").await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Forbidden(_)), "{error}");
    }
    let stranger = clouds.other.members(image.id()).await.unwrap_err();
    assert!(matches!(stranger, Error::NotFound(_)), "{stranger}");
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn public_images_are_visible_to_all_and_set_by_administrators(clouds: &Clouds) {
    let mut wanted = raw("public");
    wanted.set_visibility(Visibility::Public);
    let error = clouds.demo.create(&wanted).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
    assert!(message(&error).contains("publicize_image"), "{error}");
    let image = clouds.admin.create(&wanted).await.unwrap();
    assert_eq!(image.visibility(), Some(Visibility::Public));
    assert_eq!(clouds.other.image(image.id()).await.unwrap(), image);
    assert!(lists(&clouds.other, &ImageQuery::default().with("id", image.id()), image.id()).await);
    let error = clouds.other.delete(image.id()).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
    clouds.admin.delete(image.id()).await.unwrap();
}

pub(crate) async fn community_images_are_listed_on_request(clouds: &Clouds) {
    let mut wanted = raw("community");
    wanted.set_visibility(Visibility::Community);
    let image = clouds.demo.create(&wanted).await.unwrap();
    let query = ImageQuery::default().with("name", wanted.name().unwrap());
    assert!(lists(&clouds.demo, &query, image.id()).await, "its own");
    assert!(!lists(&clouds.other, &query, image.id()).await);
    let asked = query.clone().visibility(&Visibility::Community);
    assert!(lists(&clouds.other, &asked, image.id()).await);
    assert!(lists(&clouds.other, &query.every_visibility(), image.id()).await);
    assert_eq!(clouds.other.image(image.id()).await.unwrap(), image);
    clouds.demo.delete(image.id()).await.unwrap();
}
