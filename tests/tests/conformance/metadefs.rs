//! Metadata definitions: namespaces, their objects, properties and tags, and the types of resources.

use futures_util::TryStreamExt as _;
use imgpush_client::{
    Direction, Error, ImageClient, MetadefNamespace, MetadefNamespaceQuery, MetadefObject,
    MetadefProperty, MetadefResourceTypeAssociation, Visibility,
};
use serde_json::{Value, json};

use super::{Clouds, message, unique};

/// A namespace of an administrator with a name of its own.
async fn created(clouds: &Clouds, visibility: Visibility) -> String {
    let mut wanted = MetadefNamespace::named(unique("Test::Namespace"));
    wanted.set_visibility(visibility);
    clouds.admin.create_metadef_namespace(&wanted).await.unwrap();
    wanted.namespace().to_owned()
}

/// The names in a list.
async fn listed(client: &ImageClient, query: &MetadefNamespaceQuery) -> Vec<String> {
    let namespaces: Vec<_> = client.metadef_namespaces(query).try_collect().await.unwrap();
    namespaces.iter().map(|namespace| namespace.namespace().to_owned()).collect()
}

/// The record without the times, which differ.
fn timeless(record: &serde_json::Map<String, Value>) -> Value {
    let mut record = record.clone();
    record.retain(|key, _| key != "created_at" && key != "updated_at");
    record.into()
}

fn text(name: &str) -> MetadefProperty {
    MetadefProperty::new(name, "A title", "string")
}

pub(crate) async fn a_namespace_is_created_changed_and_deleted(clouds: &Clouds) {
    let client = &clouds.admin;
    let mut wanted = MetadefNamespace::named(unique("Test::Namespace"));
    wanted.set_display_name("A name, é");
    wanted.set_description("A description");
    let created = client.create_metadef_namespace(&wanted).await.unwrap();
    assert_eq!(created.namespace(), wanted.namespace());
    assert_eq!(created.display_name(), Some("A name, é"));
    assert_eq!(created.description(), Some("A description"));
    assert_eq!(created.visibility(), Some(Visibility::Private));
    assert!(!created.is_protected() && created.owner().is_some());
    assert!(created.created_at().is_some() && created.updated_at().is_some());
    let name = created.namespace();
    assert_eq!(client.metadef_namespace(name).await.unwrap().record(), created.record());
    let again = client.create_metadef_namespace(&wanted).await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again}");
    assert!(message(&again).contains("already exists"), "{again}");

    // An update replaces all attributes.
    let mut changed = created.clone();
    changed.set_visibility(Visibility::Public);
    changed.set_protected(true);
    assert!(changed.unset("display_name"));
    let updated = client.update_metadef_namespace(name, &changed).await.unwrap();
    assert_eq!(updated.visibility(), Some(Visibility::Public));
    assert_eq!((updated.display_name(), updated.is_protected()), (None, true));
    assert_eq!(updated.description(), Some("A description"));
    let shown = client.metadef_namespace(name).await.unwrap();
    assert_eq!(timeless(shown.record()), timeless(updated.record()));
    let kept = client.delete_metadef_namespace(name).await.unwrap_err();
    assert!(matches!(kept, Error::Forbidden(_)), "{kept}");
    assert!(message(&kept).contains("is protected and cannot be deleted"), "{kept}");

    let renamed = unique("Test::Renamed");
    let mut bare = MetadefNamespace::named(&renamed);
    bare.set_description("Other");
    let updated = client.update_metadef_namespace(name, &bare).await.unwrap();
    assert_eq!((updated.namespace(), updated.is_protected()), (&*renamed, false));
    assert_eq!(updated.visibility(), Some(Visibility::Private));
    let gone = client.metadef_namespace(name).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound(_)), "{gone}");
    client.delete_metadef_namespace(&renamed).await.unwrap();
    let gone = client.delete_metadef_namespace(&renamed).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound(_)), "{gone}");
}

