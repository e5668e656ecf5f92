//! One suite for the sandbox and for a real Glance behind Keystone, so that the sandbox cannot drift.
//!
//! Everything is asserted through the client, with the words users see.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use imgpush_client::{
    Cloud, CloudOptions, Error, Image, ImageClient, ImageQuery, NewImage, PatchOp, Status,
    Surroundings,
};
use serde_json::json;

/// MD5 and SHA-512 of `abc`, from the standards.
const ABC_MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
const ABC_SHA512: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                          2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

fn unique(name: &str) -> String {
    format!("{name}-{}", uuid::Uuid::new_v4())
}

fn raw(name: &str) -> NewImage {
    NewImage::named(unique(name)).with_formats("raw", "bare")
}

fn abc() -> Full<Bytes> {
    Full::from("abc")
}

async fn list(client: &ImageClient, query: &ImageQuery) -> Vec<Image> {
    client.images(query).try_collect().await.unwrap()
}

/// The message of an answer that is not a success.
fn message(error: &Error) -> String {
    error.answer().unwrap_or_else(|| panic!("no answer: {error:?}")).message.clone()
}

async fn a_new_record_is_queued_and_empty(client: &ImageClient) {
    let mut wanted = raw("new");
    wanted.id = Some(uuid::Uuid::new_v4().to_string());
    wanted.tags = ["a".into(), "b".into()].into();
    wanted.min_disk = Some(3);
    wanted.set_property("os_distro", "debian").unwrap();
    let image = client.create(&wanted).await.unwrap();
    assert_eq!(Some(&image.id), wanted.id.as_ref());
    assert_eq!(image.name, wanted.name);
    assert_eq!(image.status, Status::Queued);
    assert_eq!((image.size, image.virtual_size), (None, None));
    assert_eq!((&image.checksum, &image.os_hash_value), (&None, &None));
    assert_eq!(image.min_disk, 3);
    assert_eq!(image.properties["os_distro"], json!("debian"));
    assert_eq!(image.tags, wanted.tags);
    assert_eq!(client.image(&image.id).await.unwrap(), image);
    client.delete(&image.id).await.unwrap();
}

async fn a_record_that_cannot_be_is_refused_with_the_reason(client: &ImageClient) {
    let unknown_format = NewImage::named("x").with_formats("gptx", "bare");
    let error = client.create(&unknown_format).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    assert!(message(&error).contains("is not one of"), "{error}");

    let long = client.create(&NewImage::named("x".repeat(256))).await.unwrap_err();
    assert!(message(&long).contains("too long"), "{long}");

    let emoji = client.create(&NewImage::named("\u{1f4be}")).await.unwrap_err();
    assert!(message(&emoji).contains("4 byte unicode"), "{emoji}");

    let first = client.create(&raw("first")).await.unwrap();
    let mut second = raw("second");
    second.id = Some(first.id.clone());
    let error = client.create(&second).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    assert_eq!(message(&error), format!("Image ID {} already exists!", first.id));
    client.delete(&first.id).await.unwrap();
}

async fn data_makes_it_active_with_both_hashes(client: &ImageClient) {
    let image = client.create(&raw("abc")).await.unwrap();
    client.upload(&image.id, abc(), Some(3)).await.unwrap();
    let image = client.image(&image.id).await.unwrap();
    assert_eq!(image.status, Status::Active);
    assert_eq!((image.size, image.virtual_size), (Some(3), Some(3)));
    assert_eq!(image.checksum.as_deref(), Some(ABC_MD5));
    assert_eq!(image.os_hash_algo.as_deref(), Some("sha512"));
    assert_eq!(image.os_hash_value.as_deref(), Some(ABC_SHA512));

    let again = client.upload(&image.id, abc(), Some(3)).await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again}");
    assert_eq!(message(&again), "Image status transition from active to saving is not allowed");
    client.delete(&image.id).await.unwrap();
}

