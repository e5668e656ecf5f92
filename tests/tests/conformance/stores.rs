//! Stores and the image data in them, locations, and the cache in front of them.

use std::time::Duration;

use futures_util::StreamExt as _;
use imgpush_client::{ClearTarget, DownloadOptions, Error, Import, ImportMethod, Location, Status};

use super::web::Web;
use super::{ABC_SHA512, Clouds, abc, active, message, patient, raw, sized};

pub(crate) async fn stores_are_listed(clouds: &Clouds) {
    let stores = clouds.demo.stores().await.unwrap();
    let named = |id: &str| stores.iter().find(|store| store.id() == Some(id)).unwrap();
    assert!(named("fast").is_default());
    assert!(!named("slow").is_default());
    assert!(named("slow").description().is_some());
    let detailed = clouds.admin.stores_detail().await.unwrap();
    let fast = detailed.iter().find(|store| store.id() == Some("fast")).unwrap();
    assert_eq!((fast.kind(), fast.weight()), (Some("file"), Some(100)));
    assert!(fast.properties().is_some_and(|properties| !properties.is_empty()));
    let forbidden = clouds.demo.stores_detail().await.unwrap_err();
    assert!(matches!(forbidden, Error::Forbidden(_)), "{forbidden}");
    let methods = clouds.demo.import_info().await.unwrap();
    for method in ["glance-direct", "web-download", "glance-download", "copy-image"] {
        assert!(methods.iter().any(|known| known == method), "{methods:?}");
    }
}

pub(crate) async fn data_is_stored_in_the_named_store(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("slow")).await.unwrap();
    assert_eq!(image.stores(), [""; 0]);
    client.upload(image.id(), abc(), &sized(3).with_store("slow")).await.unwrap();
    assert_eq!(client.image(image.id()).await.unwrap().stores(), ["slow"]);
    client.delete(image.id()).await.unwrap();
    let image = active(client, "default").await;
    assert_eq!(image.stores(), ["fast"]);
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn an_unknown_store_is_refused(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("nowhere")).await.unwrap();
    let error =
        client.upload(image.id(), abc(), &sized(3).with_store("nowhere")).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    assert_eq!(client.image(image.id()).await.unwrap().status(), Status::Queued);
    client.upload(image.id(), abc(), &sized(3)).await.unwrap();
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn an_import_fills_many_stores(clouds: &Clouds) {
    let client = &clouds.demo;
    for import in [
        Import::staged().into_all_stores(),
        Import::staged().into_stores(["slow", "fast"]).all_stores_must_succeed(false),
    ] {
        let image = client.create(&raw("many")).await.unwrap();
        client.stage(image.id(), abc(), &sized(3)).await.unwrap();
        let staged = client.image(image.id()).await.unwrap();
        let options = patient().with_may_lose_stores(import.may_lose_stores());
        let done = client.import_and_wait(&staged, &import, &options).await.unwrap();
        let mut stores = done.stores();
        stores.sort_unstable();
        assert_eq!(stores, ["fast", "slow"], "{import:?}");
        client.delete(image.id()).await.unwrap();
    }
}

pub(crate) async fn administrators_copy_and_remove(clouds: &Clouds) {
    let (owner, admin) = (&clouds.demo, &clouds.admin);
    let image = active(owner, "copied").await;
    let copy = || Import::by(ImportMethod::CopyImage);
    let error = owner.import(image.id(), &copy().into_stores(["slow"])).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");

    let copied = admin.import_and_wait(&image, &copy().into_stores(["slow"]), &patient()).await;
    let copied = copied.unwrap();
    assert_eq!((copied.status(), copied.stores().len()), (Status::Active, 2));
    let again = admin.import(image.id(), &copy().into_stores(["slow"])).await.unwrap_err();
    assert!(matches!(again, Error::BadRequest(_)), "{again}");
    // If all stores have the image, there is nothing to do.
    admin.import_and_wait(&copied, &copy().into_all_stores(), &patient()).await.unwrap();

    let forbidden = owner.delete_from_store("fast", image.id()).await.unwrap_err();
    assert!(matches!(forbidden, Error::Forbidden(_)), "{forbidden}");
    admin.delete_from_store("fast", image.id()).await.unwrap();
    assert_eq!(owner.image(image.id()).await.unwrap().stores(), ["slow"]);
    // The last store is refused before the service checks whether it is the named one.
    for store in ["fast", "slow"] {
        let last = admin.delete_from_store(store, image.id()).await.unwrap_err();
        assert!(matches!(last, Error::Forbidden(_)), "{last}");
    }
    let unknown = admin.delete_from_store("nowhere", image.id()).await.unwrap_err();
    assert!(matches!(unknown, Error::Conflict(_)), "{unknown}");
    owner.delete(image.id()).await.unwrap();
}