pub(crate) async fn an_invalid_namespace_is_refused(clouds: &Clouds) {
    let client = &clouds.admin;
    let mut wanted = MetadefNamespace::named("x".repeat(81));
    let long = client.create_metadef_namespace(&wanted).await.unwrap_err();
    assert!(matches!(long, Error::BadRequest(_)), "{long}");
    wanted.set_namespace(unique("Test::Invalid"));
    wanted.set_visibility(Visibility::Community);
    let visibility = client.create_metadef_namespace(&wanted).await.unwrap_err();
    assert!(matches!(visibility, Error::BadRequest(_)), "{visibility}");
    assert!(message(&visibility).contains("'community' is not one of"), "{visibility}");
    wanted.set_visibility(Visibility::Private);
    wanted.set("colour", "red");
    let unknown = client.create_metadef_namespace(&wanted).await.unwrap_err();
    assert!(matches!(unknown, Error::BadRequest(_)), "{unknown}");
    assert!(message(&unknown).contains("'colour' was unexpected"), "{unknown}");
}

pub(crate) async fn namespaces_are_for_administrators_and_public_ones_for_all(clouds: &Clouds) {
    let private = created(clouds, Visibility::Private).await;
    let public = created(clouds, Visibility::Public).await;
    for client in [&clouds.demo, &clouds.reader, &clouds.other] {
        let hidden = client.metadef_namespace(&private).await.unwrap_err();
        assert!(matches!(hidden, Error::NotFound(_)), "{hidden}");
        let hidden = client.metadef_properties(&private).await.unwrap_err();
        assert!(matches!(hidden, Error::NotFound(_)), "{hidden}");
        let seen = client.metadef_namespace(&public).await.unwrap();
        assert_eq!(seen, clouds.admin.metadef_namespace(&public).await.unwrap());
        let names = listed(client, &MetadefNamespaceQuery::default()).await;
        assert!(names.contains(&public) && !names.contains(&private), "{names:?}");

        let mine = MetadefNamespace::named(unique("Test::Mine"));
        for error in [
            client.create_metadef_namespace(&mine).await.map(drop).unwrap_err(),
            client.update_metadef_namespace(&public, &seen).await.map(drop).unwrap_err(),
            client.delete_metadef_namespace(&public).await.unwrap_err(),
            client.create_metadef_property(&public, &text("p")).await.map(drop).unwrap_err(),
            client.add_metadef_tag(&public, "t").await.unwrap_err(),
        ] {
            assert!(matches!(error, Error::Forbidden(_)), "{error}");
        }
    }
    for name in [private, public] {
        clouds.admin.delete_metadef_namespace(&name).await.unwrap();
    }
}

pub(crate) async fn namespaces_are_listed_in_pages(clouds: &Clouds) {
    let client = &clouds.admin;
    let kind = unique("Test::Type");
    let mut names = Vec::new();
    for at in 0..5 {
        let visibility = if at < 2 { Visibility::Public } else { Visibility::Private };
        let name = created(clouds, visibility).await;
        let association = MetadefResourceTypeAssociation::named(&kind);
        client.create_metadef_resource_type_association(&name, &association).await.unwrap();
        names.push(name);
    }
    let query = MetadefNamespaceQuery::default().resource_types(["Test::None", &kind]);
    let mut sorted = names.clone();
    sorted.sort_unstable();
    for page in [1, 2, 5, 100] {
        let query = query.clone().sorted_by("namespace", Direction::Ascending).page_size(page);
        assert_eq!(listed(client, &query).await, sorted, "{page}");
    }
    let all = listed(client, &query).await;
    assert_eq!(all.len(), 5, "{all:?}");
    let descending = query.clone().sorted_by("namespace", Direction::Descending);
    let after = descending.clone().behind(&sorted[2]).at_most(1);
    assert_eq!(listed(client, &after).await, [sorted[1].clone()]);
    let public = descending.visibility(&Visibility::Public);
    let mut expected = names[..2].to_vec();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(listed(client, &public).await, expected);
    assert_eq!(listed(&clouds.demo, &query).await.len(), 2);

    // A list has the associations, and no other parts.
    client.add_metadef_tag(&names[0], "t").await.unwrap();
    let namespaces: Vec<_> = client.metadef_namespaces(&query).try_collect().await.unwrap();
    for namespace in namespaces {
        let associations = namespace.resource_type_associations();
        assert_eq!(associations[0].name(), Some(&*kind));
        assert_eq!((associations.len(), namespace.tags().len()), (1, 0));
    }
    let none: Result<Vec<_>, _> = client
        .metadef_namespaces(&query.clone().visibility(&Visibility::Shared))
        .try_collect()
        .await;
    assert!(matches!(none.unwrap_err(), Error::BadRequest(_)));
    let none: Result<Vec<_>, _> =
        client.metadef_namespaces(&query.behind("Test::None")).try_collect().await;
    assert!(matches!(none.unwrap_err(), Error::NotFound(_)));
    for name in names {
        client.delete_metadef_namespace(&name).await.unwrap();
    }
}

