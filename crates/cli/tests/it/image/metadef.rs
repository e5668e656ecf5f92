//! Metadata definitions.

use imgpush_sandbox::ADMIN;
use imgpush_scene::{Run, Scene};
use serde_json::{Value, json};

use super::{image, json};

/// A scene with two clouds: of an administrator, and of a member.
fn scene() -> Scene {
    let scene = Scene::start_blocking();
    scene.add_cloud(&scene.cloud_entry("admin", ADMIN));
    scene
}

/// Runs `imgpush image metadef …` as administrator, which must end with that code.
fn admin(scene: &Scene, code: i32, arguments: &[&str]) -> Run {
    image(scene, code, &[&["metadef"], arguments, &["--cloud", "admin"]].concat())
}

/// What it prints as JSON for a member.
fn shown(scene: &Scene, arguments: &[&str]) -> Value {
    json(scene, &[&["metadef"], arguments, &["--cloud", "mycloud"]].concat())
}

#[test]
fn a_namespace_keeps_what_is_not_changed() {
    let scene = scene();
    let create = ["namespace", "create", "NS", "--display-name", "A name"];
    admin(&scene, 0, &[&create[..], &["--description", "Text", "--public"]].concat());
    admin(&scene, 21, &create);
    let before = shown(&scene, &["namespace", "show", "NS"]);
    let created = (&before["display_name"], &before["description"], &before["visibility"]);
    assert_eq!(created, (&json!("A name"), &json!("Text"), &json!("public")));
    assert_eq!((&before["protected"], &before["tags"]), (&json!(false), &json!([])));

    admin(&scene, 0, &["namespace", "set", "NS", "--protected"]);
    admin(&scene, 0, &["namespace", "set", "NS", "--tag", "one", "--tag", "two"]);
    let mut after = shown(&scene, &["namespace", "show", "NS"]);
    assert_eq!(after["protected"], json!(true));
    let tags = after["tags"].as_array_mut().unwrap();
    tags.sort_by_key(ToString::to_string);
    assert_eq!(after["tags"], json!([{"name": "one"}, {"name": "two"}]));
    for key in ["display_name", "description", "visibility", "owner", "created_at"] {
        assert_eq!(after[key], before[key], "{key}");
    }

    // A tag that fails does not stop the others.
    let run = admin(&scene, 21, &["namespace", "set", "NS", "--tag", "one", "--tag", "three"]);
    run.says("cannot add tag one to namespace NS");
    assert_eq!(shown(&scene, &["namespace", "show", "NS"])["tags"].as_array().unwrap().len(), 3);

    // A protected namespace keeps its tags.
    let run = admin(&scene, 20, &["namespace", "unset", "NS", "--tag", "one"]);
    run.says("imgpush image metadef namespace set --unprotected NAMESPACE");
    admin(&scene, 20, &["namespace", "delete", "NS"]);
    admin(&scene, 0, &["namespace", "set", "NS", "--unprotected", "--private"]);
    let run = admin(&scene, 21, &["namespace", "unset", "NS", "--tag", "none", "--tag", "one"]);
    run.says("1 of 2 tags could not be removed");
    admin(&scene, 0, &["namespace", "unset", "NS", "--all-tags"]);
    let left = admin(&scene, 0, &["namespace", "show", "NS", "-f", "json"]).json();
    assert_eq!((&left["tags"], &left["description"]), (&json!([]), &json!("Text")));
    for arguments in [&["unset", "NS"][..], &["unset", "NS", "--all-tags", "--tag", "one"]] {
        admin(&scene, 2, &[&["namespace"], arguments].concat());
    }

    image(&scene, 21, &["metadef", "namespace", "show", "NS", "--cloud", "mycloud"]);
    let run = admin(&scene, 21, &["namespace", "delete", "None", "NS"]);
    run.says("1 of 2 namespaces could not be deleted");
    assert_eq!(admin(&scene, 0, &["namespace", "list", "-f", "json"]).json(), json!([]));
}