async fn data_of_unknown_length_goes_out_chunked(client: &ImageClient) {
    let image = client.create(&raw("chunked")).await.unwrap();
    let pieces =
        stream::iter(["a", "b", "c"]).map(|piece| Ok::<_, std::io::Error>(frame(piece.into())));
    client.upload(&image.id, StreamBody::new(pieces), None).await.unwrap();
    let image = client.image(&image.id).await.unwrap();
    assert_eq!((image.status, image.size), (Status::Active, Some(3)));
    assert_eq!(image.checksum.as_deref(), Some(ABC_MD5));
    client.delete(&image.id).await.unwrap();
}

fn frame(bytes: Bytes) -> Frame<Bytes> {
    Frame::data(bytes)
}

async fn no_data_at_all_makes_an_empty_image(client: &ImageClient) {
    let image = client.create(&raw("empty")).await.unwrap();
    client.upload(&image.id, Full::<Bytes>::default(), Some(0)).await.unwrap();
    let image = client.image(&image.id).await.unwrap();
    assert_eq!((image.status, image.size), (Status::Active, Some(0)));
    assert_eq!(image.virtual_size, None);
    client.delete(&image.id).await.unwrap();
}

async fn another_size_than_announced_is_refused_and_can_be_repaired(client: &ImageClient) {
    let image = client.create(&raw("size")).await.unwrap();
    let error = client.upload(&image.id, abc(), Some(4)).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    assert!(message(&error).contains("expected 4 bytes, got 3 bytes"), "{error}");
    let state = client.image(&image.id).await.unwrap();
    assert_eq!((state.status, state.size), (Status::Queued, None));
    client.upload(&image.id, abc(), Some(3)).await.unwrap();
    client.delete(&image.id).await.unwrap();
}