pub(crate) async fn properties_are_kept_as_the_service_stores_them(clouds: &Clouds) {
    let client = &clouds.admin;
    let namespace = created(clouds, Visibility::Public).await;
    let mut wanted = MetadefProperty::new("size", "A title", "integer");
    wanted.set("minimum", 1.5);
    wanted.set("maximum", 7.9);
    wanted.set("default", 3);
    let stored = client.create_metadef_property(&namespace, &wanted).await.unwrap();
    for property in [&stored, &client.metadef_property(&namespace, "size").await.unwrap()] {
        let value = |key| property.get(key).cloned();
        let limits = (value("minimum"), value("maximum"));
        assert_eq!(limits, (Some(json!(1)), Some(json!(7))));
        assert_eq!(property.get("default"), Some(&json!("3")));
    }
    let listed = client.metadef_namespace(&namespace).await.unwrap();
    assert_eq!(listed.record()["properties"]["size"]["name"], "size");
    wanted.set_name("numbers");
    wanted.set("enum", json!([1, 2]));
    let unexpected = client.create_metadef_property(&namespace, &wanted).await.unwrap_err();
    assert_eq!(unexpected.answer().map(|answer| answer.status.as_u16()), Some(500));
    // A path is read as Latin-1, so the list has another name.
    client.add_metadef_tag(&namespace, "ü").await.unwrap();
    let listed = client.metadef_namespace(&namespace).await.unwrap();
    assert_eq!(listed.tags(), ["Ã¼"]);
    client.delete_metadef_namespace(&namespace).await.unwrap();
}

pub(crate) async fn properties_are_defined_and_replaced(clouds: &Clouds) {
    let client = &clouds.admin;
    let namespace = created(clouds, Visibility::Public).await;
    let mut wanted = text("size");
    wanted.set_description("A description");
    wanted.set_readonly(true);
    wanted.set("min_length", 3);
    wanted.set("max_length", 30);
    wanted.set("pattern", "^[a-z]+$");
    wanted.set("default", "medium");
    wanted.set("enum", json!(["small", "medium"]));
    wanted.set("operators", json!(["<or>"]));
    let created = client.create_metadef_property(&namespace, &wanted).await.unwrap();
    assert_eq!(created, wanted);
    let shown = client.metadef_property(&namespace, "size").await.unwrap();
    assert_eq!(shown, wanted);
    assert_eq!((shown.title(), shown.kind()), (Some("A title"), Some("string")));
    assert_eq!((shown.min_length(), shown.max_length()), (Some(3), Some(30)));
    assert!(shown.is_readonly());
    assert_eq!(shown.default_value(), Some(&json!("medium")));
    assert_eq!(shown.allowed_values(), [json!("small"), json!("medium")]);
    assert_eq!(shown.operators(), ["<or>"]);

    let mut list = MetadefProperty::new("list", "A list", "array");
    list.set("items", json!({"type": "string", "enum": ["a", "b"]}));
    list.set("require_unique_items", true);
    list.set("min_items", 1);
    list.set("allow_additional_items", false);
    client.create_metadef_property(&namespace, &list).await.unwrap();
    let all = client.metadef_properties(&namespace).await.unwrap();
    assert_eq!(all, [list.clone(), wanted.clone()]);
    assert_eq!(all[0].items().unwrap()["enum"], json!(["a", "b"]));
    assert!(all[0].require_unique_items() && all[0].allow_additional_items() == Some(false));
    assert_eq!(client.metadef_namespace(&namespace).await.unwrap().properties(), all);

    let again = client.create_metadef_property(&namespace, &wanted).await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again}");
    let untitled = MetadefProperty::named("x");
    let error = client.create_metadef_property(&namespace, &untitled).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    let mut odd = text("x");
    odd.set_kind("date");
    let error = client.create_metadef_property(&namespace, &odd).await.unwrap_err();
    assert!(message(&error).contains("'date' is not one of"), "{error}");

    // An update replaces the property.
    let mut renamed = text("length");
    renamed.set("maximum", 5);
    let updated = client.update_metadef_property(&namespace, "size", &renamed).await.unwrap();
    assert_eq!(updated, renamed);
    assert_eq!(client.metadef_property(&namespace, "length").await.unwrap(), renamed);
    for error in [
        client.metadef_property(&namespace, "size").await.map(drop).unwrap_err(),
        client.update_metadef_property(&namespace, "size", &renamed).await.map(drop).unwrap_err(),
        client.delete_metadef_property(&namespace, "size").await.unwrap_err(),
        client.metadef_properties("Test::None").await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotFound(_)), "{error}");
    }
    client.delete_metadef_property(&namespace, "list").await.unwrap();
    assert_eq!(client.metadef_properties(&namespace).await.unwrap(), [renamed]);
    client.delete_all_metadef_properties(&namespace).await.unwrap();
    assert_eq!(client.metadef_properties(&namespace).await.unwrap(), []);
    client.delete_metadef_namespace(&namespace).await.unwrap();
}