#[test]
fn namespaces_are_filtered() {
    let scene = scene();
    for (name, visibility) in [("A", "--public"), ("B", "--private"), ("C", "--public")] {
        admin(&scene, 0, &["namespace", "create", name, visibility]);
    }
    for (name, kind) in [("A", "OS::Glance::Image"), ("B", "OS::Nova::Flavor")] {
        admin(&scene, 0, &["resource", "type", "association", "create", name, kind]);
    }
    let names = |arguments: &[&str]| {
        let columns = ["-f", "value", "-c", "namespace", "--sort-column", "namespace"];
        let run = admin(&scene, 0, &[&["namespace", "list"], arguments, &columns].concat());
        run.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["A", "B", "C"]);
    assert_eq!(names(&["--visibility", "public"]), ["A", "C"]);
    assert_eq!(names(&["--resource-types", "OS::Glance::Image"]), ["A"]);
    assert_eq!(names(&["--resource-types", "OS::Glance::Image,OS::Nova::Flavor"]), ["A", "B"]);
    admin(&scene, 21, &["namespace", "list", "--visibility", "shared"]);
}

#[test]
fn more_namespaces_than_a_page_are_listed() {
    let scene = scene();
    let client = scene.block_on(scene.login(ADMIN));
    for at in 0..230 {
        let namespace = imgpush_client::MetadefNamespace::named(format!("NS{at:03}"));
        scene.block_on(client.create_metadef_namespace(&namespace)).unwrap();
    }
    let list = admin(&scene, 0, &["namespace", "list", "-f", "value"]);
    let mut names: Vec<&str> = list.stdout.lines().collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), names[229]), (230, "NS229"));
}

#[test]
fn a_property_keeps_what_is_not_changed() {
    let scene = scene();
    admin(&scene, 0, &["namespace", "create", "NS", "--public"]);
    let create = |name, schema| {
        [
            "property", "create", "NS", "--name", name, "--title", "T", "--type", "string",
            "--schema", schema,
        ]
    };
    // Names of the API and of openstacksdk.
    let schema = "{\"minLength\": 1, \"max_length\": 9, \"is_readonly\": true, \"enum\": [\"a\"]}";
    let created = admin(&scene, 0, &[&create("p", schema)[..], &["-f", "json"]].concat()).json();
    let mut expected = json!({
        "name": "p", "title": "T", "type": "string", "minLength": 1, "maxLength": 9,
        "readonly": true, "enum": ["a"],
    });
    assert_eq!(created, expected);
    assert_eq!(shown(&scene, &["property", "show", "NS", "p"]), expected);

    let set = ["property", "set", "NS", "p", "--title", "Title"];
    admin(
        &scene,
        0,
        &[&set[..], &["--schema", "{\"enum\": null, \"description\": \"D\"}"]].concat(),
    );
    expected["title"] = json!("Title");
    expected["description"] = json!("D");
    expected.as_object_mut().unwrap().remove("enum");
    assert_eq!(shown(&scene, &["property", "show", "NS", "p"]), expected);
    admin(&scene, 0, &["property", "set", "NS", "p", "--name", "q"]);
    expected["name"] = json!("q");
    assert_eq!(shown(&scene, &["property", "show", "NS", "q"]), expected);
    let listed = json!([{"name": "q", "title": "Title", "type": "string"}]);
    assert_eq!(shown(&scene, &["property", "list", "NS"]), listed);

    admin(&scene, 21, &create("q", "{}"));
    admin(&scene, 21, &create("x", "{\"colour\": \"red\"}"));
    for schema in ["[]", "{", ""] {
        admin(&scene, 2, &create("x", schema));
    }
    admin(&scene, 2, &create("a/b", "{}"));
    admin(&scene, 21, &["property", "set", "NS", "none", "--title", "Title"]);
    admin(&scene, 0, &create("r", "{}"));
    admin(&scene, 21, &["property", "delete", "NS", "none", "r"]);
    assert_eq!(shown(&scene, &["property", "list", "NS"]), listed);
    admin(&scene, 0, &["property", "delete", "NS"]);
    assert_eq!(shown(&scene, &["property", "list", "NS"]), json!([]));
}

