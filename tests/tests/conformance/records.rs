//! Records: creating, showing, changing, deleting.

use imgpush_client::{
    Cloud, CloudOptions, Error, ImageClient, InvalidAttribute, NewImage, PatchOp, Status,
    Surroundings,
};
use serde_json::json;

use super::{Clouds, abc, message, raw, sized};

pub(crate) async fn a_new_record_is_queued_and_empty(clouds: &Clouds) {
    let client = &clouds.demo;
    let mut wanted = raw("new");
    wanted.set_id(uuid::Uuid::new_v4().to_string());
    wanted.set_tags(["a", "b"]);
    wanted.set_min_disk(3);
    wanted.set_property("os_distro", "debian").unwrap();
    let image = client.create(&wanted).await.unwrap();
    assert_eq!(Some(image.id()), wanted.id());
    assert_eq!(image.name(), wanted.name());
    assert_eq!(image.status(), Status::Queued);
    assert_eq!((image.size(), image.virtual_size()), (None, None));
    assert_eq!((image.checksum(), image.hash_value()), (None, None));
    assert_eq!(image.min_disk(), Some(3));
    assert_eq!(image.os_distro(), Some("debian"));
    assert_eq!(image.tags(), wanted.tags());
    assert_eq!(client.image(image.id()).await.unwrap(), image);
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn an_invalid_record_is_refused_with_the_reason(clouds: &Clouds) {
    let client = &clouds.demo;
    let unknown_format = NewImage::named("x").with_formats("gptx", "bare");
    let error = client.create(&unknown_format).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    assert!(message(&error).contains("is not one of"), "{error}");

    let long = client.create(&NewImage::named("x".repeat(256))).await.unwrap_err();
    assert!(message(&long).contains("too long"), "{long}");

    let emoji = client.create(&NewImage::named("\u{1f4be}")).await.unwrap_err();
    assert!(message(&emoji).contains("4 byte unicode"), "{emoji}");

    let first = client.create(&raw("first")).await.unwrap();
    // A column of the database has 32 bits.
    for key in ["min_disk", "min_ram"] {
        let change = PatchOp::Replace(key.into(), json!(1u64 << 31));
        let error = client.patch(first.id(), &[change]).await.unwrap_err();
        let expected = format!("'{key}' value out of range, must not exceed 2147483647.");
        assert_eq!(message(&error), expected);
    }
    let mut second = raw("second");
    second.set_id(first.id());
    let error = client.create(&second).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    assert_eq!(message(&error), format!("Image ID {} already exists!", first.id()));
    client.delete(first.id()).await.unwrap();
}

pub(crate) async fn a_patch_changes_writable_attributes(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("patch")).await.unwrap();
    let changed = client
        .patch(
            image.id(),
            &[
                PatchOp::Replace("name".into(), json!("renamed")),
                PatchOp::Add("owner_specified.a/b~c".into(), json!("x")),
                PatchOp::Replace("tags".into(), json!(["t"])),
            ],
        )
        .await
        .unwrap();
    assert_eq!(changed.name(), Some("renamed"));
    assert_eq!(changed.property("owner_specified.a/b~c"), Some("x"));
    assert_eq!(changed.tags(), ["t"].into());
    let removed =
        client.patch(image.id(), &[PatchOp::Remove("owner_specified.a/b~c".into())]).await.unwrap();
    assert!(removed.property("owner_specified.a/b~c").is_none());

    let missing = [PatchOp::Replace("nothing".into(), json!("x"))];
    let error = client.patch(image.id(), &missing).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    let read_only = [PatchOp::Replace("checksum".into(), json!("00"))];
    let error = client.patch(image.id(), &read_only).await.unwrap_err();
    assert_eq!(message(&error), "Attribute 'checksum' is read-only.");

    client.upload(image.id(), abc(), &sized(3)).await.unwrap();
    let too_late = [PatchOp::Replace("disk_format".into(), json!("qcow2"))];
    let error = client.patch(image.id(), &too_late).await.unwrap_err();
    assert_eq!(message(&error), "Attribute disk_format can be only replaced for a queued image.");
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn a_protected_image_stays(clouds: &Clouds) {
    let client = &clouds.demo;
    let mut wanted = raw("protected");
    wanted.set_protected(true);
    let image = client.create(&wanted).await.unwrap();
    let error = client.delete(image.id()).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
    assert!(message(&error).contains("is protected and cannot be deleted"), "{error}");
    client.patch(image.id(), &[PatchOp::Replace("protected".into(), json!(false))]).await.unwrap();
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn a_deleted_image_is_not_found(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("gone")).await.unwrap();
    client.delete(image.id()).await.unwrap();
    let error = client.image(image.id()).await.unwrap_err();
    let answer = error.answer().unwrap();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
    assert_eq!(answer.message, format!("No image found with ID {}", image.id()));
    assert!(answer.request_id.as_ref().is_some_and(|id| id.starts_with("req-")), "{error}");
    let error = client.delete(image.id()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
    let error = client.upload(image.id(), abc(), &sized(3)).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
}

pub(crate) async fn the_service_reports_its_formats(clouds: &Clouds) {
    let client = &clouds.demo;
    let schema = client.schema().await.unwrap();
    for format in ["raw", "qcow2", "vmdk", "iso"] {
        assert!(schema.disk_formats.iter().any(|known| known == format), "{format}");
    }
    assert!(schema.container_formats.iter().any(|known| known == "bare"));
    assert_eq!(client.usage().await.unwrap().quota("image_size_total"), None, "quotas are off");
}

pub(crate) async fn an_invalid_token_is_refused(clouds: &Clouds) {
    let client = &clouds.demo;
    let options = CloudOptions::default()
        .with_setting("auth_type", "admin_token")
        .with_setting("token", "no-token")
        .with_setting("endpoint", client.base().as_str());
    let cloud = Cloud::load_from(&options, &Surroundings::default()).unwrap();
    let stranger = ImageClient::connect(&cloud).await.unwrap();
    let error = stranger.schema().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized(_)), "{error}");
    assert!(!format!("{error:?}").contains("no-token"));
}

