//! Lists of images: filters, orders, pages, and lookup by name.

use futures_util::TryStreamExt as _;
use imgpush_client::{
    Compare, Direction, Error, Image, ImageClient, ImageQuery, NewImage, Visibility,
};

use super::{ABC_SHA512, Clouds, abc, raw, sized, unique};

pub(crate) async fn records_are_found_by_their_attributes(clouds: &Clouds) {
    let client = &clouds.demo;
    let first = client.create(&raw("found")).await.unwrap();
    client.upload(first.id(), abc(), &sized(3)).await.unwrap();
    let name = first.name().unwrap().to_owned();
    for (key, value) in [("name", name.as_str()), ("id", first.id())] {
        let found = list(client, &ImageQuery::default().with(key, value)).await;
        assert_eq!(found.len(), 1, "{key}");
        assert_eq!(found[0].id(), first.id());
    }
    let same = ImageQuery::default().with("os_hash_value", ABC_SHA512).with("name", &name);
    assert_eq!(list(client, &same).await.len(), 1);
    assert_eq!(list(client, &ImageQuery::default().with("name", "unknown_id")).await.len(), 0);
    let wrong = ImageQuery::default().with("visibility", "moonlit");
    let error = client.images(&wrong).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    client.delete(first.id()).await.unwrap();
}

pub(crate) async fn pages_follow_each_other_to_the_end(clouds: &Clouds) {
    let client = &clouds.demo;
    let tag = unique("page");
    let mut ids = Vec::new();
    for number in 0..5 {
        let mut wanted = NewImage::named(format!("page {number}"));
        wanted.set_tags([&tag]);
        ids.push(client.create(&wanted).await.unwrap().id().to_owned());
    }
    let query = ImageQuery::default().with("tag", &tag).with("limit", "2").with("sort", "name:asc");
    let got: Vec<String> =
        list(client, &query).await.into_iter().map(|image| image.id().to_owned()).collect();
    assert_eq!(got, ids);
    for id in ids {
        client.delete(&id).await.unwrap();
    }
}

async fn list(client: &ImageClient, query: &ImageQuery) -> Vec<Image> {
    client.images(query).try_collect().await.unwrap()
}

async fn names(client: &ImageClient, query: &ImageQuery) -> Vec<String> {
    let images = list(client, query).await;
    images.iter().map(|image| image.name().unwrap_or_default().to_owned()).collect()
}

/// Images with the same tag and different values of all attributes with filters.
async fn three(clouds: &Clouds, tag: &str) -> [Image; 3] {
    let client = &clouds.demo;
    let mut made = Vec::new();
    for (name, disk, container, distro) in [
        ("a", "raw", "bare", "debian"),
        ("b", "qcow2", "bare", "ubuntu"),
        ("c, or so", "iso", "ova", "ubuntu"),
    ] {
        let mut wanted = NewImage::named(name).with_formats(disk, container);
        wanted.set_tags([tag, name]);
        wanted.set_os_distro(distro);
        wanted.set_property("build", made.len() as u64).unwrap();
        wanted.set_protected(name == "b");
        wanted.set_min_ram(512);
        made.push(client.create(&wanted).await.unwrap());
    }
    client.upload(made[0].id(), abc(), &sized(3)).await.unwrap();
    made.try_into().unwrap()
}

async fn remove(clouds: &Clouds, images: &[Image]) {
    for image in images {
        let mut image = clouds.demo.image(image.id()).await.unwrap();
        image.set_protected(false);
        clouds.demo.commit(&image).await.unwrap();
        clouds.demo.delete(image.id()).await.unwrap();
    }
}