pub(crate) async fn objects_group_properties(clouds: &Clouds) {
    let client = &clouds.admin;
    let namespace = created(clouds, Visibility::Public).await;
    let empty = MetadefObject::named("empty");
    let created = client.create_metadef_object(&namespace, &empty).await.unwrap();
    assert_eq!(created.name(), Some("empty"));
    assert!(created.created_at().is_some() && created.updated_at().is_some());
    let shown = client.metadef_object(&namespace, "empty").await.unwrap();
    assert_eq!((shown.properties().len(), shown.required().len()), (0, 0));

    let mut wanted = MetadefObject::named("cpu");
    wanted.set_description("A description");
    wanted.set_properties([&text("model"), &text("vendor")]);
    wanted.set_required(["model"]);
    client.create_metadef_object(&namespace, &wanted).await.unwrap();
    let shown = client.metadef_object(&namespace, "cpu").await.unwrap();
    assert_eq!(shown.description(), Some("A description"));
    assert_eq!(shown.properties(), [text("model"), text("vendor")]);
    assert_eq!(shown.property("vendor"), Some(text("vendor")));
    assert_eq!((shown.property("none"), shown.required()), (None, vec!["model"]));
    let again = client.create_metadef_object(&namespace, &wanted).await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again}");
    let mut names: Vec<_> = client.metadef_objects(&namespace).await.unwrap();
    names.sort_by(|a, b| a.name().cmp(&b.name()));
    assert_eq!(names, [shown.clone(), client.metadef_object(&namespace, "empty").await.unwrap()]);

    // What was read can be sent.
    let mut changed = shown.clone();
    changed.set_name("processor");
    let updated = client.update_metadef_object(&namespace, "cpu", &changed).await.unwrap();
    assert_eq!((updated.name(), updated.required()), (Some("processor"), vec!["model"]));
    let shown = client.metadef_object(&namespace, "processor").await.unwrap();
    assert_eq!(shown.properties(), [text("model"), text("vendor")]);
    let mut read = client.metadef_object(&namespace, "empty").await.unwrap();
    read.set_description("Still empty");
    client.update_metadef_object(&namespace, "empty", &read).await.unwrap();
    let read = client.metadef_object(&namespace, "empty").await.unwrap();
    assert_eq!(read.description(), Some("Still empty"));

    for error in [
        client.metadef_object(&namespace, "cpu").await.map(drop).unwrap_err(),
        client.update_metadef_object(&namespace, "cpu", &changed).await.map(drop).unwrap_err(),
        client.delete_metadef_object(&namespace, "cpu").await.unwrap_err(),
        client.metadef_objects("Test::None").await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotFound(_)), "{error}");
    }
    client.delete_metadef_object(&namespace, "processor").await.unwrap();
    client.delete_all_metadef_objects(&namespace).await.unwrap();
    assert_eq!(client.metadef_objects(&namespace).await.unwrap(), []);
    client.delete_metadef_namespace(&namespace).await.unwrap();
}