pub(crate) async fn a_commit_sends_the_changes(clouds: &Clouds) {
    let client = &clouds.demo;
    let mut wanted = raw("commit");
    wanted.set_tags(["b", "a"]);
    wanted.set_property("owner_specified.a/b~c", "1").unwrap();
    wanted.set_os_distro("debian");
    let mut image = client.create(&wanted).await.unwrap();
    assert_eq!(client.commit(&image).await.unwrap(), image, "nothing to send");

    image.set_name("committed");
    image.set_hidden(true);
    image.set_protected(true);
    image.set_min_disk(7);
    image.set_tags(["c", "a"]);
    image.set_hw_cpu_cores(4);
    image.set_hw_boot_menu_enabled(true);
    image.set_instance_type_rxtx_factor(1.5);
    image.unset("owner_specified.a/b~c").unwrap();
    image.unset("os_distro").unwrap();
    image.unset("disk_format").unwrap();
    let mut changed = client.commit(&image).await.unwrap();
    assert_eq!(changed.changes(), []);
    assert_eq!(changed, client.image(image.id()).await.unwrap());
    assert_eq!(changed.name(), Some("committed"));
    assert!(changed.is_hidden() && changed.is_protected());
    assert_eq!((changed.min_disk(), changed.disk_format()), (Some(7), None));
    assert_eq!(changed.tags(), ["a", "c"].into());
    assert_eq!((changed.hw_cpu_cores(), changed.is_hw_boot_menu_enabled()), (Some(4), Some(true)));
    assert_eq!(changed.property("hw_cpu_cores"), Some("4"));
    assert_eq!(changed.instance_type_rxtx_factor(), Some(1.5));
    assert_eq!((changed.os_distro(), changed.get("owner_specified.a/b~c")), (None, None));
    assert!(matches!(changed.set("checksum", "00"), Err(InvalidAttribute::ReadOnly(_))));

    // Another client has removed a property in the meantime.
    changed.set_protected(false);
    changed.set_hw_cpu_cores(8);
    client.patch(image.id(), &[PatchOp::Remove("hw_cpu_cores".into())]).await.unwrap();
    let error = client.commit(&changed).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");

    let mut given = client.image(image.id()).await.unwrap();
    given.set_owner("somebody-else");
    let error = client.commit(&given).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");

    let mut open = client.image(image.id()).await.unwrap();
    open.set_protected(false);
    client.commit(&open).await.unwrap();
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn tags_are_added_and_removed(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("tags")).await.unwrap();
    let tags = ["one", "two words", "50%", "a/b", "älter", ".."];
    for tag in tags.into_iter().chain(["one"]) {
        client.add_tag(image.id(), tag).await.unwrap();
    }
    assert_eq!(client.image(image.id()).await.unwrap().tags(), tags.into());
    for tag in tags {
        assert!(client.remove_tag(image.id(), tag).await.unwrap(), "{tag}");
        assert!(!client.remove_tag(image.id(), tag).await.unwrap(), "{tag}");
    }
    assert!(client.image(image.id()).await.unwrap().tags().is_empty());
    client.delete(image.id()).await.unwrap();
    for tag in ["one", "älter"] {
        let error = client.add_tag(image.id(), tag).await.unwrap_err();
        assert!(matches!(error, Error::NotFound(_)), "{error}");
        let error = client.remove_tag(image.id(), tag).await.unwrap_err();
        assert!(matches!(error, Error::NotFound(_)), "{error}");
    }
}

