//! Data that the service fetches or decompresses itself, and waiting for it.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use http_body_util::Full;
use imgpush_client::{
    Error, ImageClient, Import, ImportMethod, NewImage, Status, TaskStatus, WaitOptions,
};

use super::web::Web;
use super::{ABC_SHA512, Clouds, abc, active, message, patient, raw, sized, unique};

pub(crate) async fn staged_data_becomes_an_image(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("staged")).await.unwrap();
    for method in ["glance-direct", "web-download", "copy-image"] {
        assert!(image.import_methods().iter().any(|offered| offered == method), "{method}");
    }
    assert!(image.store_ids().iter().any(|store| store == "slow"), "{:?}", image.store_ids());
    assert!(image.store_ids().iter().all(|store| !store.starts_with("os_glance")));
    client.stage(image.id(), abc(), &sized(3)).await.unwrap();
    let staged = client.image(image.id()).await.unwrap();
    assert_eq!(staged.status(), Status::Uploading);
    assert_eq!((staged.size(), staged.checksum()), (Some(3), None));
    let again = client.stage(image.id(), abc(), &sized(3)).await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_) | Error::Transport { .. }), "{again}");

    let done = client.import_and_wait(&staged, &Import::staged(), &patient()).await.unwrap();
    assert_eq!((done.status(), done.size()), (Status::Active, Some(3)));
    assert_eq!(done.hash_value(), Some(ABC_SHA512));
    assert_eq!((done.import_task(), done.failed_import().len()), (None, 0));
    let mut tasks = client.image_tasks(image.id()).await.unwrap();
    let task = tasks.pop().unwrap();
    assert_eq!((task.kind(), task.image_id()), (Some("api_image_import"), Some(image.id())));
    assert!(matches!(task.status(), TaskStatus::Success | TaskStatus::Processing));
    assert_eq!(task.input().unwrap()["import_req"]["method"]["name"], "glance-direct");
    assert!(task.request_id().is_some_and(|id| id.starts_with("req-")));
    assert!(task.user_id().is_some() && task.owner() == done.owner());
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn a_failed_import_is_detected_although_it_stays_importing(clouds: &Clouds) {
    let client = &clouds.demo;
    let wanted = NewImage::named(unique("mismatch")).with_formats("qcow2", "bare");
    let image = client.create(&wanted).await.unwrap();
    client.stage(image.id(), Full::from(vec![7; 4096]), &sized(4096)).await.unwrap();
    let staged = client.image(image.id()).await.unwrap();
    match client.import_and_wait(&staged, &Import::staged(), &patient()).await.unwrap_err() {
        Error::ImportFailed(failure) => {
            assert_eq!((&*failure.id, failure.status), (image.id(), Status::Importing));
            assert_eq!(
                (failure.before, failure.stores),
                (Status::Uploading, vec!["fast".to_owned()])
            );
            assert_eq!(failure.messages, ["Task failed due to Internal Error"]);
        }
        other => panic!("{other}"),
    }
    // There is no further operation for such an image.
    let error = client.import(image.id(), &Import::staged()).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn the_service_fetches_from_the_web(clouds: &Clouds) {
    let client = &clouds.demo;
    let web = Web::serving(b"abc").await;
    let image = client.create(&raw("web")).await.unwrap();
    let import = Import::from_web(format!("{}/image", web.address)).into_stores(["slow"]);
    let done = client.import_and_wait(&image, &import, &patient()).await.unwrap();
    assert_eq!((done.hash_value(), done.stores()), (Some(ABC_SHA512), vec!["slow"]));
    assert!(web.asked() > 0);
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn a_missing_source_fails_the_import(clouds: &Clouds) {
    let client = &clouds.demo;
    let web = Web::serving(b"abc").await;
    let image = client.create(&raw("missing")).await.unwrap();
    let import = Import::from_web(format!("{}/missing", web.address));
    match client.import_and_wait(&image, &import, &patient()).await.unwrap_err() {
        Error::ImportFailed(failure) => {
            assert_eq!((failure.status, failure.stores), (Status::Queued, vec!["fast".to_owned()]));
            assert!(!failure.messages.is_empty());
        }
        other => panic!("{other}"),
    }
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn a_failed_import_can_be_tried_again(clouds: &Clouds) {
    let client = &clouds.demo;
    let web = Web::serving(b"abc").await;
    let image = client.create(&raw("again")).await.unwrap();
    let missing = Import::from_web(format!("{}/missing", web.address));
    let error = client.import_and_wait(&image, &missing, &patient()).await.unwrap_err();
    assert!(matches!(error, Error::ImportFailed(_)), "{error}");
    // The failure of the first import is still recorded; it does not belong to the second or the third.
    let failed = client.image(image.id()).await.unwrap();
    assert_eq!(failed.failed_import(), ["fast"]);
    let error = client.import_and_wait(&failed, &missing, &patient()).await.unwrap_err();
    assert!(matches!(error, Error::ImportFailed(_) | Error::FellBack(_)), "{error}");
    let failed = client.image(image.id()).await.unwrap();
    let there = Import::from_web(format!("{}/there", web.address));
    let done = client.import_and_wait(&failed, &there, &patient()).await.unwrap();
    assert_eq!((done.status(), done.failed_import().len()), (Status::Active, 0));
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn an_image_is_copied_from_another_region(clouds: &Clouds) {
    let client = &clouds.demo;
    let mut wanted = raw("source");
    wanted.set_os_distro("debian");
    wanted.set_property("mine", "stays").unwrap();
    let source = client.create(&wanted).await.unwrap();
    client.upload(source.id(), abc(), &sized(3)).await.unwrap();
    let image = client.create(&raw("copy")).await.unwrap();
    for interface in [None, Some("public".to_owned())] {
        let import = Import::by(ImportMethod::GlanceDownload {
            region: "RegionTwo".to_owned(),
            image_id: source.id().to_owned(),
            interface: interface.clone(),
        });
        let image = match interface {
            None => image.clone(),
            Some(_) => client.create(&raw("copy")).await.unwrap(),
        };
        let done = client.import_and_wait(&image, &import, &patient()).await.unwrap();
        assert_eq!(done.hash_value(), Some(ABC_SHA512));
        assert_eq!((done.os_distro(), done.property("mine")), (Some("debian"), None));
        client.delete(image.id()).await.unwrap();
    }
    client.delete(source.id()).await.unwrap();
}

pub(crate) async fn an_image_in_another_region_must_exist(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("nowhere")).await.unwrap();
    let import = Import::by(ImportMethod::GlanceDownload {
        region: "RegionTwo".to_owned(),
        image_id: uuid::Uuid::new_v4().to_string(),
        interface: None,
    });
    // It records no failure; only the status and the task show it.
    match client.import_and_wait(&image, &import, &patient()).await.unwrap_err() {
        Error::FellBack(failure) => {
            assert_eq!(failure.status, Status::Queued);
            assert!(!failure.messages.is_empty());
        }
        other => panic!("{other}"),
    }
    client.delete(image.id()).await.unwrap();
}

/// The error of an import that the service does not accept.
async fn refused(client: &ImageClient, id: &str, import: &Import) -> Error {
    client.import(id, import).await.unwrap_err()
}

pub(crate) async fn invalid_imports_are_refused(clouds: &Clouds) {
    let client = &clouds.demo;
    let queued = client.create(&raw("queued")).await.unwrap();
    let ready = active(client, "ready").await;
    let bare = client.create(&NewImage::named(unique("bare"))).await.unwrap();
    let web = Import::from_web("http://127.0.0.1:9/image");
    let other = |name: &str| {
        Import::by(ImportMethod::Other { name: name.to_owned(), fields: Default::default() })
    };
    for (id, import, is_conflict) in [
        (queued.id(), Import::staged(), true),
        (ready.id(), Import::staged(), true),
        (ready.id(), web.clone(), true),
        (queued.id(), Import::by(ImportMethod::CopyImage), true),
        (bare.id(), web.clone(), true),
        (queued.id(), web.clone().into_stores(["nowhere"]), true),
        (queued.id(), other("by-pigeon"), false),
        (queued.id(), Import::from_web("ftp://127.0.0.1/image"), false),
        (queued.id(), other("web-download"), false),
        (queued.id(), other("glance-download"), false),
    ] {
        let error = refused(client, id, &import).await;
        let is_meant = match &error {
            Error::Conflict(_) => is_conflict,
            Error::BadRequest(_) => !is_conflict,
            _ => false,
        };
        assert!(is_meant, "{import:?}: {error}");
        assert!(!message(&error).is_empty());
    }
    let error = refused(&clouds.reader, queued.id(), &web).await;
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
    let error = refused(&clouds.other, queued.id(), &web).await;
    assert!(matches!(error, Error::NotFound(_)), "{error}");
    assert_eq!(client.image(queued.id()).await.unwrap().status(), Status::Queued);
    for image in [queued, ready, bare] {
        client.delete(image.id()).await.unwrap();
    }
}

pub(crate) async fn tasks_are_for_administrators(clouds: &Clouds) {
    let client = &clouds.demo;
    let web = Web::serving(b"abc").await;
    let image = client.create(&raw("task")).await.unwrap();
    assert_eq!(client.image_tasks(image.id()).await.unwrap(), []);
    let import = Import::from_web(format!("{}/image", web.address));
    client.import_and_wait(&image, &import, &patient()).await.unwrap();
    let task = client.image_tasks(image.id()).await.unwrap().remove(0);
    let id = task.id().unwrap();

    let shown = clouds.admin.task(id).await.unwrap();
    assert_eq!((shown.id(), shown.kind()), (Some(id), Some("api_image_import")));
    let query = [("status", "success"), ("limit", "1"), ("sort_dir", "desc")];
    let mut tasks = clouds.admin.tasks(&query);
    let mut found = false;
    // Pages of one item; other tests create tasks too.
    for _ in 0..200 {
        let Some(task) = tasks.try_next().await.unwrap() else { break };
        found |= task.id() == Some(id);
        if found {
            break;
        }
    }
    assert!(found, "the task is in the list");
    let forbidden = client.task(id).await.unwrap_err();
    assert!(matches!(forbidden, Error::Forbidden(_)), "{forbidden}");
    let forbidden = client.tasks(&[]).try_next().await.unwrap_err();
    assert!(matches!(forbidden, Error::Forbidden(_)), "{forbidden}");
    // The import interface of old services; the type is checked first.
    let input = serde_json::json!({"import_from": "http://127.0.0.1:9/x"});
    let forbidden = client.create_task("import", &input).await.unwrap_err();
    assert!(matches!(forbidden, Error::Forbidden(_)), "{forbidden}");
    let unknown = clouds.admin.create_task("pigeon", &input).await.unwrap_err();
    assert!(matches!(unknown, Error::BadRequest(_)), "{unknown}");
    let none = clouds.admin.task(&uuid::Uuid::new_v4().to_string()).await.unwrap_err();
    assert!(matches!(none, Error::NotFound(_)), "{none}");
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn waiting_has_an_end(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("endless")).await.unwrap();
    let options = WaitOptions::default().with_timeout(Duration::from_millis(500));
    match client.wait(&image, &options).await.unwrap_err() {
        Error::WaitedTooLong { id, status, .. } => {
            assert_eq!((&*id, status), (image.id(), Status::Queued));
        }
        other => panic!("{other}"),
    }
    let error = client.wait_deleted(&image, &options).await.unwrap_err();
    assert!(matches!(error, Error::WaitedTooLong { .. }), "{error}");
    client.delete(image.id()).await.unwrap();
    client.wait_deleted(&image, &options).await.unwrap();
    let error = client.wait(&image, &options).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
}

pub(crate) async fn waiting_ends_when_an_upload_does(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("upload")).await.unwrap();
    let waiting = tokio::spawn({
        let (client, image) = (client.clone(), image.clone());
        async move { client.wait(&image, &patient()).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    client.upload(image.id(), abc(), &sized(3)).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status(), Status::Active);
    client.delete(image.id()).await.unwrap();
}