pub(crate) async fn tags_of_a_namespace_are_added_and_removed(clouds: &Clouds) {
    let client = &clouds.admin;
    let namespace = created(clouds, Visibility::Public).await;
    assert_eq!(client.metadef_tags(&namespace).await.unwrap(), [""; 0]);
    client.add_metadef_tag(&namespace, "Blue sky").await.unwrap();
    let again = client.add_metadef_tag(&namespace, "Blue sky").await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again}");
    assert!(client.has_metadef_tag(&namespace, "Blue sky").await.unwrap());
    assert!(!client.has_metadef_tag(&namespace, "red").await.unwrap());
    let added = client.append_metadef_tags(&namespace, ["red", "green"]).await.unwrap();
    assert_eq!(added.len(), 2, "{added:?}");
    let mut tags = client.metadef_tags(&namespace).await.unwrap();
    tags.sort_unstable();
    assert_eq!(tags, ["Blue sky", "green", "red"]);
    let repeated = client.append_metadef_tags(&namespace, ["new", "red"]).await.unwrap_err();
    assert!(matches!(repeated, Error::Conflict(_)), "{repeated}");
    assert!(!client.has_metadef_tag(&namespace, "new").await.unwrap());
    client.remove_metadef_tag(&namespace, "red").await.unwrap();
    client.set_metadef_tags(&namespace, ["one", "two"]).await.unwrap();
    let shown = clouds.demo.metadef_namespace(&namespace).await.unwrap();
    let mut tags = shown.tags();
    tags.sort_unstable();
    assert_eq!(tags, ["one", "two"]);
    let long = client.add_metadef_tag(&namespace, &"x".repeat(81)).await.unwrap_err();
    assert!(matches!(long, Error::BadRequest(_)), "{long}");
    for error in [
        client.remove_metadef_tag(&namespace, "red").await.unwrap_err(),
        client.has_metadef_tag("Test::None", "red").await.map(drop).unwrap_err(),
        client.add_metadef_tag("Test::None", "red").await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotFound(_)), "{error}");
    }
    client.remove_all_metadef_tags(&namespace).await.unwrap();
    assert_eq!(client.metadef_tags(&namespace).await.unwrap(), [""; 0]);
    client.delete_metadef_namespace(&namespace).await.unwrap();
}

pub(crate) async fn namespaces_are_associated_with_resource_types(clouds: &Clouds) {
    let client = &clouds.admin;
    let namespace = created(clouds, Visibility::Public).await;
    let kind = unique("Test::Type");
    let mut wanted = MetadefResourceTypeAssociation::named(&kind);
    wanted.set_prefix("hw:");
    wanted.set_properties_target("image");
    let created = client.create_metadef_resource_type_association(&namespace, &wanted).await;
    let created = created.unwrap();
    assert_eq!((created.name(), created.prefix()), (Some(&*kind), Some("hw:")));
    assert_eq!(created.properties_target(), Some("image"));
    assert!(created.created_at().is_some() && created.updated_at().is_some());
    let again = client.create_metadef_resource_type_association(&namespace, &wanted).await;
    let again = again.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again}");
    let listed = clouds.demo.metadef_resource_type_associations(&namespace).await.unwrap();
    assert_eq!(timeless(listed[0].record()), timeless(created.record()));
    assert_eq!(listed.len(), 1);
    let types = clouds.demo.metadef_resource_types().await.unwrap();
    assert!(types.iter().any(|it| it.name() == Some(&kind) && it.created_at().is_some()));

    client.delete_metadef_resource_type_association(&namespace, &kind).await.unwrap();
    assert_eq!(client.metadef_resource_type_associations(&namespace).await.unwrap(), []);
    // The type stays.
    let types = client.metadef_resource_types().await.unwrap();
    assert!(types.iter().any(|it| it.name() == Some(&kind)));
    for error in [
        client.delete_metadef_resource_type_association(&namespace, &kind).await.unwrap_err(),
        client.metadef_resource_type_associations("Test::None").await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotFound(_)), "{error}");
    }
    client.delete_metadef_namespace(&namespace).await.unwrap();
}