#[test]
fn an_object_keeps_its_properties_when_it_is_renamed() {
    let scene = scene();
    admin(&scene, 0, &["namespace", "create", "NS", "--public"]);
    let created = ["object", "create", "--namespace", "NS", "o", "-f", "json"];
    let created = admin(&scene, 0, &created).json();
    let columns = [
        "created_at",
        "description",
        "name",
        "namespace_name",
        "properties",
        "required",
        "updated_at",
    ];
    assert_eq!(created.as_object().unwrap().keys().collect::<Vec<_>>(), columns);
    assert_eq!((&created["name"], &created["namespace_name"]), (&json!("o"), &json!("NS")));

    // openstackclient has no option for properties either.
    let client = scene.block_on(scene.login(ADMIN));
    let mut object = imgpush_client::MetadefObject::named("o");
    object.set_description("D");
    object.set_required(["p"]);
    object.set_properties([&imgpush_client::MetadefProperty::new("p", "P", "string")]);
    scene.block_on(client.update_metadef_object("NS", "o", &object)).unwrap();
    admin(&scene, 0, &["object", "update", "NS", "o"]);
    admin(&scene, 0, &["object", "update", "NS", "o", "--name", "renamed"]);
    let shown_object = shown(&scene, &["object", "show", "NS", "renamed"]);
    assert_eq!(shown_object["properties"], json!({"p": {"title": "P", "type": "string"}}));
    assert_eq!(shown_object["required"], json!(["p"]));
    let property = shown(&scene, &["object", "property", "show", "NS", "renamed", "p"]);
    assert_eq!(property, json!({"name": "p", "title": "P", "type": "string"}));
    let show = ["metadef", "object", "property", "show", "NS", "renamed", "q"];
    let run = image(&scene, 21, &[&show[..], &["--cloud", "mycloud"]].concat());
    run.says("object renamed has no property q");
    let listed = json!([{"name": "renamed", "description": "D"}]);
    assert_eq!(shown(&scene, &["object", "list", "NS"]), listed);

    admin(&scene, 21, &["object", "create", "--namespace", "None", "o"]);
    admin(&scene, 2, &["object", "create", "o"]);
    admin(&scene, 21, &["object", "update", "NS", "o", "--name", "x"]);
    admin(&scene, 0, &["object", "create", "--namespace", "NS", "second"]);
    admin(&scene, 21, &["object", "delete", "NS", "o", "second"]);
    assert_eq!(shown(&scene, &["object", "list", "NS"]), listed);
    admin(&scene, 0, &["object", "delete", "NS"]);
    assert_eq!(shown(&scene, &["object", "list", "NS"]), json!([]));
}

#[test]
fn resource_types_are_associated() {
    let scene = scene();
    admin(
        &scene,
        0,
        &["namespace", "create", "NS", "--public", "--protected", "--description", "D"],
    );
    let association =
        |arguments: &[&'static str]| [&["resource", "type", "association"], arguments].concat();
    let target =
        ["create", "NS", "OS::Cinder::Volume", "--properties-target", "image", "-f", "json"];
    let created = admin(&scene, 0, &association(&target)).json();
    assert_eq!(
        (&created["id"], &created["name"], &created["properties_target"], &created["prefix"]),
        (&json!("OS::Cinder::Volume"), &created["id"], &json!("image"), &json!(null))
    );
    admin(&scene, 0, &association(&["create", "NS", "OS::Glance::Image"]));
    admin(&scene, 21, &association(&["create", "NS", "OS::Glance::Image"]));
    let both = json!([{"Name": "OS::Cinder::Volume"}, {"Name": "OS::Glance::Image"}]);
    assert_eq!(shown(&scene, &association(&["list", "NS"])), both);
    assert_eq!(shown(&scene, &["resource", "type", "list"]), both);
    let namespace = shown(&scene, &["namespace", "show", "NS"]);
    let names = json!(["OS::Cinder::Volume", "OS::Glance::Image"]);
    assert_eq!(namespace["resource_type_associations"], names);

    // The namespace is protected again, also if a deletion fails.
    admin(&scene, 20, &association(&["delete", "NS", "OS::Glance::Image"]));
    admin(&scene, 21, &association(&["delete", "NS", "OS::None", "OS::Glance::Image", "--force"]));
    let one = json!([{"Name": "OS::Cinder::Volume"}]);
    assert_eq!(shown(&scene, &association(&["list", "NS"])), one);
    let after = shown(&scene, &["namespace", "show", "NS"]);
    assert_eq!((&after["protected"], &after["description"]), (&json!(true), &json!("D")));
    assert_eq!(shown(&scene, &["resource", "type", "list"]), both);
    admin(&scene, 21, &association(&["list", "None"]));
}