pub(crate) async fn a_location_makes_an_image(clouds: &Clouds) {
    let client = &clouds.demo;
    let web = Web::serving(b"abc").await;
    for location in [
        Location::at(format!("{}/image", web.address)).with_hash("sha512", ABC_SHA512),
        Location::at(format!("{}/image", web.address)),
    ] {
        let image = client.create(&raw("location")).await.unwrap();
        let done = client.add_location_and_wait(&image, &location, &patient()).await.unwrap();
        assert_eq!((done.status(), done.size()), (Status::Active, Some(3)));
        if location.validation_data.is_some() {
            assert_eq!(done.hash_value(), Some(ABC_SHA512));
        }
        let again = client.add_location(image.id(), &location).await.unwrap_err();
        assert!(matches!(again, Error::Conflict(_)), "{again}");
        client.delete(image.id()).await.unwrap();
    }
}

pub(crate) async fn a_store_without_random_reads_refuses_a_range(clouds: &Clouds) {
    let client = &clouds.demo;
    let web = Web::serving(b"abc").await;
    let image = client.create(&raw("sequential")).await.unwrap();
    let location = Location::at(format!("{}/image", web.address));
    client.add_location_and_wait(&image, &location, &patient()).await.unwrap();
    for range in [0..=0, 1..=2] {
        let part = DownloadOptions::default().with_range(&range);
        let error = client.download(image.id(), &part).await.unwrap_err();
        assert!(matches!(error, Error::BadRequest(_)), "{error}");
        let text = "Getting images randomly from this store is not supported";
        assert!(message(&error).starts_with(text), "{error}");
    }
    // An invalid range is checked first.
    let beyond = client.download(image.id(), &DownloadOptions::from_byte(3)).await.unwrap_err();
    assert!(matches!(beyond, Error::OutOfRange(_)), "{beyond}");
    let mut complete = client.download(image.id(), &DownloadOptions::default()).await.unwrap();
    let mut data = Vec::new();
    while let Some(piece) = complete.next().await {
        data.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(data, b"abc");
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn a_location_with_another_hash_is_refused(clouds: &Clouds) {
    let client = &clouds.demo;
    let web = Web::serving(b"abd").await;
    let image = client.create(&raw("location")).await.unwrap();
    let location = Location::at(format!("{}/image", web.address)).with_hash("sha512", ABC_SHA512);
    match client.add_location_and_wait(&image, &location, &patient()).await.unwrap_err() {
        Error::FellBack(failure) => {
            assert_eq!(failure.status, Status::Queued);
            assert!(!failure.messages.is_empty());
        }
        other => panic!("{other}"),
    }
    let image = client.image(image.id()).await.unwrap();
    assert_eq!((image.size(), image.hash_value()), (None, None));
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn locations_need_permissions(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("location")).await.unwrap();
    let file = client.add_location(image.id(), &Location::at("file:///etc/passwd")).await;
    let file = file.unwrap_err();
    assert!(matches!(file, Error::Forbidden(_)), "{file}");
    let web = Location::at("http://127.0.0.1/x").with_hash("sha512", "00");
    let error = client.add_location(image.id(), &web).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    let forbidden = client.locations(image.id()).await.unwrap_err();
    assert!(matches!(forbidden, Error::Forbidden(_)), "{forbidden}");
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn the_cache_is_for_administrators(clouds: &Clouds) {
    let (owner, admin) = (&clouds.demo, &clouds.admin);
    let image = active(owner, "cached").await;
    let forbidden = owner.cache().await.unwrap_err();
    assert!(matches!(forbidden, Error::Forbidden(_)), "{forbidden}");
    admin.cache_image(image.id()).await.unwrap();
    let mut looks = 0;
    let cached = loop {
        let cache = admin.cache().await.unwrap();
        let held = cache.cached_images.iter().find(|held| held.image_id() == Some(image.id()));
        if let Some(held) = held {
            break held.clone();
        }
        looks += 1;
        assert!(looks < 50, "it never came into the cache: {cache:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!((cached.size(), cached.hits()), (Some(3), Some(0)));
    assert!(cached.get("last_modified").is_some());
    let nodes = admin.cache_nodes(image.id()).await.unwrap();
    assert_eq!(nodes.as_array().map(Vec::len), Some(1), "{nodes}");
    admin.clean_cache().await.unwrap();
    admin.prune_cache().await.unwrap();
    admin.uncache_image(image.id()).await.unwrap();
    assert!(
        admin.cache().await.unwrap().cached_images.iter().all(|i| i.image_id() != Some(image.id()))
    );
    let unknown_id = uuid::Uuid::new_v4().to_string();
    let none = admin.uncache_image(&unknown_id).await.unwrap_err();
    assert!(matches!(none, Error::NotFound(_)), "{none}");
    for target in [ClearTarget::Queue, ClearTarget::Cache, ClearTarget::All] {
        admin.clear_cache(target).await.unwrap();
    }
    let queued = owner.create(&raw("cached")).await.unwrap();
    let error = admin.cache_image(queued.id()).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    assert!(!message(&error).is_empty());
    owner.delete(queued.id()).await.unwrap();
    owner.delete(image.id()).await.unwrap();
}