pub(crate) async fn a_protected_namespace_keeps_its_parts(clouds: &Clouds) {
    let client = &clouds.admin;
    let mut wanted = MetadefNamespace::named(unique("Test::Namespace"));
    wanted.set_protected(true);
    wanted.set_tags(["t"]);
    wanted.set_properties([&text("p")]);
    wanted.set_objects([&MetadefObject::named("o")]);
    let kind = MetadefResourceTypeAssociation::named("OS::Glance::Image");
    wanted.set_resource_type_associations([&kind]);
    let name = wanted.namespace().to_owned();
    client.create_metadef_namespace(&wanted).await.unwrap();
    for error in [
        client.delete_metadef_property(&name, "p").await.unwrap_err(),
        client.delete_metadef_object(&name, "o").await.unwrap_err(),
        client.remove_metadef_tag(&name, "t").await.unwrap_err(),
        client
            .delete_metadef_resource_type_association(&name, "OS::Glance::Image")
            .await
            .unwrap_err(),
        client.delete_metadef_namespace(&name).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Forbidden(_)), "{error}");
        assert!(message(&error).contains("is protected and cannot be deleted"), "{error}");
    }
    // Other changes are allowed.
    client.create_metadef_property(&name, &text("q")).await.unwrap();
    client.update_metadef_property(&name, "q", &text("r")).await.unwrap();
    let mut shown = client.metadef_namespace(&name).await.unwrap();
    assert_eq!((shown.properties().len(), shown.objects().len(), shown.tags()), (2, 1, vec!["t"]));
    shown.set_protected(false);
    client.update_metadef_namespace(&name, &shown).await.unwrap();
    // An update does not change the parts.
    let mut unprotected = client.metadef_namespace(&name).await.unwrap();
    unprotected.set_protected(false);
    assert_eq!(timeless(unprotected.record()), timeless(shown.record()));
    client.delete_metadef_namespace(&name).await.unwrap();
}

pub(crate) async fn a_namespace_is_copied_with_all_parts(clouds: &Clouds) {
    let client = &clouds.admin;
    let mut wanted = MetadefNamespace::named(unique("Test::Namespace"));
    wanted.set_description("A description");
    let mut object = MetadefObject::named("o");
    object.set_properties([&text("a"), &text("b")]);
    object.set_required(["a"]);
    wanted.set_objects([&object, &MetadefObject::named("empty")]);
    wanted.set_properties([&text("p"), &text("q")]);
    wanted.set_tags(["one", "two"]);
    let mut association = MetadefResourceTypeAssociation::named("OS::Nova::Flavor");
    association.set_prefix("hw:");
    wanted.set_resource_type_associations([&association]);
    client.create_metadef_namespace(&wanted).await.unwrap();
    let original = client.metadef_namespace(wanted.namespace()).await.unwrap();

    let mut copy = original.clone();
    copy.set_namespace(unique("Test::Copy"));
    client.create_metadef_namespace(&copy).await.unwrap();
    let copied = client.metadef_namespace(copy.namespace()).await.unwrap();
    assert_eq!(copied.properties(), original.properties());
    assert_eq!(copied.properties().len(), 2);
    let sorted = |namespace: &MetadefNamespace| {
        let mut tags: Vec<String> = namespace.tags().iter().map(ToString::to_string).collect();
        tags.sort_unstable();
        tags
    };
    assert_eq!(sorted(&copied), ["one", "two"]);
    let objects = |namespace: &MetadefNamespace| {
        let mut objects = namespace.objects();
        objects.sort_by(|a, b| a.name().cmp(&b.name()));
        let parts = |object: &MetadefObject| {
            let required: Vec<String> = object.required().iter().map(ToString::to_string).collect();
            (object.name().map(str::to_owned), object.properties(), required)
        };
        objects.iter().map(parts).collect::<Vec<_>>()
    };
    assert_eq!(objects(&copied), objects(&original));
    assert_eq!(objects(&copied)[1].2, ["a"]);
    let prefix = &copied.resource_type_associations()[0];
    assert_eq!((prefix.name(), prefix.prefix()), (Some("OS::Nova::Flavor"), Some("hw:")));
    for name in [wanted.namespace(), copy.namespace()] {
        client.delete_metadef_namespace(name).await.unwrap();
    }
}

pub(crate) async fn names_with_odd_characters_are_found(clouds: &Clouds) {
    let client = &clouds.admin;
    let namespace = created(clouds, Visibility::Public).await;
    for name in ["with space", "a:b", "50% & more?", "#1"] {
        client.create_metadef_property(&namespace, &text(name)).await.unwrap();
        assert_eq!(client.metadef_property(&namespace, name).await.unwrap(), text(name));
        client.delete_metadef_property(&namespace, name).await.unwrap();
    }
    client.delete_metadef_namespace(&namespace).await.unwrap();
}