pub(crate) async fn every_filter_is_applied_by_the_server(clouds: &Clouds) {
    let client = &clouds.demo;
    let tag = unique("filter");
    let images = three(clouds, &tag).await;
    let query = || ImageQuery::default().tag(&tag).sorted_by("name", Direction::Ascending);
    let owner = images[0].owner().unwrap().to_owned();
    for (filter, expected) in [
        (query(), &["a", "b", "c, or so"][..]),
        (query().with("disk_format", "qcow2"), &["b"]),
        (query().with("container_format", "ova"), &["c, or so"]),
        (query().any_of("disk_format", ["raw", "iso"]), &["a", "c, or so"]),
        (query().any_of("name", ["b", "c, or so"]), &["b", "c, or so"]),
        (query().any_of("id", [images[0].id(), images[1].id()]), &["a", "b"]),
        (query().any_of("status", ["active", "saving"]), &["a"]),
        (query().with("status", "queued"), &["b", "c, or so"]),
        (query().with("checksum", super::ABC_MD5), &["a"]),
        (query().with("hash_value", ABC_SHA512), &["a"]),
        (query().with("os_hash_algo", "sha512"), &["a"]),
        (query().with("os_distro", "ubuntu"), &["b", "c, or so"]),
        (query().with("build", "2"), &["c, or so"]),
        (query().with("os_distro", "ubuntu").with("build", "1"), &["b"]),
        (query().with("is_protected", "True"), &["b"]),
        (query().with("protected", "false"), &["a", "c, or so"]),
        (query().with("min_ram", "512").with("name", "a"), &["a"]),
        (query().tag("b"), &["b"]),
        (query().with("owner", &owner), &["a", "b", "c, or so"]),
        (query().with("owner_id", "unknown_id"), &[]),
        (query().visibility(&Visibility::Shared), &["a", "b", "c, or so"]),
        (query().visibility(&Visibility::Private), &[]),
        (query().every_visibility(), &["a", "b", "c, or so"]),
        (query().hidden(), &[]),
        (query().with("never_set", "x"), &[]),
        (query().with_expression("disk_format", "in:raw,qcow2"), &["a", "b"]),
    ] {
        assert_eq!(names(client, &filter).await, expected, "{filter:?}");
    }
    let mut hidden = client.image(images[2].id()).await.unwrap();
    hidden.set_hidden(true);
    client.commit(&hidden).await.unwrap();
    assert_eq!(names(client, &query().hidden()).await, ["c, or so"]);
    assert_eq!(names(client, &query()).await, ["a", "b"]);
    remove(clouds, &images).await;
}

pub(crate) async fn times_and_sizes_are_compared(clouds: &Clouds) {
    let client = &clouds.demo;
    let tag = unique("compare");
    let images = three(clouds, &tag).await;
    let query = || ImageQuery::default().tag(&tag).sorted_by("name", Direction::Ascending);
    let made = images[0].created_at().unwrap();
    for (filter, expected) in [
        (query().with("size_min", "3"), 1),
        (query().with("size_min", "4"), 0),
        (query().with("size_max", "3"), 1),
        (query().with("size_max", "2"), 0),
        (query().when("created_at", Compare::From, made), 3),
        (query().when("created_at", Compare::Before, made), 0),
        (query().when("created_at", Compare::Before, "2000-01-01T00:00:00Z"), 0),
        (query().when("updated_at", Compare::After, "2000-01-01T00:00:00Z"), 3),
        (query().when("created_at", Compare::NotAt, "2000-01-01T00:00:00Z"), 3),
        (query().when("created_at", Compare::UpTo, "2100-01-01T00:00:00Z"), 3),
        (query().when("created_at", Compare::At, "2100-01-01T00:00:00Z"), 0),
    ] {
        assert_eq!(list(client, &filter).await.len(), expected, "{filter:?}");
    }
    remove(clouds, &images).await;
}

pub(crate) async fn lists_are_ordered_and_cut(clouds: &Clouds) {
    let client = &clouds.demo;
    let tag = unique("order");
    let images = three(clouds, &tag).await;
    let query = || ImageQuery::default().tag(&tag);
    let by = |name, direction| query().sorted_by(name, direction);
    let up = by("name", Direction::Ascending);
    assert_eq!(names(client, &by("name", Direction::Descending)).await, ["c, or so", "b", "a"]);
    let twice = by("container_format", Direction::Descending)
        .sorted_by("disk_format", Direction::Ascending);
    assert_eq!(names(client, &twice).await, ["c, or so", "b", "a"]);
    let words = query().with("sort", "container_format:asc,name:desc");
    assert_eq!(names(client, &words).await, ["b", "a", "c, or so"]);
    assert_eq!(names(client, &up.clone().at_most(2)).await, ["a", "b"]);
    assert_eq!(names(client, &up.clone().at_most(2).page_size(1)).await, ["a", "b"]);
    assert_eq!(names(client, &up.clone().at_most(0)).await, [""; 0]);
    assert_eq!(names(client, &up.clone().page_size(1)).await, ["a", "b", "c, or so"]);
    assert_eq!(names(client, &up.clone().behind(images[0].id())).await, ["b", "c, or so"]);
    // The service drops one of two tags in the address of the next page.
    let both = up.clone().tag("b").page_size(1);
    assert_eq!(names(client, &both).await, ["b"]);
    let mut second = client.image(images[2].id()).await.unwrap();
    second.set_tags([&*tag, "b", "c"]);
    client.commit(&second).await.unwrap();
    assert_eq!(names(client, &both).await, ["b", "c, or so"]);
    let nowhere = up.behind(uuid::Uuid::new_v4().to_string());
    assert!(client.images(&nowhere).try_collect::<Vec<_>>().await.is_err());
    remove(clouds, &images).await;
}