async fn a_body_that_breaks_off_leaves_the_record_queued(client: &ImageClient) {
    for size in [Some(3), None] {
        let image = client.create(&raw("broken")).await.unwrap();
        let pieces = stream::iter([
            Ok(frame("ab".into())),
            Err(std::io::Error::other("the source broke off")),
        ]);
        let error = client.upload(&image.id, StreamBody::new(pieces), size).await.unwrap_err();
        assert!(matches!(error, Error::Transport { .. }), "{error}");
        let mut state = client.image(&image.id).await.unwrap();
        for _ in 0..50 {
            if state.status != Status::Saving {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            state = client.image(&image.id).await.unwrap();
        }
        assert_eq!((state.status, state.size), (Status::Queued, None));
        client.delete(&image.id).await.unwrap();
    }
}

async fn data_of_another_format_is_refused_after_the_last_byte(client: &ImageClient) {
    let mut backed = vec![0; 1024];
    backed[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    backed[15] = 1; // the offset of a backing file
    for (data, format, reason) in [
        (vec![7; 1024], "qcow2", "Image disk_format qcow2 does not match stream data raw"),
        (backed.clone(), "qcow2", "Image failed safety checks"),
        (backed, "raw", "Image failed safety checks"),
    ] {
        let wanted = NewImage::named(unique("format")).with_formats(format, "bare");
        let image = client.create(&wanted).await.unwrap();
        let error = client.upload(&image.id, Full::from(data), Some(1024)).await.unwrap_err();
        assert!(matches!(error, Error::FormatRefused(_)), "{error}");
        assert!(message(&error).ends_with(reason), "{error}");
        assert_eq!(client.image(&image.id).await.unwrap().status, Status::Queued);
        client.delete(&image.id).await.unwrap();
    }
}

async fn data_needs_formats_first(client: &ImageClient) {
    let image = client.create(&NewImage::named(unique("none"))).await.unwrap();
    let error = client.upload(&image.id, abc(), Some(3)).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    assert!(message(&error).contains("must be set prior to saving data"), "{error}");
    client.delete(&image.id).await.unwrap();
}

async fn records_are_found_by_what_they_hold(client: &ImageClient) {
    let first = client.create(&raw("found")).await.unwrap();
    client.upload(&first.id, abc(), Some(3)).await.unwrap();
    let name = first.name.clone().unwrap();
    for (key, value) in [("name", name.as_str()), ("id", &first.id)] {
        let found = list(client, &ImageQuery::default().with(key, value)).await;
        assert_eq!(found.len(), 1, "{key}");
        assert_eq!(found[0].id, first.id);
    }
    let same = ImageQuery::default().with("os_hash_value", ABC_SHA512).with("name", &name);
    assert_eq!(list(client, &same).await.len(), 1);
    assert_eq!(list(client, &ImageQuery::default().with("name", "nobody")).await.len(), 0);
    let wrong = ImageQuery::default().with("visibility", "moonlit");
    let error = client.images(&wrong).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    client.delete(&first.id).await.unwrap();
}

async fn pages_follow_each_other_to_the_end(client: &ImageClient) {
    let tag = unique("page");
    let mut ids = Vec::new();
    for number in 0..5 {
        let mut wanted = NewImage::named(format!("page {number}"));
        wanted.tags = [tag.clone()].into();
        ids.push(client.create(&wanted).await.unwrap().id);
    }
    let query = ImageQuery::default().with("tag", &tag).with("limit", "2").with("sort", "name:asc");
    let got: Vec<String> = list(client, &query).await.into_iter().map(|image| image.id).collect();
    assert_eq!(got, ids);
    for id in ids {
        client.delete(&id).await.unwrap();
    }
}

async fn a_patch_changes_what_it_may(client: &ImageClient) {
    let image = client.create(&raw("patch")).await.unwrap();
    let changed = client
        .patch(
            &image.id,
            &[
                PatchOp::Replace("name".into(), json!("renamed")),
                PatchOp::Add("owner_specified.a/b~c".into(), json!("x")),
                PatchOp::Replace("tags".into(), json!(["t"])),
            ],
        )
        .await
        .unwrap();
    assert_eq!(changed.name.as_deref(), Some("renamed"));
    assert_eq!(changed.properties["owner_specified.a/b~c"], json!("x"));
    assert_eq!(changed.tags, ["t".to_owned()].into());
    let removed =
        client.patch(&image.id, &[PatchOp::Remove("owner_specified.a/b~c".into())]).await.unwrap();
    assert!(!removed.properties.contains_key("owner_specified.a/b~c"));

    let missing = [PatchOp::Replace("nothing".into(), json!("x"))];
    let error = client.patch(&image.id, &missing).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    let read_only = [PatchOp::Replace("checksum".into(), json!("00"))];
    let error = client.patch(&image.id, &read_only).await.unwrap_err();
    assert_eq!(message(&error), "Attribute 'checksum' is read-only.");

    client.upload(&image.id, abc(), Some(3)).await.unwrap();
    let too_late = [PatchOp::Replace("disk_format".into(), json!("qcow2"))];
    let error = client.patch(&image.id, &too_late).await.unwrap_err();
    assert_eq!(message(&error), "Attribute disk_format can be only replaced for a queued image.");
    client.delete(&image.id).await.unwrap();
}

async fn a_protected_image_stays(client: &ImageClient) {
    let mut wanted = raw("protected");
    wanted.protected = Some(true);
    let image = client.create(&wanted).await.unwrap();
    let error = client.delete(&image.id).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
    assert!(message(&error).contains("is protected and cannot be deleted"), "{error}");
    client.patch(&image.id, &[PatchOp::Replace("protected".into(), json!(false))]).await.unwrap();
    client.delete(&image.id).await.unwrap();
}

async fn what_is_gone_is_not_found(client: &ImageClient) {
    let image = client.create(&raw("gone")).await.unwrap();
    client.delete(&image.id).await.unwrap();
    let error = client.image(&image.id).await.unwrap_err();
    let answer = error.answer().unwrap();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
    assert_eq!(answer.message, format!("No image found with ID {}", image.id));
    assert!(answer.request_id.as_ref().is_some_and(|id| id.starts_with("req-")), "{error}");
    let error = client.delete(&image.id).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
    let error = client.upload(&image.id, abc(), Some(3)).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
}

async fn an_early_refusal_ends_the_sending_and_harms_nothing(client: &ImageClient) {
    let image = client.create(&raw("early")).await.unwrap();
    client.upload(&image.id, abc(), Some(3)).await.unwrap();
    let block = Bytes::from(vec![0; 512 << 10]);
    for _ in 0..5 {
        let block = block.clone();
        let frames =
            stream::iter(0..128).map(move |_| Ok::<_, std::io::Error>(frame(block.clone())));
        let refused = client.upload(&image.id, StreamBody::new(frames), Some(64 << 20)).await;
        match refused.unwrap_err() {
            // The server resets the connection behind its answer, which is often lost with it: a
            // plain socket that reads after the break does not see it either.
            Error::Conflict(_) | Error::Transport { .. } => {}
            other => panic!("{other}"),
        }
    }
    let image = client.image(&image.id).await.unwrap();
    assert_eq!((image.status, image.size), (Status::Active, Some(3)));
    client.delete(&image.id).await.unwrap();
}

async fn the_service_says_what_it_takes(client: &ImageClient) {
    let schema = client.schema().await.unwrap();
    for format in ["raw", "qcow2", "vmdk", "iso"] {
        assert!(schema.disk_formats.iter().any(|known| known == format), "{format}");
    }
    assert!(schema.container_formats.iter().any(|known| known == "bare"));
    assert_eq!(client.usage().await.unwrap().quota("image_size_total"), None, "quotas are off");
}

async fn a_token_that_is_none_is_refused(client: &ImageClient) {
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

/// Stamps the suite, so that neither side can have fewer tests.
macro_rules! suite {
    ($client:path: $($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let target = $client().await;
            super::$name(&target.client).await;
        })*
    };
}

macro_rules! against {
    ($module:ident, $client:path) => {
        mod $module {
            suite! { $client:
                a_new_record_is_queued_and_empty
                a_record_that_cannot_be_is_refused_with_the_reason
                data_makes_it_active_with_both_hashes
                data_of_unknown_length_goes_out_chunked
                no_data_at_all_makes_an_empty_image
                another_size_than_announced_is_refused_and_can_be_repaired
                a_body_that_breaks_off_leaves_the_record_queued
                data_of_another_format_is_refused_after_the_last_byte
                data_needs_formats_first
                records_are_found_by_what_they_hold
                pages_follow_each_other_to_the_end
                a_patch_changes_what_it_may
                a_protected_image_stays
                what_is_gone_is_not_found
                an_early_refusal_ends_the_sending_and_harms_nothing
                the_service_says_what_it_takes
                a_token_that_is_none_is_refused
            }
        }
    };
}

/// What a test runs against, kept alive while it does.
struct Target {
    client: ImageClient,
    _sandbox: Option<imgpush_sandbox::Sandbox>,
}

async fn sandbox_target() -> Target {
    use imgpush_sandbox::{PASSWORD, PROJECT, Sandbox, SandboxOptions, USER};
    let options = SandboxOptions::default().with_tokens(std::time::Duration::from_secs(3600));
    let sandbox = Sandbox::start(options).await.unwrap();
    let options = CloudOptions::default()
        .with_setting("auth_url", sandbox.auth_url())
        .with_setting("username", USER)
        .with_setting("password", PASSWORD)
        .with_setting("project_name", PROJECT)
        .with_setting("region_name", "RegionOne");
    let cloud = Cloud::load_from(&options, &Surroundings::default()).unwrap();
    let client = ImageClient::connect(&cloud).await.unwrap();
    Target { client, _sandbox: Some(sandbox) }
}

against!(sandbox, super::sandbox_target);

#[cfg(feature = "cloud")]
async fn glance_target() -> Target {
    let _ = imgpush_tests::RealCloud::from_environment();
    let cloud = Cloud::load(&CloudOptions::named(Some("testcloud".into()))).unwrap();
    Target { client: ImageClient::connect(&cloud).await.unwrap(), _sandbox: None }
}

#[cfg(feature = "cloud")]
against!(glance, super::glance_target);