pub(crate) async fn a_deactivated_image_can_be_reactivated(clouds: &Clouds) {
    let client = &clouds.demo;
    let queued = client.create(&raw("closed")).await.unwrap();
    let error = client.deactivate(queued.id()).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
    assert!(message(&error).contains("image in status 'queued'"), "{error}");
    client.upload(queued.id(), abc(), &sized(3)).await.unwrap();
    client.deactivate(queued.id()).await.unwrap();
    let closed = client.image(queued.id()).await.unwrap();
    assert_eq!(closed.status(), Status::Deactivated);
    // Only administrators may see where it is, and may still download it.
    assert!(closed.stores().is_empty());
    assert!(!clouds.admin.image(queued.id()).await.unwrap().stores().is_empty());
    let error = client.download(queued.id(), &Default::default()).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
    clouds.admin.download(queued.id(), &Default::default()).await.unwrap();
    client.reactivate(queued.id()).await.unwrap();
    assert_eq!(client.image(queued.id()).await.unwrap().status(), Status::Active);
    assert!(client.delete_if_exists(queued.id()).await.unwrap());
    assert!(!client.delete_if_exists(queued.id()).await.unwrap());
}

pub(crate) async fn a_reader_may_only_read(clouds: &Clouds) {
    let image = clouds.demo.create(&raw("read")).await.unwrap();
    assert_eq!(clouds.reader.image(image.id()).await.unwrap(), image);
    let refusals = [
        clouds.reader.create(&raw("no")).await.map(drop),
        clouds
            .reader
            .patch(image.id(), &[PatchOp::Replace("name".into(), json!("n"))])
            .await
            .map(drop),
        clouds.reader.add_tag(image.id(), "t").await,
        clouds.reader.upload(image.id(), abc(), &sized(3)).await,
        clouds.reader.delete(image.id()).await,
    ];
    for refusal in refusals {
        match refusal.unwrap_err() {
            // An early refusal of data may be lost with its connection.
            Error::Forbidden(_) | Error::Transport { .. } => {}
            other => panic!("{other}"),
        }
    }
    let stranger = clouds.other.image(image.id()).await.unwrap_err();
    assert!(matches!(stranger, Error::NotFound(_)), "{stranger}");
    clouds.demo.delete(image.id()).await.unwrap();
}

pub(crate) async fn every_schema_is_available(clouds: &Clouds) {
    for name in ["image", "images", "member", "members", "task", "tasks"] {
        let schema = clouds.demo.schema_of(name).await.unwrap();
        assert_eq!(schema["name"], name);
        assert!(schema["properties"].is_object(), "{name}");
    }
    let error = clouds.demo.schema_of("nothing").await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
}

pub(crate) async fn an_id_is_never_used_twice(clouds: &Clouds) {
    let id = uuid::Uuid::new_v4().to_string();
    let mut wanted = raw("again");
    wanted.set_id(&id);
    clouds.demo.create(&wanted).await.unwrap();
    for client in [&clouds.demo, &clouds.other] {
        let error = client.create(&wanted).await.unwrap_err();
        assert!(matches!(error, Error::Conflict(_)), "{error}");
        assert_eq!(message(&error), format!("Image ID {id} already exists!"));
    }
    let error = clouds.other.image(&id).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
    // Also after it was deleted.
    clouds.demo.delete(&id).await.unwrap();
    for client in [&clouds.demo, &clouds.other, &clouds.admin] {
        let error = client.create(&wanted).await.unwrap_err();
        assert!(matches!(error, Error::Conflict(_)), "{error}");
    }
}