pub(crate) async fn an_image_is_found_by_its_id_or_name(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("find")).await.unwrap();
    let name = image.name().unwrap().to_owned();
    assert_eq!(client.find(image.id()).await.unwrap().as_ref(), Some(&image));
    assert_eq!(client.find(&name).await.unwrap().as_ref(), Some(&image));
    assert_eq!(client.find("no such image").await.unwrap(), None);
    let unknown_id = uuid::Uuid::new_v4().to_string();
    assert_eq!(client.find(&unknown_id).await.unwrap(), None);
    let error = client.find_existing(&unknown_id).await.unwrap_err();
    assert!(matches!(error, Error::NoSuchImage { .. }), "{error}");

    // Its name is the id of another image.
    let named = client.create(&NewImage::named(&unknown_id)).await.unwrap();
    assert_eq!(
        client.find(&unknown_id).await.unwrap().map(|i| i.id().to_owned()),
        Some(named.id().to_owned())
    );

    let mut hidden = image.clone();
    hidden.set_hidden(true);
    let hidden = client.commit(&hidden).await.unwrap();
    assert_eq!(client.find(&name).await.unwrap(), Some(hidden));
    client.delete(image.id()).await.unwrap();
    client.delete(named.id()).await.unwrap();
}

pub(crate) async fn a_name_of_several_images_is_ambiguous(clouds: &Clouds) {
    let client = &clouds.demo;
    let wanted = raw("twins");
    let name = wanted.name().unwrap().to_owned();
    let first = client.create(&wanted).await.unwrap();
    let second = client.create(&wanted).await.unwrap();
    match client.find(&name).await.unwrap_err() {
        Error::Duplicate { wanted, ids } => {
            assert_eq!(wanted, name);
            assert_eq!(ids.len(), 2);
            assert!(ids.iter().all(|id| id == first.id() || id == second.id()));
        }
        other => panic!("{other}"),
    }
    // A visible image takes precedence over a hidden one.
    let mut hidden = second.clone();
    hidden.set_hidden(true);
    client.commit(&hidden).await.unwrap();
    assert_eq!(
        client.find(&name).await.unwrap().map(|i| i.id().to_owned()),
        Some(first.id().to_owned())
    );
    client.delete(first.id()).await.unwrap();
    client.delete(second.id()).await.unwrap();
}

pub(crate) async fn names_with_odd_characters_are_found(clouds: &Clouds) {
    let client = &clouds.demo;
    let mark = unique("odd");
    for name in [
        "in:a,b",
        "a: b",
        "gt:5",
        "50% & more?",
        "a+b c/d",
        "\"quoted\"",
        "é",
        "2026-01-01T00:00:00Z",
    ] {
        let name = format!("{name} {mark}");
        let image = client.create(&NewImage::named(&name)).await.unwrap();
        let found = client.find(&name).await.unwrap().unwrap_or_else(|| panic!("{name}"));
        assert_eq!(found.id(), image.id(), "{name}");
        client.delete(image.id()).await.unwrap();
    }
    // A name that is a time.
    let image = client.create(&NewImage::named("2026-01-01T00:00:00Z")).await.unwrap();
    assert!(client.find("2026-01-01T00:00:00Z").await.unwrap().is_some());
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn an_invalid_filter_is_refused(clouds: &Clouds) {
    for (key, value) in [
        ("visibility", "moonlit"),
        ("member_status", "perhaps"),
        ("sort_key", "colour"),
        ("sort_dir", "sideways"),
        ("created_at", "gte:yesterday"),
        ("size_min", "much"),
        ("limit", "-1"),
        ("is_protected", "perhaps"),
        ("is_hidden", "perhaps"),
    ] {
        let query = ImageQuery::default().with(key, value);
        let listed = clouds.demo.images(&query).try_collect::<Vec<_>>().await;
        let error = listed.expect_err(key);
        assert!(matches!(error, Error::BadRequest(_)), "{key}: {error}");
    }
    let expression = ImageQuery::default().with_expression("name", "like:x");
    let error = clouds.demo.images(&expression).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
}
